//! The chunked transfer coding (RFC 9112 §7.1), decoded in place and strictly: sizes are
//! hexadecimal digits and nothing else, every line ends in CR LF, extensions are checked and
//! dropped.

use super::body::{Decoded, TrailerLimits};
use super::scan::{Scan, ScanLimits, Scanned};
use super::{FIELDS_CEILING, Fault, trailers};
use crate::bytes::{is_field_value, is_token_byte};
use crate::message::Fields;

/// 16 digits are 64 bits.
const SIZE_DIGITS_MAX: u8 = 16;

/// Extensions of one chunk with the CR behind them, in bytes.
const EXTENSION_BYTES_MAX: u32 = 1024;

/// Extensions of all chunks of a body, in bytes: nobody uses them but to make a proxy work for
/// nothing.
const EXTENSIONS_TOTAL_MAX: u32 = 16 * 1024;

/// Where in a chunked body the next byte stands.
#[derive(Debug, Clone)]
pub(super) struct Chunked {
    state: State,
    /// Bytes of the current chunk's extensions, and of those of the chunks before it.
    extension: u32,
    extensions_before: u32,
}

#[derive(Debug, Clone, Copy)]
enum State {
    Line(Line),
    Data { remaining: u64 },
    Trailers(Scan),
    Done,
}

/// What is taken byte by byte.
#[derive(Debug, Clone, Copy)]
enum Line {
    Size {
        size: u64,
        digits: u8,
    },
    Extension {
        size: u64,
        part: Part,
    },
    SizeLf {
        size: u64,
    },
    DataCr,
    DataLf,
    /// Behind the last chunk: a trailer field, or the end.
    Last,
    LastLf,
}

/// `";" name [ "=" ( token / quoted-string ) ]` (RFC 9112 §7.1.1), without its white space.
#[derive(Debug, Clone, Copy)]
enum Part {
    NameStart,
    Name,
    ValueStart,
    Value,
    Quoted,
    Escaped,
    QuotedEnd,
}

impl Chunked {
    pub(super) const fn new() -> Chunked {
        Chunked { state: State::FIRST, extension: 0, extensions_before: 0 }
    }

    /// As [`BodyDecoder::decode`](super::BodyDecoder::decode).
    pub(super) fn decode(
        &mut self,
        buf: &mut [u8],
        limits: &TrailerLimits,
        trailers: &mut Fields,
    ) -> Result<Decoded, Fault> {
        let (mut read, mut payload) = (0, 0);
        while read < buf.len() {
            match &mut self.state {
                State::Data { remaining } => {
                    let available = buf.len() - read;
                    let taken = usize::try_from(*remaining).unwrap_or(usize::MAX).min(available);
                    if read != payload {
                        buf.copy_within(read..read + taken, payload);
                    }
                    read += taken;
                    payload += taken;
                    self.state = State::data(*remaining - taken as u64);
                }
                State::Trailers(scan) => {
                    let (taken, done) = collect(scan, &buf[read..], limits, trailers)?;
                    read += taken;
                    if done {
                        self.state = State::Done;
                    }
                }
                // The byte is the first of a trailer field: it is looked at again as that.
                State::Line(Line::Last) if buf[read] != b'\r' => {
                    self.state = State::Trailers(Scan::of_fields());
                }
                State::Line(line) => {
                    let line = *line;
                    self.state = self.step(line, buf[read])?;
                    read += 1;
                }
                State::Done => break,
            }
        }
        let done = matches!(self.state, State::Done);
        Ok(Decoded { payload, consumed: read, done })
    }

    fn step(&mut self, line: Line, byte: u8) -> Result<State, Fault> {
        match line {
            Line::Size { size, digits } => self.size(size, digits, byte),
            Line::Extension { size, part } => self.extension(size, part, byte),
            Line::SizeLf { size: 0 } => line_feed(byte, State::Line(Line::Last)),
            Line::SizeLf { size } => line_feed(byte, State::Data { remaining: size }),
            Line::DataCr if byte == b'\r' => Ok(State::Line(Line::DataLf)),
            Line::DataCr if byte == b'\n' => Err(Fault::BareLf),
            Line::DataCr => Err(Fault::ChunkDataTooLong),
            Line::DataLf => line_feed(byte, State::FIRST),
            Line::Last => Ok(State::Line(Line::LastLf)),
            Line::LastLf => line_feed(byte, State::Done),
        }
    }

