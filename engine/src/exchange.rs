//! The story of one request: receive -> decide -> pick -> attempt -> again? -> settle.
//!
//! Read `run`, then `forward`, then `attempt`: nothing of a request happens elsewhere. The
//! decisions are `policy`'s, the bytes are `relay`'s, and the account is the `ledger`'s.

mod attempt;
mod deadlines;
mod download;
mod settle;

use std::rc::Rc;
use std::time::Duration;

use config::snapshot::{Direction, Listener as ListenerConfig};
use policy::failure::Side;
use policy::{Cause, EndpointIx, Failure, retry};
use rt::{Batch, Chunk, Either, Pooled};
use wire::h1::{BodyDecoder, HeadLimits, RequestDecoder, ResponseDecoder, TrailerLimits};
use wire::message::{Framing, RequestHead, ResponseHead};

use crate::core::Core;
use crate::decide::{self, Decision, ForwardTo, Target};
use crate::downstream::{self, After, Connection, Listener, Received};
use crate::ledger::Ledger;
use crate::local::{Answer, Asked};
use crate::relay::BodySource;
use crate::upstream::{self, Picked, Upstream};
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
    response: Response,
    target: Target,
    /// For what has no buffer of its own.
    scratch: Vec<u8>,
}

/// The upstream's response, as far as it was received.
struct Response {
    head: ResponseHead,
    decoder: ResponseDecoder,
    body: BodyDecoder,
}

impl Default for Workspace {
    fn default() -> Self {
        Self {
            request: RequestHead::default(),
            request_decoder: RequestDecoder::new(),
            request_body: BodyDecoder::new(Framing::None, TRAILERS_MAX),
            response: Response {
                head: ResponseHead::default(),
                decoder: ResponseDecoder::new(),
                body: BodyDecoder::new(Framing::None, TRAILERS_MAX),
            },
            target: Target::none(),
            scratch: Vec::new(),
        }
    }
}

impl Workspace {
    /// Ready for the next request, whatever became of the last.
    pub(crate) fn clear(&mut self) {
        self.request.clear();
        self.request_decoder.reset();
        self.request_body.restart(Framing::None);
        self.response.head.clear();
        self.response.decoder.reset();
        self.target.clear();
    }
}

/// One request and all that belongs to it.
struct Exchange<'c> {
    core: Rc<Core>,
    view: Rc<View>,
    /// The listener's place in `view`: a reload during the request moves the listener's own.
    place: usize,
    connection: &'c mut Connection,
    work: Pooled<Workspace>,
    ledger: Ledger,
    /// The endpoint that the last attempt was made at.
    tried: Option<(Rc<Upstream>, EndpointIx)>,
    /// It came to an end of its own: nobody dropped it before.
    ended: bool,
}

/// Carries one request from its first bytes to the end of its answer.
pub(crate) async fn run(connection: &mut Connection, first: Chunk) -> After {
    let core = Rc::clone(&connection.core);
    let view = connection.listener().view(&core);
    let work = core.workspaces.take();
    let place = connection.listener().place();
    let ledger = Ledger::open(&core, &view, place);
    let (tried, ended) = (None, false);
    let mut exchange = Exchange { core, view, place, connection, work, ledger, tried, ended };
    let after = match exchange.receive(first).await {
        Ok(Received::Head) => match exchange.serve().await {
            Ok(after) => after,
            Err(failure) => exchange.fail(&failure).await,
        },
        Ok(Received::Nothing) => {
            exchange.ledger.strike_out();
            After::Close
        }
        Err(failure) => exchange.fail(&failure).await,
    };
    let after = exchange.deliver(after).await;
    exchange.ended = true;
    after
}

