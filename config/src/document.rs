//! The file as text: bytes to a TOML tree whose every node knows where it stands.
//!
//! It knows TOML, and nothing of what the keys mean. `load` calls it first; [`Findings`] goes
//! through the whole load, and [`Document::report`] turns it into what the user reads.

use std::collections::HashMap;

use crate::problems::{Excerpt, Problem, Problems, Severity, printable};
use crate::syntax;
use crate::tree::{self, Node, Table, Value};

/// A larger file is refused.
pub(crate) const FILE_BYTES_MAX: usize = 16 << 20;

/// A place in the file: byte offsets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub(crate) struct Span {
    /// Inclusive.
    pub(crate) start: u32,
    /// Exclusive.
    pub(crate) end: u32,
}

impl From<toml_parser::Span> for Span {
    fn from(span: toml_parser::Span) -> Span {
        let offset = |at: usize| u32::try_from(at).expect("a file has at most FILE_BYTES_MAX");
        Span { start: offset(span.start()), end: offset(span.end()) }
    }
}

impl From<Span> for toml_parser::Span {
    fn from(span: Span) -> toml_parser::Span {
        toml_parser::Span::new_unchecked(span.start as usize, span.end as usize)
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

/// A file that is text.
pub(crate) struct Document<'d> {
    file: &'d str,
    text: &'d str,
}

impl<'d> Document<'d> {
    /// Bytes to text.
    pub(crate) fn new(file: &'d str, bytes: &'d [u8]) -> Result<Document<'d>, Problems> {
        match decode(bytes) {
            Ok(text) => Ok(Document { file, text }),
            Err(wrong) => Err(about_file(file, bytes, wrong)),
        }
    }

    /// Text to a tree; the errors are those of TOML's syntax.
    pub(crate) fn parse(&self) -> Result<Table<'d>, Problems> {
        let (root, errors) = tree::parse(self.text);
        match errors.is_empty() {
            true => Ok(root),
            false => Err(self.report(syntax::findings(self.text, &errors), Severity::Error)),
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
                message: printable(wrong.message),
                help: wrong.help.map(printable),
                excerpt,
            }
        });
        Problems { list: list.collect(), omitted: findings.omitted }
    }

    /// The paths of all findings, in one walk over the tree. The tree is made again for it: it is
    /// the largest part of a load's memory, and most files have no findings.
    fn paths(&self, findings: &Findings) -> HashMap<Span, String> {
        let mut wanted: HashMap<Span, String> =
            findings.kept.iter().map(|(span, _)| (*span, String::new())).collect();
        if !wanted.is_empty() {
            walk_table(&tree::parse(self.text).0, &mut String::new(), &mut wanted);
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
    let rest = bytes[at..].split(|&byte| byte == b'\n').next().unwrap_or_default();
    let rest = String::from_utf8_lossy(&rest[..rest.len().min(Excerpt::BYTES_MAX)]);
    let before = String::from_utf8_lossy(&before[start..]);
    let marked = before.len()..before.len() + rest.chars().next().map_or(0, char::len_utf8);
    let column = before.chars().count() + 1;
    let problem = Problem {
        severity: Severity::Error,
        file: file.to_owned(),
        line,
        column,
        path: String::new(),
        message: wrong.message,
        help: wrong.help,
        excerpt: Excerpt::around(&format!("{before}{rest}"), marked),
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
fn walk_table(table: &Table<'_>, path: &mut String, wanted: &mut HashMap<Span, String>) {
    let parent = path.len();
    for (key, node) in table.iter() {
        if parent > 0 {
            path.push('.');
        }
        push_key(path, &key.text);
        walk_node(key.span, node, path, wanted);
        path.truncate(parent);
    }
}

fn walk_node(key: Span, node: &Node<'_>, path: &mut String, wanted: &mut HashMap<Span, String>) {
    for place in [key, node.span] {
        if let Some(found) = wanted.get_mut(&place) {
            found.clone_from(path);
        }
    }
    match &node.value {
        Value::Table(table) => walk_table(table, path, wanted),
        Value::Array(array) => {
            let parent = path.len();
            for (index, item) in array.items.iter().enumerate() {
                path.push_str(&format!("[{index}]"));
                walk_node(item.span, item, path, wanted);
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
