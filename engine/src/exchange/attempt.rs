//! One attempt: the request to one endpoint, and its answer to the peer.
//!
//! Upload and download run side by side: an upstream may answer before it has the whole request.

use std::pin::{Pin, pin};
use std::time::Duration;

use config::snapshot::HttpOptions;
use policy::time::{Timeouts, WaitsFor};
use policy::{Cause, Failure};
use rt::{Batch, Either, HeadBuf};
use signals::UpstreamEvent;
use wire::message::Framing;

use super::deadlines::Deadlines;
use super::download::Download;
use super::{Exchange, Workspace};
use crate::decide::{ForwardTo, downstream_fault};
use crate::downstream::{After, Connection, client_leaves};
use crate::facts::Facts;
use crate::head::{self, RequestPlan};
use crate::ledger::Ledger;
use crate::relay::{BodySink, BodySource, Broken, SourceError, Step, relay};
use crate::upstream::{self, Picked};

/// An upstream said more than it was asked.
const UNASKED: UpstreamEvent = UpstreamEvent::Fault("unasked_bytes");

impl Exchange<'_> {
    /// Sends the request over `up`, and the answer back.
    pub(super) async fn attempt(
        &mut self,
        to: &ForwardTo<'_>,
        picked: &Picked,
        up: upstream::Connection,
    ) -> Result<After, Failure> {
        let ledger = &self.ledger;
        let http = &self.view.snapshot.listeners[self.place].http;
        let Connection { stream, surplus, waits, .. } = &mut *self.connection;
        let Workspace { request, request_body, response, target, .. } = &mut *self.work;
        let upstream = &picked.upstream().config.name;
        let endpoint = &picked.endpoint().name;
        let facts = Facts { request, target, route: &to.route.name, upstream, endpoint, stream };
        let deadlines = Deadlines::new(&waits.timer, Timeouts::new(http, to.route));
        let head = request_head(&facts, to, http, ledger.request_id());
        let mut download = Download {
            up: &up,
            surplus: None,
            response,
            facts: &facts,
            picked,
            to,
            http,
            keeps_alive: false,
            listener: &waits.listener,
            deadlines: &deadlines,
            ledger,
            core: &self.core,
        };

        let carried = waits.timer.race(async {
            let mut answer = pin!(download.run());
            deadlines.progress(WaitsFor::Upstream);
            if request.framing == Framing::None {
                let sent = up.stream.send(Batch::from(head)).await;
                sent.map_err(|_| Failure::from(Cause::ResetBeforeResponse))?;
                ledger.request_sent(up.waited);
            } else {
                let mut source = BodySource::new(stream, request_body, surplus);
                let mut sink = BodySink::new(&up.stream, request.framing, head);
                let upload = upload(&mut source, &mut sink, &deadlines, ledger, up.waited);
                match beside(upload, answer.as_mut()).await? {
                    Uploaded::Whole => {}
                    // The answer, if there is one, is relayed; the rest of the body is not awaited.
                    Uploaded::Cut => return answer.await,
                    Uploaded::AnsweredBefore => return Ok(()),
                }
            }
            deadlines.request_complete();
            match rt::either(answer, client_leaves(stream, surplus)).await {
                Either::Left(answered) => answered,
                Either::Right(failure) => Err(failure),
            }
        });
        carried.await.unwrap_or_else(|_elapsed| Err(deadlines.passed()))?;

        let Download { keeps_alive, surplus, .. } = download;
        if deadlines.is_request_complete() {
            // Bytes behind the response belong to no request: they cannot be trusted.
            match surplus {
                None => up.release(picked, &response.head, &self.core),
                Some(_) => self.core.count_upstream(picked.upstream().at.get(), UNASKED),
            }
            return Ok(if keeps_alive { After::KeepAlive } else { After::Close });
        }
        Ok(After::Linger)
    }
}

/// How an upload ended.
enum Uploaded {
    /// The whole request is on its way.
    Whole,
    /// The upstream wants no more of it.
    Cut,
    /// The whole answer came, and went on, before that.
    AnsweredBefore,
}

/// Sends head and body.
async fn upload(
    source: &mut BodySource<'_>,
    sink: &mut BodySink<'_>,
    deadlines: &Deadlines<'_>,
    ledger: &Ledger,
    waited: Duration,
) -> Result<(), Broken> {
    deadlines.progress(WaitsFor::RequestBody);
    relay(source, sink, |step| match step {
        Step::Received => deadlines.progress(WaitsFor::Upstream),
        Step::Sent { payload } => {
            ledger.request_sent(waited);
            ledger.bytes_in.set(ledger.bytes_in.get() + payload);
            deadlines.progress(WaitsFor::RequestBody);
        }
    })
    .await
}

/// Runs the upload beside the answer, which may come first. An upstream that stops reading may
/// still have answered.
async fn beside(
    upload: impl Future<Output = Result<(), Broken>>,
    answer: Pin<&mut impl Future<Output = Result<(), Failure>>>,
) -> Result<Uploaded, Failure> {
    match rt::either(answer, upload).await {
        Either::Left(answered) => answered.map(|()| Uploaded::AnsweredBefore),
        Either::Right(Ok(())) => Ok(Uploaded::Whole),
        Either::Right(Err(Broken::Sink)) => Ok(Uploaded::Cut),
        Either::Right(Err(Broken::Source(SourceError::Closed))) => {
            Err(Failure::from(Cause::DownstreamClosed))
        }
        Either::Right(Err(Broken::Source(SourceError::Fault(fault)))) => {
            Err(downstream_fault(fault))
        }
    }
}

fn request_head(
    facts: &Facts<'_>,
    to: &ForwardTo<'_>,
    http: &HttpOptions,
    random: u128,
) -> HeadBuf {
    let rewritten = to.forward.host.as_deref().map(str::as_bytes);
    // A client of HTTP/1.0 may name no host; the upstream, of HTTP/1.1, must be given one.
    let plan = RequestPlan {
        target: facts.target.forwarded(),
        host: rewritten.or(facts.request.authority()).unwrap_or(facts.endpoint.as_bytes()),
        http,
        edits: to.request_edits(),
        facts,
        peer: facts.stream.peer(),
        random,
    };
    let mut out = HeadBuf::take();
    head::request(&mut out, facts.request, &plan);
    out
}
