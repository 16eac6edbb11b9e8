//! The file as text: bytes to a TOML tree whose every node knows where it stands.
//!
//! It knows TOML, and nothing of what the keys mean. `load` calls it first; [`Findings`] goes
//! through the whole load, and [`Document::report`] turns it into what the user reads.

use std::collections::HashMap;
use std::ops::Range;

use toml::de::{DeTable, DeValue};

use crate::problems::{Excerpt, Problem, Problems, Severity};
use crate::syntax;

/// A larger file is refused: the parser's own memory is about 20 bytes per byte of the file.
pub(crate) const FILE_BYTES_MAX: usize = 16 << 20;
/// Above this size only the first syntax error is reported, since the parser keeps all of them.
const RECOVERY_BYTES_MAX: usize = 256 << 10;

/// A place in the file: byte offsets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub(crate) struct Span {
    /// Inclusive.
    pub(crate) start: u32,
    /// Exclusive.
    pub(crate) end: u32,
}

impl From<Range<usize>> for Span {
    fn from(range: Range<usize>) -> Span {
        let offset = |at: usize| u32::try_from(at).expect("a file has at most FILE_BYTES_MAX");
        Span { start: offset(range.start), end: offset(range.end) }
    }
}

/// What is wrong with one value, without its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Wrong {
    /// One line, no full stop.
    pub(crate) message: String,
    /// What to do about it.
    pub(crate) help: Option<String>,
}

impl Wrong {
    /// Says what is wrong.
    pub(crate) fn new(message: impl Into<String>) -> Wrong {
        Wrong { message: message.into(), help: None }
    }

    /// Says what to do.
    pub(crate) fn help(mut self, help: impl Into<String>) -> Wrong {
        self.help = Some(help.into());
        self
    }
}

/// What was found wrong so far; bounded.
#[derive(Debug, Default)]
pub(crate) struct Findings {
    kept: Vec<(Span, Wrong)>,
    omitted: usize,
}

impl Findings {
    /// Notes a problem.
    pub(crate) fn push(&mut self, span: Span, wrong: Wrong) {
        if self.is_full() {
            self.omitted += 1;
        } else {
            self.kept.push((span, wrong));
        }
    }

    /// Further problems will only be counted, so that searching for a good help is a waste.
    pub(crate) fn is_full(&self) -> bool {
        self.kept.len() >= Problems::SHOWN_MAX
    }

    /// How many there are, the omitted ones too.
    pub(crate) fn count(&self) -> usize {
        self.kept.len() + self.omitted
    }
}

/// A parsed file.
pub(crate) struct Document<'d> {
    file: &'d str,
    text: &'d str,
    /// The top-level table.
    pub(crate) root: DeTable<'d>,
}

impl<'d> Document<'d> {
    /// Bytes to a tree; the errors are those of the encoding and of TOML's syntax.
    pub(crate) fn parse(file: &'d str, bytes: &'d [u8]) -> Result<Document<'d>, Problems> {
        let text = match decode(bytes) {
            Ok(text) => text,
            Err(wrong) => return Err(about_file(file, bytes, wrong)),
        };
        match DeTable::parse(text) {
            Ok(root) => Ok(Document { file, text, root: root.into_inner() }),
            Err(first) if text.len() > RECOVERY_BYTES_MAX => {
                let document = Document { file, text, root: DeTable::new() };
                Err(document.report(syntax::findings(text, &[first]), Severity::Error))
            }
            Err(_) => {
                let (root, errors) = DeTable::parse_recoverable(text);
                let document = Document { file, text, root: root.into_inner() };
                Err(document.report(syntax::findings(text, &errors), Severity::Error))
            }
        }
    }

    /// Findings with line, column, path and the line itself, in the file's order.
    pub(crate) fn report(&self, mut findings: Findings, severity: Severity) -> Problems {
        findings.kept.sort_by_key(|(span, _)| *span);
        let paths = self.paths(&findings);
        let mut lines = Lines { text: self.text, start: 0, number: 1 };
        let list = findings.kept.into_iter().map(|(span, wrong)| {
            let (line, column, excerpt) = lines.locate(span);
            let path = paths.get(&span).cloned().unwrap_or_default();
            Problem {
                severity,
                file: self.file.to_owned(),
                line,
                column,
                path,
                message: wrong.message,
                help: wrong.help,
                excerpt: Some(excerpt),
            }
        });
        Problems { list: list.collect(), omitted: findings.omitted }
    }

    /// The paths of all findings, in one walk over the tree.
    fn paths(&self, findings: &Findings) -> HashMap<Span, String> {
        let mut wanted: HashMap<Span, String> =
            findings.kept.iter().map(|(span, _)| (*span, String::new())).collect();
        if !wanted.is_empty() {
            walk_table(&self.root, &mut String::new(), &mut wanted);
        }
        wanted
    }
}

