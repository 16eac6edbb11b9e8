//! Finds the end of a head or trailer section in bytes that arrive in any pieces, looking at each
//! byte once, and enforces line ends and limits by position: the verdict does not depend on how the
//! bytes were cut. It does not keep the bytes and does not look into the lines.

use super::Fault;

/// Where the search stands between two pieces of input.
#[derive(Debug, Clone, Copy)]
pub(super) struct Scan {
    /// Bytes seen so far.
    bytes: usize,
    /// Where the current line began.
    line_start: usize,
    /// Complete lines, the start line included.
    lines: usize,
    /// The byte before the next input.
    last: u8,
}

/// What a scan refuses to pass.
#[derive(Debug, Clone, Copy)]
pub(super) struct ScanLimits {
    pub(super) bytes_max: usize,
    pub(super) fields_max: usize,
    /// Bytes of the start line with its line end.
    pub(super) start_line_max: usize,
}

/// What a piece of input brought.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Scanned {
    /// Nothing yet: all of it belongs to an unfinished line.
    More,
    /// The start line is complete after so many bytes of the input; scan again behind them.
    StartLine(usize),
    /// The empty line is complete after so many bytes of the input.
    End(usize),
}

/// Why a scan stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stopped {
    BareLf,
    StartLineTooLong,
    TooManyBytes,
    TooManyFields,
}

impl Scan {
    /// Before the start line of a head.
    pub(super) const fn of_head() -> Scan {
        Scan { bytes: 0, line_start: 0, lines: 0, last: 0 }
    }

    /// Before the first line of a trailer section, which has no start line.
    pub(super) const fn of_fields() -> Scan {
        Scan { lines: 1, ..Scan::of_head() }
    }

    /// Bytes seen so far.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Looks for line ends in `input`, which follows what was scanned before.
    pub(super) fn scan(&mut self, input: &[u8], limits: &ScanLimits) -> Result<Scanned, Stopped> {
        for lf in memchr::memchr_iter(b'\n', input) {
            let at = self.bytes + lf;
            self.check_length(at + 1, limits)?;
            let before = if lf > 0 { input[lf - 1] } else { self.last };
            if before != b'\r' {
                return Err(Stopped::BareLf);
            }
            let empty = at == self.line_start + 1;
            self.line_start = at + 1;
            if empty {
                self.advance(&input[..=lf]);
                return Ok(Scanned::End(lf + 1));
            }
            self.lines += 1;
            if self.lines == 1 {
                self.advance(&input[..=lf]);
                return Ok(Scanned::StartLine(lf + 1));
            }
            if self.lines > limits.fields_max + 1 {
                return Err(Stopped::TooManyFields);
            }
        }
        self.check_length(self.bytes + input.len(), limits)?;
        self.advance(input);
        Ok(Scanned::More)
    }

    fn check_length(&self, bytes: usize, limits: &ScanLimits) -> Result<(), Stopped> {
        if self.lines == 0
            && bytes > limits.start_line_max
            && limits.start_line_max <= limits.bytes_max
        {
            return Err(Stopped::StartLineTooLong);
        }
        if bytes > limits.bytes_max { Err(Stopped::TooManyBytes) } else { Ok(()) }
    }

    fn advance(&mut self, input: &[u8]) {
        self.bytes += input.len();
        self.last = input.last().copied().unwrap_or(self.last);
    }
}

impl Stopped {
    /// The fault of a head that a scan stopped at; `start_line` for one whose start line is too
    /// long.
    pub(super) fn fault(self, start_line: Fault) -> Fault {
        match self {
            Stopped::BareLf => Fault::BareLf,
            Stopped::StartLineTooLong => start_line,
            Stopped::TooManyBytes => Fault::HeadTooLarge,
            Stopped::TooManyFields => Fault::TooManyFields,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: ScanLimits = ScanLimits { bytes_max: 100, fields_max: 3, start_line_max: 40 };

    /// The verdict, and the bytes that were looked at, when `input` comes in pieces of `size`.
    fn in_pieces(mut scan: Scan, input: &[u8], size: usize) -> (Result<usize, Stopped>, usize) {
        let mut looked_at = 0;
        for piece in input.chunks(size) {
            let mut rest = piece;
            while !rest.is_empty() {
                let scanned = match scan.scan(rest, &LIMITS) {
                    Ok(scanned) => scanned,
                    Err(stopped) => return (Err(stopped), looked_at),
                };
                let (Scanned::StartLine(len) | Scanned::End(len)) = scanned else {
                    looked_at += rest.len();
                    break;
                };
                looked_at += len;
                rest = &rest[len..];
                if let Scanned::End(_) = scanned {
                    return (Ok(looked_at), looked_at);
                }
            }
        }
        (Ok(0), looked_at)
    }

    #[test]
    fn the_end_is_found_however_the_bytes_are_cut_and_each_is_looked_at_once() {
        let input = b"a\r\nb: c\r\nd: e\r\n\r\nsurplus\r\n\r\n";
        let end = input.len() - b"surplus\r\n\r\n".len();
        for size in 1..input.len() {
            let (found, looked_at) = in_pieces(Scan::of_head(), input, size);
            assert_eq!((found, looked_at), (Ok(end), end), "pieces of {size}");
        }
    }

    #[test]
    fn an_empty_line_ends_a_section_that_has_no_start_line() {
        assert_eq!(Scan::of_fields().scan(b"\r\nx", &LIMITS), Ok(Scanned::End(2)));
    }

    #[test]
    fn limits_hold_by_position_however_the_bytes_are_cut() {
        let long_line = [b'a'; 41];
        let long_field = [&b"a\r\n"[..], &[b'b'; 98]].concat();
        let cases: [(&[u8], Stopped); 5] = [
            (&long_line, Stopped::StartLineTooLong),
            (&long_field, Stopped::TooManyBytes),
            (b"a\r\nb\r\nb\r\nb\r\nb\r\n", Stopped::TooManyFields),
            (b"a\n", Stopped::BareLf),
            (b"a\r\n\n", Stopped::BareLf),
        ];
        for (input, stopped) in cases {
            for size in 1..=input.len() {
                let (found, _) = in_pieces(Scan::of_head(), input, size);
                assert_eq!(found, Err(stopped), "{} in pieces of {size}", input.escape_ascii());
            }
        }
    }
}
