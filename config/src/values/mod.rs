//! The texts that users write as values: `"250ms"`, `"64KiB"`, `"10.0.0.1:8080"`.
//!
//! Each function takes the text and returns the value or says what is wrong with it; none knows
//! the key it is for. The rows of `raw` call them.

mod address;
mod duration;
mod field;
mod file;
mod host;
mod path;
mod pattern;
mod size;
mod template;
#[cfg(test)]
mod tests;

pub(crate) use address::{endpoint, listen};
pub(crate) use duration::{duration, show_duration};
pub(crate) use field::{field_name, field_value, method, name, pseudonym};
pub(crate) use file::file;
pub(crate) use host::{host, target_host};
pub(crate) use path::path;
pub(crate) use pattern::{pattern, show_pattern, show_substitution, substitution};
pub(crate) use size::{show_size, size};
pub(crate) use template::{log_format, log_template, show_template, template};

use std::ops::RangeInclusive;

use crate::document::Wrong;

/// `value` if it is in range; `show` writes values as the user would.
pub(crate) fn within(
    value: u64,
    range: &RangeInclusive<u64>,
    show: fn(u64) -> String,
) -> Result<u64, Wrong> {
    if range.contains(&value) {
        return Ok(value);
    }
    let (least, most) = (show(*range.start()), show(*range.end()));
    Err(Wrong::new(format!("{} is out of range: {least} to {most}", show(value))))
}

/// A text in a message: quoted, control characters escaped, and cut where it is long.
pub(crate) fn quote(text: &str) -> String {
    const CHARS_MAX: usize = 60;
    let mut shown: String = text.chars().take(CHARS_MAX).collect();
    if shown.len() < text.len() {
        shown.push('…');
    }
    format!("`{}`", shown.escape_debug().to_string().replace("\\\"", "\"").replace("\\'", "'"))
}

/// The candidate that looks most like `text`, if one does.
pub(crate) fn nearest<'c>(
    text: &str,
    candidates: impl IntoIterator<Item = &'c str>,
) -> Option<&'c str> {
    let plain = |text: &str| text.to_ascii_lowercase().replace('-', "_");
    let wanted = plain(text);
    let limit = (wanted.len() / 3).clamp(1, 3);
    candidates
        .into_iter()
        .filter(|candidate| candidate.len().abs_diff(text.len()) <= limit)
        .map(|candidate| (strsim::osa_distance(&wanted, &plain(candidate)), candidate))
        .filter(|(distance, candidate)| *distance <= limit && *distance < candidate.len())
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}
