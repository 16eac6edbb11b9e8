//! The `Date` field's text (RFC 9110 §6.6.1), made once a second.

use std::cell::Cell;
use std::time::{Duration, Instant, SystemTime};

/// A core's clock on the wall.
#[derive(Default)]
pub(crate) struct DateClock {
    made: Cell<Option<(Instant, [u8; 29])>>,
}

impl DateClock {
    /// At most a second old; a wall clock that jumps is followed within one.
    pub(crate) fn text(&self) -> [u8; 29] {
        let now = rt::now();
        match self.made.get() {
            Some((made, text)) if now < made + Duration::from_secs(1) => text,
            _ => {
                let text = imf_fixdate(SystemTime::now());
                self.made.set(Some((now, text)));
                text
            }
        }
    }
}

fn imf_fixdate(time: SystemTime) -> [u8; 29] {
    httpdate::fmt_http_date(time).as_bytes().try_into().expect("IMF-fixdate has 29 characters")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_is_an_imf_fixdate() {
        let time = SystemTime::UNIX_EPOCH + Duration::from_secs(784_111_777);
        assert_eq!(&imf_fixdate(time), b"Sun, 06 Nov 1994 08:49:37 GMT");
    }
}