/// The file as a string, without a byte order mark.
fn decode(bytes: &[u8]) -> Result<&str, (usize, Wrong)> {
    if bytes.len() > FILE_BYTES_MAX {
        let wrong = Wrong::new(format!("the file has {} bytes, more than 16 MiB", bytes.len()));
        return Err((0, wrong.help("is this the right file?")));
    }
    let text = std::str::from_utf8(bytes).map_err(|error| {
        let at = error.valid_up_to();
        let wrong = Wrong::new(format!("byte {:#04x} is not UTF-8", bytes[at]));
        (at, wrong.help("TOML files are UTF-8: save the file in that encoding"))
    })?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    if text.trim().is_empty() {
        let wrong = Wrong::new("the file is empty");
        return Err((0, wrong.help("`outrigger demo` shows a file to start from")));
    }
    Ok(text)
}

/// The one problem of a file that is no text.
fn about_file(file: &str, bytes: &[u8], (at, wrong): (usize, Wrong)) -> Problems {
    let before = &bytes[..at];
    let line = before.iter().filter(|&&byte| byte == b'\n').count() + 1;
    let start = before.iter().rposition(|&byte| byte == b'\n').map_or(0, |newline| newline + 1);
    let column = String::from_utf8_lossy(&before[start..]).chars().count() + 1;
    let problem = Problem {
        severity: Severity::Error,
        file: file.to_owned(),
        line,
        column,
        path: String::new(),
        message: wrong.message,
        help: wrong.help,
        excerpt: None,
    };
    Problems { list: vec![problem], omitted: 0 }
}

/// Counts lines as spans come, in the file's order.
struct Lines<'d> {
    text: &'d str,
    start: usize,
    number: usize,
}

impl Lines<'_> {
    /// Line and column, counted from 1 and in characters, and the line around the span.
    fn locate(&mut self, span: Span) -> (usize, usize, Excerpt) {
        let bytes = self.text.as_bytes();
        let at = (span.start as usize).min(bytes.len());
        while let Some(newline) = bytes[self.start..at].iter().position(|&byte| byte == b'\n') {
            self.start += newline + 1;
            self.number += 1;
        }
        let rest = &self.text[self.start..];
        let line = rest.split('\n').next().unwrap_or(rest).trim_end_matches('\r');
        let from = (at - self.start).min(line.len());
        let to = (span.end as usize).saturating_sub(self.start).clamp(from, line.len());
        let column = line[..from].chars().count() + 1;
        (self.number, column, Excerpt::around(line, from..to))
    }
}

/// Fills in the paths of the spans wanted; of nodes with the same span, the innermost wins.
fn walk_table(table: &DeTable<'_>, path: &mut String, wanted: &mut HashMap<Span, String>) {
    let parent = path.len();
    for (key, value) in table {
        if parent > 0 {
            path.push('.');
        }
        push_key(path, key.get_ref());
        walk_value(key.span().into(), value.span().into(), value.get_ref(), path, wanted);
        path.truncate(parent);
    }
}

fn walk_value(
    key: Span,
    span: Span,
    value: &DeValue<'_>,
    path: &mut String,
    wanted: &mut HashMap<Span, String>,
) {
    for place in [key, span] {
        if let Some(found) = wanted.get_mut(&place) {
            found.clone_from(path);
        }
    }
    match value {
        DeValue::Table(table) => walk_table(table, path, wanted),
        DeValue::Array(array) => {
            let parent = path.len();
            for (index, element) in array.iter().enumerate() {
                path.push_str(&format!("[{index}]"));
                let span = element.span().into();
                walk_value(span, span, element.get_ref(), path, wanted);
                path.truncate(parent);
            }
        }
        _ => {}
    }
}

/// A key as TOML writes it: bare where it can be.
fn push_key(path: &mut String, key: &str) {
    let bare = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    if !key.is_empty() && key.bytes().all(bare) {
        path.push_str(key);
    } else {
        path.push_str(&format!("{key:?}"));
    }
}
