//! TOML's syntax errors, made into ours: at most one a line, with what to do where it is known.
//!
//! `document` calls it when a file does not parse.

use crate::document::{Findings, Span, Wrong};

/// The parser's errors as findings. One mistake often makes several errors: the first of a line
/// is kept.
pub(crate) fn findings(text: &str, errors: &[toml::de::Error]) -> Findings {
    let mut sorted: Vec<(usize, usize, &str)> = errors
        .iter()
        .map(|error| {
            let span = error.span().unwrap_or(0..0);
            (span.start.min(text.len()), span.end.min(text.len()), error.message())
        })
        .collect();
    sorted.sort_by_key(|(start, ..)| *start);
    let mut findings = Findings::default();
    let mut line_end = None;
    for (start, end, message) in sorted {
        if line_end.is_some_and(|line_end| start <= line_end) {
            continue;
        }
        line_end = Some(text[start..].find('\n').map_or(text.len(), |newline| start + newline));
        let span = Span::from(start..end.max(start));
        findings.push(span, describe(message, &text[start..end.max(start)]));
    }
    findings
}

fn describe(message: &str, found: &str) -> Wrong {
    let wrong = Wrong::new(message.replace("invalid ", "not a valid "));
    match message {
        _ if message.starts_with("string values must be quoted") => {
            wrong.help(format!("write \"{}\"", found.trim()))
        }
        _ if message.starts_with("duplicate key") => {
            wrong.help("TOML allows each key and each [table] once; give one of them another name")
        }
        _ if message.contains("recursion") => {
            wrong.help("nothing in this file nests deeper than 6")
        }
        _ => wrong,
    }
}
