//! TOML's syntax errors in our words, with what to do.
//!
//! `document` calls it when a file does not parse.

use toml_parser::{Expected, ParseError};

use crate::document::{Findings, Wrong};

/// The parser's errors as findings.
pub(crate) fn findings(text: &str, errors: &[ParseError]) -> Findings {
    let mut findings = Findings::default();
    // No line of TOML begins so, and each line of such a file would be an error.
    let start = text.len() - text.trim_start().len();
    if text[start..].starts_with('{') {
        let wrong = Wrong::new("this is JSON; TOML is wanted");
        let help = "`outrigger demo` shows a file to start from; a line is `key = value`";
        findings.push(toml_parser::Span::new_unchecked(start, start + 1).into(), wrong.help(help));
        return findings;
    }
    for error in errors {
        let span = error.unexpected().or(error.context()).unwrap_or_default();
        findings.push(span.into(), describe(text, error));
    }
    findings
}

fn describe(text: &str, error: &ParseError) -> Wrong {
    let span = error.unexpected().unwrap_or_default();
    let found = text.get(span.start()..span.end()).unwrap_or_default().trim();
    let next = text.get(span.start()..).and_then(|rest| rest.chars().next());
    match (error.description(), next) {
        (_, Some(bad)) if bad.is_control() && !bad.is_ascii_whitespace() => {
            Wrong::new(format!("the character U+{:04X} cannot stand here", bad as u32))
                .help("control characters are written as escapes: \"\\u0000\"")
        }
        ("string values must be quoted", _) if found.is_empty() => {
            Wrong::new("there is no value after `=`").help("write one, or take the key out")
        }
        ("string values must be quoted", _) => bare_word(found),
        // So it is called by its first letter: `inbound` might have been `inf`.
        ("invalid float" | "invalid boolean", Some(first))
            if first.is_alphabetic() && error.unexpected() == error.context() =>
        {
            bare_word(found)
        }
        ("unquoted keys cannot be empty", Some('=')) => {
            Wrong::new("there is no key before `=`").help("a line is `key = value`")
        }
        ("invalid unquoted key", Some(':')) => {
            Wrong::new("a key is followed by `=`, not by `:`").help("a line is `key = value`")
        }
        ("key with no value", _) => Wrong::new("this is not TOML").help(
            "a line is `key = value`, or `[table]`, or `[[table]]` for the next one of several",
        ),
        ("invalid basic string" | "invalid literal string", _) => {
            Wrong::new("this text is not closed").help("close it with the quote that it began with")
        }
        ("missing escaped value", _) => Wrong::new("this backslash begins no escape")
            .help(r"write `\\` for a backslash, or the whole text in single quotes"),
        ("missing comma between array elements", _) => {
            Wrong::new("a comma is missing here").help("the items of an array are [1, 2, 3]")
        }
        ("unexpected key or value", _) => {
            Wrong::new("the line should end here").help("each key has a line of its own")
        }
        (description, _) => other(text, error, description),
    }
}

/// A word that is no value.
fn bare_word(word: &str) -> Wrong {
    let meant = match word.to_ascii_lowercase().as_str() {
        "true" | "yes" | "on" => "true",
        "false" | "no" | "off" => "false",
        _ => return Wrong::new("a text stands in quotes").help(format!("write \"{word}\"")),
    };
    Wrong::new(format!("`{word}` is no value"))
        .help(format!("write {meant}; a text stands in quotes"))
}

fn other(text: &str, error: &ParseError, description: &str) -> Wrong {
    let expected: Vec<String> = error.expected().unwrap_or_default().iter().map(word).collect();
    let expected = match expected.is_empty() {
        true => String::new(),
        false => format!(", expected {}", expected.join(" or ")),
    };
    let wrong = Wrong::new(format!("{description}{expected}"));
    if description.ends_with("is defined twice") {
        let first = error.context().map_or(0, |first| first.start());
        let line = text[..first].matches('\n').count() + 1;
        return wrong.help(format!("the first is in line {line}"));
    }
    if description.ends_with("never closed") {
        return wrong.help("the rest of the file was not looked at");
    }
    wrong
}

fn word(expected: &Expected) -> String {
    match expected {
        Expected::Literal("\n") => "the end of the line".to_owned(),
        Expected::Literal(literal) => format!("`{literal}`"),
        Expected::Description(description) => (*description).to_owned(),
        _ => "something else".to_owned(),
    }
}
