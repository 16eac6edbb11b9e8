//! Sizes in bytes: a number and its unit, `64KiB`, `60kB`, `512B`.

use super::duration::scaled;
use super::quote;
use crate::document::Wrong;

/// Units and their bytes; those of 1024 first, since that is how buffers are counted.
const UNITS: [(&str, u64); 7] = [
    ("KiB", 1 << 10),
    ("MiB", 1 << 20),
    ("GiB", 1 << 30),
    ("kB", 1000),
    ("MB", 1_000_000),
    ("GB", 1_000_000_000),
    ("B", 1),
];

/// Bytes.
pub(crate) fn size(text: &str) -> Result<u64, Wrong> {
    let digits = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let scale = UNITS.iter().find(|(name, _)| *name == unit).map(|(_, scale)| *scale);
    scale.and_then(|scale| scaled(number, scale)).ok_or_else(|| no_size(text, number, unit))
}

fn no_size(text: &str, number: &str, unit: &str) -> Wrong {
    let wrong = Wrong::new(format!("{} is not a size", quote(text)));
    let same = UNITS.iter().find(|(name, _)| {
        let letters = |text: &str| text.trim().to_ascii_lowercase().replace('i', "");
        !unit.trim().is_empty() && letters(name).starts_with(&letters(unit))
    });
    match same {
        _ if !number.is_empty() && unit.is_empty() => {
            let shown = number.parse().map_or_else(|_| format!("{number}KiB"), show_size);
            wrong.help(format!("name the unit: \"{shown}\""))
        }
        Some((name, _)) if !number.is_empty() => wrong.help(format!("write \"{number}{name}\"")),
        _ => wrong.help("write a number and its unit, B, KiB, MiB, kB or MB: \"64KiB\""),
    }
}

/// As a user would write it.
pub(crate) fn show_size(bytes: u64) -> String {
    for (unit, scale) in UNITS[..3].iter().rev() {
        if bytes >= *scale && bytes.is_multiple_of(*scale) {
            return format!("{}{unit}", bytes / scale);
        }
    }
    format!("{bytes}B")
}