impl Exchange<'_> {
    async fn receive(&mut self, first: Chunk) -> Result<Received, Failure> {
        let http = &self.listener().http;
        let limits = HeadLimits {
            head_bytes_max: http.head_bytes_max,
            fields_max: http.fields_max,
            target_bytes_max: http.target_bytes_max,
        };
        let head_timeout = http.head_timeout;
        let Workspace { request, request_decoder, .. } = &mut *self.work;
        let connection = &mut *self.connection;
        let received =
            connection.read_head(first, request_decoder, &limits, head_timeout, request).await?;
        let Workspace { request, request_body, .. } = &mut *self.work;
        request_body.restart(request.framing);
        self.ledger.head_complete();
        Ok(received)
    }

    /// Decides what becomes of the request, and does it.
    async fn serve(&mut self) -> Result<After, Failure> {
        let view = Rc::clone(&self.view);
        let listener = &view.snapshot.listeners[self.place];
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
        let mut failed = None;
        loop {
            let picked = upstream.pick(self.core.random(), failed)?;
            self.tried = Some((Rc::clone(upstream), picked.ix));
            let opened = self.open(&picked, failed.is_some()).await?;
            let reused = opened.is_reused();
            match self.attempt(to, &picked, opened).await {
                Err(failure) if self.may_try_again(&failure, reused) => {
                    failed = Some(picked.ix);
                    self.ledger.retry(&failure);
                }
                result => return result,
            }
        }
    }

    /// A connection to the picked endpoint: an idle one, or, while the client waits, another.
    async fn open(
        &mut self,
        picked: &Picked,
        fresh: bool,
    ) -> Result<upstream::Connection, Failure> {
        if !fresh && let Some(idle) = upstream::Connection::reuse(picked, &self.core) {
            return idle;
        }
        let Connection { stream, surplus, waits, .. } = &mut *self.connection;
        let opened = upstream::Connection::open(picked, &self.core, &waits.timer, fresh);
        match rt::either(opened, downstream::client_leaves(stream, surplus)).await {
            Either::Left(opened) => opened,
            Either::Right(failure) => Err(failure),
        }
    }

    /// True for the one free retry: an idle connection that its peer closed as we took it.
    fn may_try_again(&self, failure: &Failure, reused: bool) -> bool {
        let request = &self.work.request;
        let unanswered = !self.ledger.response_begun() && !self.ledger.interim.get();
        let replayable = request.framing == Framing::None && unanswered;
        retry::free_retry(failure, reused, request.method(), replayable)
    }

    /// Ends the exchange by what went wrong.
    async fn fail(&mut self, failure: &Failure) -> After {
        self.ledger.failed(failure);
        self.tell(failure);
        if self.ledger.response_begun() {
            // The peer must not take what it has for the whole.
            return After::Abort;
        }
        if failure.cause.status() == 0 {
            return After::Close;
        }
        // After a fault of the client's it is not known where its next request would begin.
        let after = match failure.side {
            Side::Downstream => After::Linger,
            Side::Upstream | Side::Us => self.after_own_answer(),
        };
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

    /// For whoever has turned the program's own log up.
    fn tell(&self, failure: &Failure) {
        let tried = self.tried.as_ref();
        tracing::debug!(
            listener = %self.listener().name,
            upstream = tried.map(|(upstream, _)| &*upstream.config.name),
            endpoint = tried.map(|(upstream, ix)| &*upstream.endpoint(*ix).name),
            attempts = self.ledger.attempts(),
            flag = failure.cause.flag().as_str(),
            cause = failure.cause.fault().unwrap_or(failure.cause.as_str()),
            "a request failed"
        );
    }

    /// Sends an answer of our own, and receives what is left of a short request body.
    async fn answer(&mut self, answer: &Answer<'_>, after: After) -> After {
        let Workspace { request, target, .. } = &*self.work;
        let stream = &self.connection.stream;
        let keep_alive = after == After::KeepAlive;
        let asked = Asked { request, target, stream };
        let message = answer.write(&asked, keep_alive, &self.core.date());
        let timer = &self.connection.waits.timer;
        timer.set(rt::now() + self.listener().http.stream_idle_timeout);
        // What was sent before may still wait for a slow reader.
        match timer.race(stream.send(Batch::from(message))).await {
            Ok(Ok(())) => self.ledger.response_sent(answer.status),
            Ok(Err(_)) | Err(_) => return After::Close,
        }
        self.ledger.bytes_out.set(answer.body_sent(request).len() as u64);
        match keep_alive && !self.swallow_body().await {
            true => After::Linger,
            false => after,
        }
    }

    /// Whether the connection can go on after an answer that did not wait for the request's body.
    fn after_own_answer(&self) -> After {
        let Workspace { request, request_body, .. } = &*self.work;
        let short = match request_body.remaining() {
            Some(0) => true,
            Some(bytes) => bytes <= UNWANTED_BODY_BYTES_MAX && !request.expect_continue,
            None => false,
        };
        let keep = keeps_alive(request, self.connection.listener(), &self.core);
        if short && keep { After::KeepAlive } else { After::Linger }
    }

    /// Receives and drops what is left of the request's body. False if it did not end in time.
    async fn swallow_body(&mut self) -> bool {
        let request_body = &mut self.work.request_body;
        if request_body.is_done() {
            return true;
        }
        let Connection { stream, surplus, waits, .. } = &mut *self.connection;
        let mut body = BodySource::new(stream, request_body, surplus);
        waits.timer.set(rt::now() + UNWANTED_BODY_MAX);
        let swallowed = waits.timer.race(async { while let Ok(Some(_)) = body.next().await {} });
        swallowed.await.is_ok() && body.is_done()
    }

    /// Sees to it that the last answer of a connection arrives before the connection ends, however
    /// slowly the client reads.
    async fn deliver(&mut self, after: After) -> After {
        if !matches!(after, After::Close | After::Linger) || !self.ledger.response_begun() {
            return after;
        }
        let Connection { stream, waits, .. } = &*self.connection;
        waits.timer.set(rt::now() + self.listener().http.stream_idle_timeout);
        match waits.timer.race(stream.flush()).await {
            Ok(Ok(())) => after,
            Ok(Err(_)) => {
                self.ledger.failed(&Failure::from(Cause::DownstreamClosed));
                After::Close
            }
            Err(_elapsed) => {
                self.ledger.failed(&Failure::from(Cause::ReaderIdle));
                After::Abort
            }
        }
    }

    fn listener(&self) -> &ListenerConfig {
        &self.view.snapshot.listeners[self.place]
    }
}

/// Whether the peer, the listener and the process all want another request on the connection.
fn keeps_alive(request: &RequestHead, listener: &Listener, core: &Core) -> bool {
    request.keep_alive && !core.is_draining() && !listener.is_retired()
}
