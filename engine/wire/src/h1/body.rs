//! Message bodies (RFC 9112 §6, §7): finds the payload in what arrives, in place, and the place
//! where the next message begins. It keeps no payload.

use super::Fault;
use super::chunked::Chunked;
use crate::message::{Fields, Framing};

/// What a trailer section may not exceed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TrailerLimits {
    /// All field lines and the empty line, in bytes.
    pub bytes_max: usize,
    /// Field lines; at most [`FIELDS_CEILING`](super::FIELDS_CEILING) of it count.
    pub fields_max: usize,
}

/// Decodes one body; [`BodyDecoder::restart`] makes it ready for the next.
#[derive(Debug, Clone)]
pub struct BodyDecoder {
    state: State,
    limits: TrailerLimits,
    trailers: Fields,
}

#[derive(Debug, Clone)]
enum State {
    /// Payload up to a known end.
    Length(u64),
    Chunked(Chunked),
    UntilClose,
    Done,
}

/// What a piece of input held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Decoded {
    /// So many bytes at the front of the buffer are payload now.
    pub payload: usize,
    /// So many bytes were the body's; those behind belong to the next message, and are where they
    /// were. Less than the whole buffer only when `done`.
    pub consumed: usize,
    /// The body is complete, its trailers too.
    pub done: bool,
}

impl BodyDecoder {
    /// For a body that follows a head with this framing. Allocates nothing before a trailer field
    /// comes.
    pub fn new(framing: Framing, limits: TrailerLimits) -> BodyDecoder {
        BodyDecoder { state: State::of(framing), limits, trailers: Fields::default() }
    }

    /// As [`BodyDecoder::new`], with the memory and the limits of this one.
    pub fn restart(&mut self, framing: Framing) {
        self.state = State::of(framing);
        self.trailers.clear();
    }

    /// Decodes the next piece in place: `buf[..payload]` is payload, `buf[consumed..]` is untouched
    /// surplus, and what lies between means nothing. Once done, everything is surplus.
    ///
    /// # Errors
    /// The first rule that the chunked coding violates. Payload that the same piece held before it
    /// is lost, as the message is.
    pub fn decode(&mut self, buf: &mut [u8]) -> Result<Decoded, Fault> {
        match &mut self.state {
            State::Length(remaining) => {
                let payload = usize::try_from(*remaining).unwrap_or(usize::MAX).min(buf.len());
                *remaining -= payload as u64;
                let done = *remaining == 0;
                if done {
                    self.state = State::Done;
                }
                Ok(Decoded { payload, consumed: payload, done })
            }
            State::Chunked(chunked) => {
                let decoded = chunked.decode(buf, &self.limits, &mut self.trailers)?;
                if decoded.done {
                    self.state = State::Done;
                }
                Ok(decoded)
            }
            State::UntilClose => {
                Ok(Decoded { payload: buf.len(), consumed: buf.len(), done: false })
            }
            State::Done => Ok(Decoded { payload: 0, consumed: 0, done: true }),
        }
    }

    /// The peer will send no more.
    ///
    /// # Errors
    /// [`Fault::Truncated`] unless the body is complete, or ends with the connection (RFC 9112 §8).
    pub fn finish(&mut self) -> Result<(), Fault> {
        match self.state {
            State::UntilClose | State::Done => {
                self.state = State::Done;
                Ok(())
            }
            State::Length(_) | State::Chunked(_) => Err(Fault::Truncated),
        }
    }

    /// Whether the body is complete.
    pub fn is_done(&self) -> bool {
        matches!(self.state, State::Done)
    }

    /// The trailer fields that may be passed on, once the body is done; `None` if there are none.
    pub fn trailers(&self) -> Option<&Fields> {
        (self.is_done() && !self.trailers.is_empty()).then_some(&self.trailers)
    }

    /// Payload bytes still to come, where that is known.
    pub fn remaining(&self) -> Option<u64> {
        match self.state {
            State::Length(remaining) => Some(remaining),
            State::Done => Some(0),
            State::Chunked(_) | State::UntilClose => None,
        }
    }
}

impl State {
    fn of(framing: Framing) -> State {
        match framing {
            Framing::None | Framing::Length(0) => State::Done,
            Framing::Length(length) => State::Length(length),
            Framing::Chunked => State::Chunked(Chunked::new()),
            Framing::UntilClose => State::UntilClose,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: TrailerLimits = TrailerLimits { bytes_max: 100, fields_max: 2 };

    #[test]
    fn a_length_is_counted_down_and_the_surplus_left_alone() {
        let mut body = BodyDecoder::new(Framing::Length(7), LIMITS);
        let decoded = Decoded { payload: 4, consumed: 4, done: false };
        assert_eq!(body.decode(&mut b"abcd".to_vec()), Ok(decoded));
        assert_eq!(body.remaining(), Some(3));
        assert_eq!(body.finish(), Err(Fault::Truncated));
        let mut buf = b"efgGET".to_vec();
        assert_eq!(body.decode(&mut buf), Ok(Decoded { payload: 3, consumed: 3, done: true }));
        assert_eq!(buf, b"efgGET");
        assert_eq!(body.decode(&mut buf[3..]), Ok(Decoded { payload: 0, consumed: 0, done: true }));
        assert_eq!(body.finish(), Ok(()));
    }

    #[test]
    fn no_body_is_done_before_it_begins() {
        for framing in [Framing::None, Framing::Length(0)] {
            assert!(BodyDecoder::new(framing, LIMITS).is_done(), "{framing:?}");
        }
        assert!(!BodyDecoder::new(Framing::Chunked, LIMITS).is_done());
    }

    #[test]
    fn until_close_is_done_when_the_peer_is() {
        let mut body = BodyDecoder::new(Framing::UntilClose, LIMITS);
        let decoded = Decoded { payload: 3, consumed: 3, done: false };
        assert_eq!(body.decode(&mut b"abc".to_vec()), Ok(decoded));
        assert!(!body.is_done());
        assert_eq!(body.finish(), Ok(()));
        assert!(body.is_done());
    }

    #[test]
    fn chunks_are_compacted_in_place_and_the_surplus_left_alone() {
        let mut body = BodyDecoder::new(Framing::Chunked, LIMITS);
        let mut buf = b"3;a=b\r\nabc\r\n4\r\ndefg\r\n0\r\n\r\nGET".to_vec();
        let consumed = buf.len() - 3;
        let decoded = body.decode(&mut buf).unwrap();
        assert_eq!(decoded, Decoded { payload: 7, consumed, done: true });
        assert_eq!((&buf[..7], &buf[consumed..]), (&b"abcdefg"[..], &b"GET"[..]));
        assert_eq!(body.trailers().map(Fields::len), None);
    }

    #[test]
    fn a_restarted_decoder_knows_nothing_of_the_body_before() {
        let mut body = BodyDecoder::new(Framing::Chunked, LIMITS);
        body.decode(&mut b"0\r\nX: y\r\n\r\n".to_vec()).unwrap();
        assert_eq!(body.trailers().map(Fields::len), Some(1));
        body.restart(Framing::Chunked);
        assert!(!body.is_done() && body.trailers().is_none());
        body.decode(&mut b"0\r\n\r\n".to_vec()).unwrap();
        assert!(body.is_done() && body.trailers().is_none());
    }
}
