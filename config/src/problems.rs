//! What the user reads when a file is wrong: each problem with its place and what to do about it.
//!
//! `load` makes them; `outrigger check`, the log and `/config_status` show them.

use std::fmt;
use std::io;
use std::ops::Range;

use serde_json::{Value, json};

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Severity {
    /// The file is refused.
    Error,
    /// The file is taken.
    Warning,
}

/// One problem of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Whether the file is refused.
    pub severity: Severity,
    /// As `load` was told.
    pub file: String,
    /// From 1.
    pub line: usize,
    /// From 1, in characters.
    pub column: usize,
    /// Such as `routes.mesh[2].split[0].upstream`; empty for the file as a whole.
    pub path: String,
    /// What is wrong, in one line.
    pub message: String,
    /// What to do.
    pub help: Option<String>,
    /// The line, to be drawn.
    pub(crate) excerpt: Excerpt,
}

/// A line of the file, cut to a width that can be shown, and the part that is meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Excerpt {
    pub(crate) text: String,
    pub(crate) marked: Range<usize>,
}

/// The problems of a file, in its order; never more than [`Problems::SHOWN_MAX`].
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Problems {
    pub(crate) list: Vec<Problem>,
    pub(crate) omitted: usize,
}

impl Problems {
    /// So many are kept, the rest is counted.
    pub const SHOWN_MAX: usize = 100;

    /// The one problem of a file that cannot be read; it is said to stand at its beginning.
    pub fn unreadable(file: &str, error: &io::Error) -> Problems {
        let problem = Problem {
            severity: Severity::Error,
            file: file.to_owned(),
            line: 1,
            column: 1,
            path: String::new(),
            message: printable(format!("cannot be read: {error}")),
            help: None,
            excerpt: Excerpt::around("", 0..0),
        };
        Problems { list: vec![problem], omitted: 0 }
    }

    /// True if there are none.
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// How many there are, those beyond [`Problems::SHOWN_MAX`] too.
    pub fn len(&self) -> usize {
        self.list.len() + self.omitted
    }

    /// Those that were kept.
    pub fn iter(&self) -> std::slice::Iter<'_, Problem> {
        self.list.iter()
    }

    /// `{"problems": [{severity, file, line, column, path, message, help}], "omitted": n}`
    pub fn to_json(&self) -> Value {
        let problems: Vec<Value> = self.list.iter().map(Problem::to_json).collect();
        json!({ "problems": problems, "omitted": self.omitted })
    }

    /// Drawn as rustc draws its own, with colours for a terminal if asked.
    pub fn draw(&self, colour: bool) -> String {
        crate::draw::problems(self, colour)
    }
}

impl<'p> IntoIterator for &'p Problems {
    type Item = &'p Problem;
    type IntoIter = std::slice::Iter<'p, Problem>;

    fn into_iter(self) -> Self::IntoIter {
        self.list.iter()
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.draw(false))
    }
}

impl std::error::Error for Problems {}

impl Problem {
    fn to_json(&self) -> Value {
        let severity = match self.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
        };
        json!({
            "severity": severity,
            "file": self.file,
            "line": self.line,
            "column": self.column,
            "path": self.path,
            "message": self.message,
            "help": self.help,
        })
    }
}

impl Excerpt {
    /// A longer line is cut around the part that is meant.
    pub(crate) const BYTES_MAX: usize = 200;

    /// `marked` are byte offsets in `line`, on character boundaries.
    pub(crate) fn around(line: &str, marked: Range<usize>) -> Excerpt {
        let from = match line.len() > Self::BYTES_MAX {
            true => floor(line, marked.start.saturating_sub(Self::BYTES_MAX / 2)),
            false => 0,
        };
        let to = floor(line, line.len().min(from + Self::BYTES_MAX));
        let marked = marked.start - from..marked.end.clamp(marked.start, to) - from;
        // A tab or another control character would shift the marks under the line.
        let mut text = String::with_capacity(to - from);
        for c in line[from..to].chars() {
            match c.is_control() {
                true => text.extend(std::iter::repeat_n(' ', c.len_utf8())),
                false => text.push(c),
            }
        }
        Excerpt { text, marked }
    }
}

/// A message quotes the file: its control characters must not reach a terminal or forge a log line.
pub(crate) fn printable(text: String) -> String {
    match text.contains(char::is_control) {
        true => text.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect(),
        false => text,
    }
}

/// The character boundary at or before `at`.
fn floor(line: &str, mut at: usize) -> usize {
    while !line.is_char_boundary(at) {
        at -= 1;
    }
    at
}
