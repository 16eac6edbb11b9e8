//! One downstream HTTP/1.1 connection, from accept to close.
//!
//! Between two requests it owns no buffer and no request state: those come with the first byte
//! (`rt::pooled`) and go with the last.

use std::cell::{Cell, RefCell};
use std::future::pending;
use std::rc::Rc;
use std::time::Duration;

use policy::{Cause, Failure};
use rt::{Chunk, Stream, Timer};
use slab::Slab;
use wire::h1::{HeadLimits, Progress, RequestDecoder};
use wire::message::RequestHead;

use super::Listener;
use crate::core::Core;
use crate::decide::downstream_fault;
use crate::exchange;

/// How long a connection that ends early is still read from, so that its last answer is not
/// destroyed by a reset (RFC 9112 §9.6).
const LINGER_MAX: Duration = Duration::from_secs(2);
/// And how many bytes at most.
const LINGER_BYTES_MAX: usize = 1 << 20;
/// How long a connection may stay idle once the process drains: a request that is already on its
/// way is still answered.
const DRAIN_IDLE: Duration = Duration::from_secs(1);

/// A client that has ended its side may only have said all it had to say, or may be gone. It is
/// given the benefit of the doubt for so long.
const HALF_CLOSED_MAX: Duration = Duration::from_secs(5);

/// What becomes of the connection when an exchange is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum After {
    /// The next request may come.
    KeepAlive,
    /// Closed: both sides have said all they had to say.
    Close,
    /// Closed once the peer has seen the answer: it may still be sending.
    Linger,
    /// Reset: the response was cut, and the peer must not take it for whole.
    Abort,
}

/// A downstream connection.
pub(crate) struct Connection {
    pub(crate) stream: Stream,
    pub(crate) core: Rc<Core>,
    pub(crate) waits: Rc<Waits>,
    /// Received and not decoded: the beginning of the next request.
    pub(crate) surplus: Option<Chunk>,
}

/// What a connection waits for, where its core can see it.
pub(crate) struct Waits {
    /// The one timer of the connection.
    pub(crate) timer: Timer,
    /// Between two requests.
    idle: Cell<bool>,
    pub(crate) listener: Rc<Listener>,
}

/// What came of waiting for a request head.
pub(crate) enum Received {
    Head,
    /// The peer left before it began one (a blank line, RFC 9112 §2.2, is no beginning).
    Nothing,
}

/// All downstream connections of a core.
#[derive(Default)]
pub(crate) struct Registry {
    connections: RefCell<Slab<Rc<Waits>>>,
}

impl Registry {
    /// Connections open now.
    pub(crate) fn len(&self) -> usize {
        self.connections.borrow().len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.connections.borrow().is_empty()
    }

    /// Gives idle connections (of `listener`, if one is named) a last moment, and then ends them.
    /// Those with a request on them end with its answer.
    pub(crate) fn drain(&self, listener: Option<&Rc<Listener>>) {
        for (_, waits) in self.connections.borrow().iter() {
            let concerned = listener.is_none_or(|of| Rc::ptr_eq(of, &waits.listener));
            if concerned && waits.idle.get() {
                waits.timer.set(rt::now() + DRAIN_IDLE);
            }
        }
    }
}

/// Serves a connection to its end.
pub(crate) async fn serve(stream: Stream, open: Open) {
    let (core, waits) = (Rc::clone(&open.core), Rc::clone(&open.waits));
    let mut connection = Connection { stream, core, waits, surplus: None };
    let mut after = After::KeepAlive;
    while after == After::KeepAlive {
        let Some(first) = connection.next_request().await else { return };
        after = rt::pooled(exchange::run(&mut connection, first)).await;
    }
    match after {
        After::KeepAlive | After::Close => {
            connection.waits.timer.set(rt::now() + LINGER_MAX);
            let Connection { stream, waits, .. } = &connection;
            let _ = waits.timer.race(stream.finish()).await;
        }
        After::Linger => rt::pooled(connection.linger()).await,
        After::Abort => connection.stream.abort(),
    }
}

