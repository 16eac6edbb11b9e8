//! The one body relay: pieces of a message body from a source to a sink, in either direction.
//!
//! Not here: heads, and what a failure means. Callers: `exchange`, for uploads and downloads alike.
//! A piece is the very buffer that the bytes arrived in; only its framing changes on the way.

use std::io;

use rt::{Batch, Chunk, HeadBuf, Stream};
use wire::h1::{self, BodyDecoder, Fault};
use wire::message::{Fields, Framing};

/// Pieces up to this many bytes are copied behind their head: one buffer costs the kernel less
/// than two, and a copy of 1 KiB less than either.
const COALESCED_BYTES_MAX: usize = 1024;

/// The receiving end of one message's body.
pub(crate) struct BodySource<'a> {
    stream: &'a Stream,
    decoder: &'a mut BodyDecoder,
    /// Received and not decoded: at first what came behind the head, at last what came behind the
    /// body.
    surplus: &'a mut Option<Chunk>,
}

/// How a source ended before its body did.
#[derive(Debug)]
pub(crate) enum SourceError {
    /// The peer closed or reset the connection.
    Closed,
    /// The peer broke the protocol.
    Fault(Fault),
}

impl<'a> BodySource<'a> {
    pub(crate) fn new(
        stream: &'a Stream,
        decoder: &'a mut BodyDecoder,
        surplus: &'a mut Option<Chunk>,
    ) -> Self {
        if let Some(bytes) = decoder.remaining() {
            stream.hint_bulk(bytes);
        }
        Self { stream, decoder, surplus }
    }

    /// True once the last byte of the body has been handed out.
    pub(crate) fn is_done(&self) -> bool {
        self.decoder.is_done()
    }

    fn trailers(&self) -> Option<&Fields> {
        self.decoder.trailers()
    }

    fn has_received(&self) -> bool {
        self.surplus.is_some()
    }

    /// The next piece of payload; `None` at the end of the body.
    pub(crate) async fn next(&mut self) -> Result<Option<Chunk>, SourceError> {
        while !self.decoder.is_done() {
            let mut chunk = match self.surplus.take() {
                Some(chunk) => chunk,
                None => self.stream.recv().await.map_err(|_| SourceError::Closed)?,
            };
            if chunk.is_empty() {
                return match self.decoder.finish() {
                    Ok(()) => Ok(None),
                    Err(_) => Err(SourceError::Closed),
                };
            }
            let decoded = self.decoder.decode(&mut chunk).map_err(SourceError::Fault)?;
            if decoded.consumed < chunk.len() {
                *self.surplus = Some(chunk.split_off(decoded.consumed));
            }
            if decoded.payload > 0 {
                chunk.truncate(decoded.payload);
                return Ok(Some(chunk));
            }
        }
        Ok(None)
    }
}

/// The sending end of one message: its head, then its body.
pub(crate) struct BodySink<'a> {
    stream: &'a Stream,
    framing: Framing,
    /// Not sent yet: it leaves together with the first bytes of the body.
    head: Option<HeadBuf>,
}

impl<'a> BodySink<'a> {
    pub(crate) fn new(stream: &'a Stream, framing: Framing, head: HeadBuf) -> Self {
        Self { stream, framing, head: Some(head) }
    }

    /// Sends a head that still waits for its body.
    async fn flush_head(&mut self) -> io::Result<()> {
        match self.head.take() {
            Some(head) => self.stream.send(Batch::from(head)).await,
            None => Ok(()),
        }
    }

    /// Sends one piece of payload, and with the `last` one the end of the body.
    async fn write(
        &mut self,
        piece: Chunk,
        last: bool,
        trailers: Option<&Fields>,
    ) -> io::Result<()> {
        let chunked = self.framing == Framing::Chunked;
        let mut front = self.head.take();
        if chunked {
            h1::chunk_head(front.get_or_insert_with(HeadBuf::take), piece.len());
        }
        let mut batch = Batch::new();
        match front {
            Some(mut front) if piece.len() <= COALESCED_BYTES_MAX => {
                front.extend_from_slice(&piece);
                if chunked {
                    front.extend_from_slice(h1::CHUNK_END);
                    if last {
                        last_chunk(&mut front, trailers);
                    }
                }
                batch.add(front);
                return self.stream.send(batch).await;
            }
            Some(front) => batch.add(front),
            None => {}
        }
        batch.add(piece);
        if chunked {
            let mut end = HeadBuf::take();
            end.extend_from_slice(h1::CHUNK_END);
            if last {
                last_chunk(&mut end, trailers);
            }
            batch.add(end);
        }
        self.stream.send(batch).await
    }

    /// Sends the end of a body whose last piece went before, or that has none.
    async fn end(&mut self, trailers: Option<&Fields>) -> io::Result<()> {
        if self.framing == Framing::Chunked {
            last_chunk(self.head.get_or_insert_with(HeadBuf::take), trailers);
        }
        self.flush_head().await
    }
}

fn last_chunk(out: &mut HeadBuf, trailers: Option<&Fields>) {
    match trailers {
        Some(trailers) => h1::last_chunk_with_trailers(out, trailers),
        None => out.extend_from_slice(h1::LAST_CHUNK),
    }
}

/// Which side ended a relay before the body's end.
#[derive(Debug)]
pub(crate) enum Broken {
    /// The side that the bytes come from.
    Source(SourceError),
    /// The side that the bytes go to.
    Sink,
}

/// What a relay has just done.
pub(crate) enum Step {
    /// It received something, and will send it on.
    Received,
    /// It sent something on, with so many bytes of payload.
    Sent { payload: u64 },
}

/// Relays until the end of the body, and calls `done` after every step.
pub(crate) async fn relay(
    source: &mut BodySource<'_>,
    sink: &mut BodySink<'_>,
    mut done: impl FnMut(Step),
) -> Result<(), Broken> {
    loop {
        // A head waits only for bytes that are already here.
        if sink.head.is_some() && !source.has_received() && !source.is_done() {
            sink.flush_head().await.map_err(|_| Broken::Sink)?;
            done(Step::Sent { payload: 0 });
        }
        let piece = source.next().await.map_err(Broken::Source)?;
        done(Step::Received);
        let payload = piece.as_ref().map_or(0, |piece| piece.len() as u64);
        let last = source.is_done();
        let trailers = source.trailers();
        let sent = match piece {
            Some(piece) => sink.write(piece, last, trailers).await,
            None => sink.end(trailers).await,
        };
        sent.map_err(|_| Broken::Sink)?;
        done(Step::Sent { payload });
        if last {
            return Ok(());
        }
    }
}
