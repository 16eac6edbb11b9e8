//! The story of one request: receive -> decide -> pick -> attempt -> again? -> settle.
//!
//! Read `run`, then `forward`, then `attempt`: nothing of a request happens elsewhere. The
//! decisions are `policy`'s, the bytes are `relay`'s, and the account is the `ledger`'s.

mod attempt;
mod deadlines;
mod download;

use std::rc::Rc;
use std::time::Duration;

use config::snapshot::{Direction, Listener as ListenerConfig};
use policy::{Cause, EndpointIx, Failure, retry};
use rt::{Batch, Chunk, Pooled};
use wire::h1::{BodyDecoder, HeadLimits, RequestDecoder, ResponseDecoder, TrailerLimits};
use wire::message::{Framing, RequestHead, ResponseHead};

use crate::core::Core;
use crate::decide::{self, Decision, ForwardTo, Target};
use crate::downstream::{After, Connection, Listener};
use crate::ledger::Ledger;
use crate::local::{Answer, Asked};
use crate::relay::BodySource;
use crate::upstream::{self, Upstream};
use crate::view::View;

/// A body that nobody wants is still received if it is no longer than this: it is cheaper than a
/// new connection.
const UNWANTED_BODY_BYTES_MAX: u64 = 64 << 10;
/// And if it comes within so long.
const UNWANTED_BODY_MAX: Duration = Duration::from_secs(1);

/// Trailer sections are bounded like heads, and kept shorter: nothing needs long ones.
const TRAILERS_MAX: TrailerLimits = TrailerLimits { bytes_max: 16 << 10, fields_max: 64 };

/// The memory of one exchange, reused by the next (`rt::Pool`).
pub(crate) struct Workspace {
    request: RequestHead,
    request_decoder: RequestDecoder,
    request_body: BodyDecoder,
    response: ResponseHead,
    response_decoder: ResponseDecoder,
    response_body: BodyDecoder,
    target: Target,
    /// For what has no buffer of its own.
    scratch: Vec<u8>,
}

impl Default for Workspace {
    fn default() -> Self {
        Self {
            request: RequestHead::default(),
            request_decoder: RequestDecoder::new(),
            request_body: BodyDecoder::new(Framing::None, TRAILERS_MAX),
            response: ResponseHead::default(),
            response_decoder: ResponseDecoder::new(),
            response_body: BodyDecoder::new(Framing::None, TRAILERS_MAX),
            target: Target::none(),
            scratch: Vec::new(),
        }
    }
}

impl Workspace {
    /// Ready for the next request, whatever became of the last.
    pub(crate) fn clear(&mut self) {
        self.request_decoder.reset();
        self.response_decoder.reset();
    }
}

/// One request and all that belongs to it.
struct Exchange<'c> {
    core: Rc<Core>,
    view: Rc<View>,
    connection: &'c mut Connection,
    work: Pooled<Workspace>,
    ledger: Ledger,
    /// The endpoint that the last attempt was made at.
    tried: Option<(Rc<Upstream>, EndpointIx)>,
}

/// Carries one request from its first bytes to the end of its answer.
pub(crate) async fn run(connection: &mut Connection, first: Chunk) -> After {
    let core = Rc::clone(&connection.core);
    let view = connection.listener().view(&core);
    let work = core.workspaces.take();
    let ledger = Ledger::open(&core, &view, connection.listener().place.get());
    let mut exchange = Exchange { core, view, connection, work, ledger, tried: None };
    match exchange.receive(first).await {
        Ok(true) => {}
        Ok(false) => {
            exchange.ledger.strike_out();
            return After::Close;
        }
        Err(failure) => return exchange.refuse(&failure, After::Linger).await,
    }
    match exchange.serve().await {
        Ok(after) => after,
        Err(failure) if exchange.ledger.response_begun() => exchange.give_up(&failure),
        Err(failure) => {
            let after = exchange.after_own_answer();
            exchange.refuse(&failure, after).await
        }
    }
}

