//! Durations: a number and its unit, `250ms`, `1.5s`, `1m30s`; whole milliseconds.

use super::quote;
use crate::document::Wrong;

/// Units and their milliseconds, the largest first. `ms` stands before `m`: the longer wins.
const UNITS: [(&str, u64); 4] = [("h", 3_600_000), ("ms", 1), ("m", 60_000), ("s", 1000)];

/// Milliseconds.
pub(crate) fn duration(text: &str) -> Result<u64, Wrong> {
    let mut rest = text;
    let mut total = 0u64;
    while !rest.is_empty() || text.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
        let (number, tail) = rest.split_at(digits);
        let unit = UNITS.iter().find(|(unit, _)| tail.starts_with(unit));
        let Some((unit, millis)) = unit else { return Err(no_duration(text, number, tail)) };
        let part = scaled(number, *millis).ok_or_else(|| no_duration(text, number, tail))?;
        total = total.saturating_add(part);
        rest = &tail[unit.len()..];
    }
    Ok(total)
}

/// `number` × `scale`, if that is a whole number.
pub(super) fn scaled(number: &str, scale: u64) -> Option<u64> {
    let (whole, fraction) = number.split_once('.').unwrap_or((number, "0"));
    if whole.is_empty() || fraction.is_empty() || fraction.len() > 9 {
        return None;
    }
    let digits: u64 = fraction.parse().ok()?;
    let parts = digits.checked_mul(scale)?;
    let divisor = 10u64.pow(u32::try_from(fraction.len()).ok()?);
    if !parts.is_multiple_of(divisor) {
        return None;
    }
    // A whole part too large for u64 is out of every range.
    let whole = if whole.len() > 19 { u64::MAX } else { whole.parse().ok()? };
    Some(whole.saturating_mul(scale).saturating_add(parts / divisor))
}

fn no_duration(text: &str, number: &str, tail: &str) -> Wrong {
    let wrong = Wrong::new(format!("{} is not a duration", quote(text)));
    if !number.is_empty() && tail.is_empty() {
        return wrong.help(format!("name the unit: \"{number}s\" or \"{number}ms\""));
    }
    wrong.help("write a number and its unit, ms, s, m or h: \"250ms\", \"1.5s\", \"1m30s\"")
}

/// As a user would write it.
pub(crate) fn show_duration(millis: u64) -> String {
    let mut rest = millis;
    let mut text = String::new();
    for (unit, scale) in [("h", 3_600_000), ("m", 60_000), ("s", 1000), ("ms", 1)] {
        if rest >= scale {
            text.push_str(&format!("{}{unit}", rest / scale));
            rest %= scale;
        }
    }
    if text.is_empty() { "0s".to_owned() } else { text }
}
