//! TOML's syntax errors in our words, with what to do where it is known.
//!
//! `document` calls it when a file does not parse.

use toml_parser::{Expected, ParseError};

use crate::document::{Findings, Wrong};

/// The parser's errors as findings.
pub(crate) fn findings(text: &str, errors: &[ParseError]) -> Findings {
    let mut findings = Findings::default();
    for error in errors {
        let span = error.unexpected().or(error.context()).unwrap_or_default();
        let found = text.get(span.start()..span.end()).unwrap_or_default();
        findings.push(span.into(), describe(text, error, found));
    }
    findings
}

fn describe(text: &str, error: &ParseError, found: &str) -> Wrong {
    let mut message = error.description().to_owned();
    let expected: Vec<String> = error.expected().unwrap_or_default().iter().map(word).collect();
    if !expected.is_empty() {
        message.push_str(&format!(", expected {}", expected.join(" or ")));
    }
    let wrong = Wrong::new(message);
    match error.description() {
        "string values must be quoted" => wrong.help(format!("write \"{}\"", found.trim())),
        twice if twice.ends_with("is defined twice") => {
            let first = error.context().map_or(0, |first| first.start());
            let line = text[..first].matches('\n').count() + 1;
            wrong.help(format!("the first is in line {line}"))
        }
        deep if deep.ends_with("too deeply") => wrong.help("nothing here is deeper than 8"),
        _ => wrong,
    }
}

fn word(expected: &Expected) -> String {
    match expected {
        Expected::Literal("\n") => "the end of the line".to_owned(),
        Expected::Literal(literal) => format!("`{literal}`"),
        Expected::Description(description) => (*description).to_owned(),
        _ => "something else".to_owned(),
    }
}
