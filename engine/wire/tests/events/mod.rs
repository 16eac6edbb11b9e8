//! Plays a connection through the decoders as its owner would, in pieces of any size, and writes
//! down what happens. The corpus, the property tests and the fuzz targets all look at the wire this
//! way.
//!
//! The contract of the decoders is asserted on the way, so every one of those is a test of it.

use wire::h1::{
    BodyDecoder, Fault, HeadLimits, Progress, RequestDecoder, ResponseDecoder, TrailerLimits,
};
use wire::message::{Fields, Framing, RequestHead, ResponseHead};

/// What the proxy takes by default.
pub(crate) const LIMITS: HeadLimits =
    HeadLimits { head_bytes_max: 60 * 1024, fields_max: 100, target_bytes_max: 8 * 1024 };

/// As [`LIMITS`].
pub(crate) const TRAILER_LIMITS: TrailerLimits =
    TrailerLimits { bytes_max: 8 * 1024, fields_max: 16 };

/// Which side's bytes are played.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Side<'a> {
    /// A client's.
    Requests,
    /// An origin's; the methods of the requests it answers, `GET` for those not named.
    Responses(&'a [Vec<u8>]),
    /// A chunked body alone.
    Chunked,
}

/// What happened, one line an event; payload comes as one event when its message is complete.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct Log {
    /// Heads, fields, bodies, trailers, in the end perhaps a fault.
    pub(crate) lines: Vec<String>,
    /// Payload of a message that did not become complete. How much of it was seen before a fault
    /// depends on the pieces.
    pub(crate) unfinished: Vec<u8>,
}

/// Plays `input`, cut into pieces whose sizes `piece` tells (at least 1 each), then the end of the
/// connection.
pub(crate) fn play(side: Side<'_>, input: &[u8], piece: impl FnMut() -> usize) -> Log {
    let mut player = Player::new(side);
    match player.pieces(input, piece) {
        Ok(()) => {}
        Err(fault) => player.fault(fault),
    }
    player.log
}

struct Player<'a> {
    side: Side<'a>,
    requests: RequestDecoder,
    responses: ResponseDecoder,
    request: RequestHead,
    response: ResponseHead,
    answered: usize,
    body: BodyDecoder,
    state: State,
    log: Log,
}

enum State {
    Head,
    Body,
    Tunnel,
}

impl<'a> Player<'a> {
    fn new(side: Side<'a>) -> Self {
        let (state, framing) = match side {
            Side::Chunked => (State::Body, Framing::Chunked),
            Side::Requests | Side::Responses(_) => (State::Head, Framing::None),
        };
        Player {
            side,
            requests: RequestDecoder::new(),
            responses: ResponseDecoder::new(),
            request: RequestHead::default(),
            response: ResponseHead::default(),
            answered: 0,
            body: BodyDecoder::new(framing, TRAILER_LIMITS),
            state,
            log: Log::default(),
        }
    }

    fn pieces(&mut self, input: &[u8], mut piece: impl FnMut() -> usize) -> Result<(), Fault> {
        let mut rest = input;
        while !rest.is_empty() {
            let (now, later) = rest.split_at(piece().clamp(1, rest.len()));
            self.piece(&mut now.to_vec())?;
            rest = later;
        }
        self.close()
    }

    fn piece(&mut self, piece: &mut [u8]) -> Result<(), Fault> {
        let mut at = 0;
        while at < piece.len() {
            let rest = &mut piece[at..];
            at += match self.state {
                State::Head => self.head(rest)?,
                State::Body => self.body(rest)?,
                State::Tunnel => {
                    self.log.unfinished.extend_from_slice(rest);
                    rest.len()
                }
            };
        }
        Ok(())
    }

    fn head(&mut self, piece: &[u8]) -> Result<usize, Fault> {
        let progress = match self.side {
            Side::Requests => self.requests.feed(piece, &LIMITS, &mut self.request)?,
            Side::Responses(methods) => {
                let method = methods.get(self.answered).map_or(&b"GET"[..], Vec::as_slice);
                self.responses.feed(piece, &LIMITS, method, &mut self.response)?
            }
            Side::Chunked => unreachable!("a body alone has no head"),
        };
        let Progress::Done { consumed } = progress else { return Ok(piece.len()) };
        assert!(0 < consumed && consumed <= piece.len(), "consumed {consumed} of {}", piece.len());
        if matches!(self.side, Side::Requests) {
            self.on_request();
        } else {
            self.on_response();
        }
        Ok(consumed)
    }