impl Exchange<'_> {
    /// Receives the request head. `Ok(false)`: the peer left before it began one.
    async fn receive(&mut self, first: Chunk) -> Result<bool, Failure> {
        let http = &self.listener().http;
        let limits = HeadLimits {
            head_bytes_max: http.head_bytes_max,
            fields_max: http.fields_max,
            target_bytes_max: http.target_bytes_max,
        };
        let head_timeout = http.head_timeout;
        let Workspace { request, request_decoder, .. } = &mut *self.work;
        let connection = &mut *self.connection;
        let begun =
            connection.read_head(first, request_decoder, &limits, head_timeout, request).await?;
        self.ledger.head_complete();
        Ok(begun)
    }

    /// Decides what becomes of the request, and does it.
    async fn serve(&mut self) -> Result<After, Failure> {
        let view = Rc::clone(&self.view);
        let listener = self.connection.listener().config(&view);
        let work = &mut *self.work;
        if work.request.method() == b"CONNECT" {
            return Err(Failure::from(Cause::ConnectMethod));
        }
        work.target.read(&work.request, &listener.http)?;
        let table = view.snapshot.table(listener.table);
        let (route, decision) =
            decide::decide(table, &work.request, &work.target, self.core.random())?;
        self.ledger.route.set(Some(route));
        match decision {
            Decision::Forward(to) => self.forward(&to).await,
            Decision::Respond(respond) => {
                let answer = Answer::direct(respond.status, &respond.body);
                Ok(self.answer(&answer.of_route(table.route(route)), self.after_own_answer()).await)
            }
            Decision::Redirect(redirect) => {
                let mut location = std::mem::take(&mut self.work.scratch);
                location.clear();
                let route = table.route(route);
                let Workspace { request, target, .. } = &*self.work;
                decide::location(redirect, route, request, target, &mut location)?;
                let answer = Answer::redirect(redirect.status, &location).of_route(route);
                let after = self.answer(&answer, self.after_own_answer()).await;
                self.work.scratch = location;
                Ok(after)
            }
        }
    }

    /// Sends the request to an endpoint of its upstream, and the answer back.
    async fn forward(&mut self, to: &ForwardTo<'_>) -> Result<After, Failure> {
        let view = Rc::clone(&self.view);
        let upstream = view.upstream(to.branch.upstream, &self.core);
        self.ledger.upstream.set(Some(to.branch.upstream));
        self.work.target.rewrite(to)?;
        let mut fresh = false;
        loop {
            let picked = upstream.pick(self.core.random(), None)?;
            self.tried = Some((Rc::clone(upstream), picked.ix));
            let timer = &self.connection.waits.timer;
            let opened = upstream::Connection::open(&picked, &self.core, timer, fresh).await?;
            let reused = opened.is_reused();
            match self.attempt(to, &picked, opened).await {
                Err(failure) if self.may_try_again(&failure, reused) => {
                    fresh = true;
                    self.ledger.retry(&failure);
                }
                result => return result,
            }
        }
    }

    /// True for the one free retry: an idle connection that its peer closed as we took it.
    fn may_try_again(&self, failure: &Failure, reused: bool) -> bool {
        let request = &self.work.request;
        let replayable = request.framing == Framing::None && !self.ledger.response_begun();
        retry::free_retry(failure, reused, request.method(), replayable)
    }

    /// Answers with what went wrong, if there is still somebody to answer.
    async fn refuse(&mut self, failure: &Failure, after: After) -> After {
        self.ledger.failed(failure);
        if failure.cause.status() == 0 {
            return After::Close;
        }
        let mut reason = std::mem::take(&mut self.work.scratch);
        reason.clear();
        if self.listener().direction == Direction::Outbound {
            let tried = self.tried.as_ref();
            let endpoint = tried.map(|(upstream, ix)| upstream.endpoint(*ix).name.as_ref());
            let endpoint = endpoint.as_ref().map(|name| name as &dyn std::fmt::Display);
            failure.explain(endpoint, self.ledger.attempts(), &mut reason);
        }
        let after = self.answer(&Answer::refusal(failure, &reason), after).await;
        self.work.scratch = reason;
        after
    }

    /// Ends a response that has begun and cannot be completed.
    fn give_up(&mut self, failure: &Failure) -> After {
        self.ledger.failed(failure);
        After::Abort
    }

    /// Sends an answer of our own, and receives what is left of a short request body.
    async fn answer(&mut self, answer: &Answer<'_>, after: After) -> After {
        let Workspace { request, target, .. } = &*self.work;
        let stream = &self.connection.stream;
        let keep_alive = after == After::KeepAlive;
        let asked = Asked { request, target, stream };
        let message = answer.write(&asked, keep_alive, &self.core.date());
        self.ledger.status.set(answer.status);
        self.ledger.bytes_out.set(answer.body.len() as u64);
        if stream.send(Batch::from(message)).await.is_err() {
            return After::Close;
        }
        self.ledger.response_sent();
        match keep_alive && !self.swallow_body().await {
            true => After::Linger,
            false => after,
        }
    }

    /// Whether the connection can go on after an answer that did not wait for the request's body.
    fn after_own_answer(&self) -> After {
        let request = &self.work.request;
        let short = match request.framing {
            Framing::None => true,
            Framing::Length(bytes) => bytes <= UNWANTED_BODY_BYTES_MAX && !request.expect_continue,
            Framing::Chunked | Framing::UntilClose => false,
        };
        let keep = keeps_alive(request, self.connection.listener(), &self.core);
        if short && keep { After::KeepAlive } else { After::Linger }
    }

    /// Receives and drops the request's body. False if it did not end in time.
    async fn swallow_body(&mut self) -> bool {
        let Workspace { request, request_body, .. } = &mut *self.work;
        request_body.restart(request.framing);
        let Connection { stream, surplus, waits, .. } = &mut *self.connection;
        let mut body = BodySource::new(stream, request_body, surplus);
        waits.timer.set(rt::now() + UNWANTED_BODY_MAX);
        let swallowed = waits.timer.race(async { while let Ok(Some(_)) = body.next().await {} });
        swallowed.await.is_ok() && body.is_done()
    }

    fn listener(&self) -> &ListenerConfig {
        self.connection.listener().config(&self.view)
    }
}

/// Whether the peer, the listener and the process all want another request on the connection.
fn keeps_alive(request: &RequestHead, listener: &Listener, core: &Core) -> bool {
    request.keep_alive && !core.is_draining() && !listener.is_retired()
}