    fn size(&mut self, size: u64, digits: u8, byte: u8) -> Result<State, Fault> {
        if let Some(digit) = char::from(byte).to_digit(16) {
            if digits == SIZE_DIGITS_MAX {
                return Err(Fault::ChunkSizeTooLong);
            }
            let size = size << 4 | u64::from(digit);
            return Ok(State::Line(Line::Size { size, digits: digits + 1 }));
        }
        match byte {
            b'\n' => Err(Fault::BareLf),
            b'\r' if digits > 0 => Ok(State::Line(Line::SizeLf { size })),
            b';' if digits > 0 => {
                self.extensions_before += self.extension;
                self.extension = 0;
                Ok(State::Line(Line::Extension { size, part: Part::NameStart }))
            }
            _ => Err(Fault::InvalidChunkSize),
        }
    }

    fn extension(&mut self, size: u64, part: Part, byte: u8) -> Result<State, Fault> {
        self.extension += 1;
        if self.extension > EXTENSION_BYTES_MAX
            || self.extensions_before + self.extension > EXTENSIONS_TOTAL_MAX
        {
            return Err(Fault::ChunkExtensionTooLarge);
        }
        let part = match (part, byte) {
            (_, b'\n') => return Err(Fault::BareLf),
            (Part::Name | Part::Value | Part::QuotedEnd, b'\r') => {
                return Ok(State::Line(Line::SizeLf { size }));
            }
            (Part::Name | Part::Value | Part::QuotedEnd, b';') => Part::NameStart,
            (Part::Name, b'=') => Part::ValueStart,
            (Part::ValueStart, b'"') => Part::Quoted,
            (Part::Quoted, b'"') => Part::QuotedEnd,
            (Part::Quoted, b'\\') => Part::Escaped,
            (Part::Quoted | Part::Escaped, _) if is_field_value(&[byte]) => Part::Quoted,
            (Part::NameStart | Part::Name, _) if is_token_byte(byte) => Part::Name,
            (Part::ValueStart | Part::Value, _) if is_token_byte(byte) => Part::Value,
            _ => return Err(Fault::InvalidChunkExtension),
        };
        Ok(State::Line(Line::Extension { size, part }))
    }
}

impl State {
    const FIRST: State = State::Line(Line::Size { size: 0, digits: 0 });

    fn data(remaining: u64) -> State {
        if remaining == 0 { State::Line(Line::DataCr) } else { State::Data { remaining } }
    }
}

/// The LF that must follow a CR.
fn line_feed(byte: u8, next: State) -> Result<State, Fault> {
    if byte == b'\n' { Ok(next) } else { Err(Fault::BareCr) }
}

/// Takes what belongs to the trailer section; returns how many bytes, and whether it is complete.
fn collect(
    scan: &mut Scan,
    input: &[u8],
    limits: &TrailerLimits,
    trailers: &mut Fields,
) -> Result<(usize, bool), Fault> {
    let scan_limits = ScanLimits {
        bytes_max: limits.bytes_max,
        fields_max: limits.fields_max.min(FIELDS_CEILING),
        start_line_max: usize::MAX,
    };
    let scanned = scan.scan(input, &scan_limits);
    let (bytes, _) = trailers.parts();
    match scanned.map_err(|stopped| match stopped.fault(Fault::TrailersTooLarge) {
        Fault::HeadTooLarge => Fault::TrailersTooLarge,
        fault => fault,
    })? {
        Scanned::End(len) => {
            bytes.extend_from_slice(&input[..len]);
            trailers::parse(trailers)?;
            Ok((len, true))
        }
        Scanned::More | Scanned::StartLine(_) => {
            bytes.extend_from_slice(input);
            Ok((input.len(), false))
        }
    }
}