    fn on_request(&mut self) {
        assert!(self.requests.is_empty(), "a decoder that is done is ready for the next head");
        let head = &self.request;
        let mut line = format!(
            "request {} {} {} {}",
            head.method().escape_ascii(),
            head.target().escape_ascii(),
            head.version.as_str(),
            framing(head.framing)
        );
        if let Some(authority) = head.authority() {
            line += &format!(" authority={}", authority.escape_ascii());
        }
        for (said, word) in [
            (head.keep_alive, " keep-alive"),
            (head.expect_continue, " expect-continue"),
            (head.upgrade, " upgrade"),
        ] {
            line += if said { word } else { "" };
        }
        self.log.lines.push(line);
        fields("field", &head.fields, &mut self.log.lines);
        self.begin_body(head.framing);
    }

    fn on_response(&mut self) {
        assert!(self.responses.is_empty(), "a decoder that is done is ready for the next head");
        let head = &self.response;
        let mut line = format!(
            "response {} \"{}\" {} {}",
            head.status,
            head.reason().escape_ascii(),
            head.version.as_str(),
            framing(head.framing)
        );
        for (said, word) in [(head.keep_alive, " keep-alive"), (head.upgrade, " upgrade")] {
            line += if said { word } else { "" };
        }
        self.log.lines.push(line);
        fields("field", &head.fields, &mut self.log.lines);
        match head.status {
            101 => self.state = State::Tunnel,
            100..200 => {}
            _ => {
                self.answered += 1;
                self.begin_body(head.framing);
            }
        }
    }

    fn begin_body(&mut self, framing: Framing) {
        self.body.restart(framing);
        self.state = State::Body;
        if self.body.is_done() {
            self.end_body();
        }
    }

    fn body(&mut self, piece: &mut [u8]) -> Result<usize, Fault> {
        let before = piece.to_vec();
        let decoded = self.body.decode(piece)?;
        assert!(decoded.payload <= decoded.consumed && decoded.consumed <= piece.len());
        assert!(
            decoded.done || decoded.consumed == piece.len(),
            "bytes left of an unfinished body"
        );
        assert_eq!(decoded.done, self.body.is_done());
        assert_eq!(piece[decoded.consumed..], before[decoded.consumed..], "surplus was touched");
        self.log.unfinished.extend_from_slice(&piece[..decoded.payload]);
        if decoded.done {
            self.end_body();
        }
        Ok(decoded.consumed)
    }

    fn end_body(&mut self) {
        let body = std::mem::take(&mut self.log.unfinished);
        if !body.is_empty() {
            self.log.lines.push(format!("body \"{}\"", body.escape_ascii()));
        }
        if let Some(trailers) = self.body.trailers() {
            fields("trailer", trailers, &mut self.log.lines);
        }
        self.log.lines.push("end".into());
        self.state = if matches!(self.side, Side::Chunked) { State::Tunnel } else { State::Head };
    }

    fn close(&mut self) -> Result<(), Fault> {
        match self.state {
            State::Head if self.requests.is_empty() && self.responses.is_empty() => {}
            State::Head => return Err(Fault::Truncated),
            State::Body => {
                self.body.finish()?;
                self.end_body();
            }
            State::Tunnel => {
                let surplus = std::mem::take(&mut self.log.unfinished);
                self.log.lines.push(format!("surplus \"{}\"", surplus.escape_ascii()));
            }
        }
        Ok(())
    }

    fn fault(&mut self, fault: Fault) {
        self.log.lines.push(format!("fault {fault} {}", fault.status()));
    }
}

fn fields(word: &str, fields: &Fields, lines: &mut Vec<String>) {
    for field in fields.iter() {
        let hop = if field.hop_by_hop { "-hop" } else { "" };
        let (name, value) = (field.name.escape_ascii(), field.value.escape_ascii());
        lines.push(format!("{word}{hop} {name}: {value}").trim_end().to_owned());
    }
}

fn framing(framing: Framing) -> String {
    match framing {
        Framing::None => "no-body".into(),
        Framing::Length(length) => format!("length={length}"),
        Framing::Chunked => "chunked".into(),
        Framing::UntilClose => "until-close".into(),
    }
}