impl Connection {
    /// Waits for the first bytes of a request. `None`: the peer has gone, or was idle too long.
    async fn next_request(&mut self) -> Option<Chunk> {
        if let Some(surplus) = self.surplus.take() {
            return Some(surplus);
        }
        let idle_timeout = match self.core.is_draining() || self.listener().is_retired() {
            true => DRAIN_IDLE,
            false => self.listener().idle_timeout(&self.core),
        };
        self.waits.timer.set(rt::now() + idle_timeout);
        self.waits.idle.set(true);
        let received = self.waits.timer.race(self.stream.recv()).await;
        self.waits.idle.set(false);
        match received {
            Ok(Ok(chunk)) if !chunk.is_empty() => Some(chunk),
            _ => None,
        }
    }

    /// Receives the rest of a request head.
    pub(crate) async fn read_head(
        &mut self,
        first: Chunk,
        decoder: &mut RequestDecoder,
        limits: &HeadLimits,
        head_timeout: Duration,
        head: &mut RequestHead,
    ) -> Result<Received, Failure> {
        let mut chunk = first;
        let mut ends = None;
        loop {
            let progress = decoder.feed(&chunk, limits, head).map_err(downstream_fault)?;
            if let Progress::Done { consumed } = progress {
                if consumed < chunk.len() {
                    chunk.advance(consumed);
                    self.surplus = Some(chunk);
                }
                return Ok(Received::Head);
            }
            // All of it was fed; kept, it would count as long as the rest is waited for.
            drop(chunk);
            // Only a head that did not come in one piece needs a deadline.
            self.waits.timer.set(*ends.get_or_insert_with(|| rt::now() + head_timeout));
            chunk = match self.waits.timer.race(self.stream.recv()).await {
                Ok(Ok(chunk)) if !chunk.is_empty() => chunk,
                Err(_elapsed) if !decoder.is_empty() => {
                    return Err(Failure::from(Cause::HeadTimeout));
                }
                _ if decoder.is_empty() => return Ok(Received::Nothing),
                _ => return Err(Failure::from(Cause::DownstreamClosed)),
            };
        }
    }

    /// The listener that it came through.
    pub(crate) fn listener(&self) -> &Rc<Listener> {
        &self.waits.listener
    }

    /// Says goodbye and reads on until the peer has done the same, within bounds.
    async fn linger(&mut self) {
        self.surplus = None;
        self.waits.timer.set(rt::now() + LINGER_MAX);
        let _ = self
            .waits
            .timer
            .race(async {
                let mut bytes = 0;
                if self.stream.finish().await.is_err() {
                    return;
                }
                while bytes < LINGER_BYTES_MAX {
                    match self.stream.recv().await {
                        Ok(chunk) if !chunk.is_empty() => bytes += chunk.len(),
                        _ => return,
                    }
                }
            })
            .await;
    }
}

/// Ends when the client has surely left. The beginning of its next request may come meanwhile: it
/// is kept, and then nothing more is received.
pub(crate) async fn client_leaves(stream: &Stream, surplus: &mut Option<Chunk>) -> Failure {
    if surplus.is_none() {
        match stream.recv().await {
            Ok(chunk) if !chunk.is_empty() => *surplus = Some(chunk),
            Ok(_ended) => {
                rt::sleep(HALF_CLOSED_MAX).await;
                return Failure::from(Cause::DownstreamClosed);
            }
            Err(_reset) => return Failure::from(Cause::DownstreamClosed),
        }
    }
    pending().await
}

/// Counts a connection for as long as it is open.
pub(crate) struct Open {
    core: Rc<Core>,
    waits: Rc<Waits>,
    key: usize,
}

impl Open {
    pub(crate) fn new(core: &Rc<Core>, listener: &Rc<Listener>) -> Self {
        let listener = Rc::clone(listener);
        let waits = Rc::new(Waits { timer: Timer::new(), idle: Cell::new(false), listener });
        let key = core.connections.connections.borrow_mut().insert(Rc::clone(&waits));
        waits.listener.opened(core);
        core.gauges.downstream_connections.add(1);
        Self { core: Rc::clone(core), waits, key }
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.core.connections.connections.borrow_mut().remove(self.key);
        self.waits.listener.closed(&self.core);
        self.core.connection_closed();
    }
}
