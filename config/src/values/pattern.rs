//! Regular expressions and what they substitute.

use regex::bytes::{Regex, RegexBuilder};

use super::quote;
use crate::document::Wrong;
use crate::pattern::Pattern;

/// Bytes of a compiled pattern, and of the cache that each core keeps for it.
const COMPILED_BYTES_MAX: usize = 256 << 10;

/// What anchors a pattern.
const BEGIN: &str = r"\A(?:";
const END: &str = r")\z";

/// A pattern for a whole value, or, unanchored, for parts of it. Linear time by construction.
/// It sees bytes: `.` is any byte but a line feed, and classes such as `\w` are those of ASCII.
pub(crate) fn pattern(text: &str, anchored: bool) -> Result<Pattern, Wrong> {
    let alone = compile(text).map_err(|error| no_pattern(text, &error))?;
    if !anchored {
        return Ok(Pattern(alone));
    }
    // The pattern was compiled alone before, since `a)|(b` would be balanced by our own group.
    let whole =
        compile(&format!("{BEGIN}{text}{END}")).map_err(|error| no_pattern(text, &error))?;
    Ok(Pattern(whole))
}

fn compile(text: &str) -> Result<Regex, regex::Error> {
    RegexBuilder::new(text)
        .unicode(false)
        .size_limit(COMPILED_BYTES_MAX)
        .dfa_size_limit(COMPILED_BYTES_MAX)
        .build()
}

fn no_pattern(text: &str, error: &regex::Error) -> Wrong {
    let wrong = Wrong::new(format!("{} is not a regular expression", quote(text)));
    match error {
        regex::Error::CompiledTooBig(_) => {
            Wrong::new(format!("{} needs more than 256 KiB when compiled", quote(text)))
                .help("use smaller repetitions, or several routes")
        }
        // The last line says what; those above it draw the pattern.
        error => match error.to_string().lines().last().map(|line| line.replace("error: ", "")) {
            Some(reason) => wrong.help(reason),
            None => wrong,
        },
    }
}

/// Envoy's `\1` made into the regex crate's `${1}`; `\\` is a backslash.
pub(crate) fn substitution(text: &str, pattern: &Pattern) -> Result<String, Wrong> {
    let groups = pattern.0.captures_len() - 1;
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match c {
            '$' => out.push_str("$$"),
            '\\' => match chars.next() {
                Some('\\') => out.push('\\'),
                Some(digit @ '0'..='9') => {
                    if digit.to_digit(10).is_some_and(|digit| digit as usize > groups) {
                        return Err(Wrong::new(format!("`\\{digit}` names a missing group")).help(
                            match groups {
                                0 => "the pattern has no group in parentheses".to_owned(),
                                last => format!("the last group of the pattern is `\\{last}`"),
                            },
                        ));
                    }
                    out.push_str(&format!("${{{digit}}}"));
                }
                _ => {
                    return Err(Wrong::new(format!("{} has a lone backslash", quote(text)))
                        .help(r"write \1 for a group and \\ for a backslash"));
                }
            },
            c => out.push(c),
        }
    }
    Ok(out)
}

/// An anchored pattern as it was written.
pub(crate) fn show_pattern(pattern: &Pattern) -> &str {
    let text = pattern.0.as_str();
    text.strip_prefix(BEGIN).and_then(|rest| rest.strip_suffix(END)).unwrap_or(text)
}

/// What [`substitution`] made, in Envoy's syntax again.
pub(crate) fn show_substitution(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text.chars();
    while let Some(c) = rest.next() {
        match c {
            '\\' => out.push_str(r"\\"),
            '$' => match rest.next() {
                Some('{') => {
                    out.push('\\');
                    out.extend(rest.by_ref().take_while(|c| *c != '}'));
                }
                other => out.extend(other),
            },
            c => out.push(c),
        }
    }
    out
}
