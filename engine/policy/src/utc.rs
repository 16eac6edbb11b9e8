//! A moment as the access log writes it: `2016-04-15T20:17:00.310Z` (RFC 3339, in UTC).
//!
//! No clock: seconds since 1970 go in.

/// The text of a moment.
pub type Text = [u8; 24];

/// `2016-04-15T20:17:00.000Z`, so many seconds after 1970 began. Years beyond 9999 wrap.
///
/// A log that has many lines a second asks once, and puts each line's milliseconds into it.
pub fn second(unix_s: u64) -> Text {
    const DAY: u64 = 86_400;
    let (day, second) = (unix_s / DAY, unix_s % DAY);
    let (year, month, day) = date(day);
    let mut text = *b"0000-00-00T00:00:00.000Z";
    put(&mut text[0..4], year);
    put(&mut text[5..7], month);
    put(&mut text[8..10], day);
    put(&mut text[11..13], second / 3600);
    put(&mut text[14..16], second / 60 % 60);
    put(&mut text[17..19], second % 60);
    text
}

/// Puts the milliseconds in.
pub fn put_millis(text: &mut Text, millis: u64) {
    put(&mut text[20..23], millis);
}

/// Year, month, day of a day after 1970-01-01: whole eras of 400 years, which begin with a March,
/// so that the leap day is a year's last.
fn date(day: u64) -> (u64, u64, u64) {
    const ERA: u64 = 146_097;
    /// From 0000-03-01.
    const BEFORE_1970: u64 = 719_468;
    let day = day + BEFORE_1970;
    let (era, day) = (day / ERA, day % ERA);
    let year = (day - day / 1460 + day / 36_524 - day / (ERA - 1)) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    // Months from March have 31, 30, 31, 30, 31 days, and again: 153 in five.
    let month = (5 * day + 2) / 153;
    let day = day - (153 * month + 2) / 5 + 1;
    let (month, next_year) = if month < 10 { (month + 3, 0) } else { (month - 9, 1) };
    (400 * era + year + next_year, month, day)
}

fn put(into: &mut [u8], mut number: u64) {
    for digit in into.iter_mut().rev() {
        *digit = b'0' + (number % 10) as u8;
        number /= 10;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_moments() {
        for (unix_s, text) in [
            (0, "1970-01-01T00:00:00"),
            (951_782_399, "2000-02-28T23:59:59"),
            (951_782_400, "2000-02-29T00:00:00"),
            (1_460_751_420, "2016-04-15T20:17:00"),
            (1_709_251_199, "2024-02-29T23:59:59"),
            (1_735_689_599, "2024-12-31T23:59:59"),
            (4_107_542_400, "2100-03-01T00:00:00"),
            (253_402_300_799, "9999-12-31T23:59:59"),
        ] {
            let mut moment = second(unix_s);
            assert_eq!(moment.escape_ascii().to_string(), format!("{text}.000Z"));
            put_millis(&mut moment, 987);
            put_millis(&mut moment, 7);
            assert_eq!(moment.escape_ascii().to_string(), format!("{text}.007Z"));
        }
    }

    #[test]
    fn every_day_follows_the_day_before() {
        let mut before = date(0);
        for day in 1..200_000 {
            let (year, month, of_month) = date(day);
            let next = match before {
                (y, m, d) if (year, month) == (y, m) => of_month == d + 1,
                (y, m, _) if year == y => (month, of_month) == (m + 1, 1),
                (y, m, d) => (year, month, of_month) == (y + 1, 1, 1) && (m, d) == (12, 31),
            };
            assert!(next, "{before:?} and then {year}-{month}-{of_month}");
            before = (year, month, of_month);
        }
    }
}
