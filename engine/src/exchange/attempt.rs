//! One attempt: the request to one endpoint, and its answer to the peer.
//!
//! Upload and download run side by side: an upstream may answer before it has the whole request.

use std::pin::pin;

use config::snapshot::HttpOptions;
use policy::{Cause, Failure};
use rt::{Batch, Either, HeadBuf};
use wire::message::{Framing, RequestHead};

use super::deadlines::Deadlines;
use super::download::Download;
use super::{Exchange, Workspace};
use crate::decide::{ForwardTo, downstream_fault};
use crate::downstream::{After, Connection};
use crate::facts::Facts;
use crate::head::{self, RequestPlan};
use crate::relay::{BodySink, BodySource, Broken, SourceError, relay};
use crate::upstream::{self, Picked};

impl Exchange<'_> {
    /// Sends the request over `up`, and the answer back.
    pub(super) async fn attempt(
        &mut self,
        to: &ForwardTo<'_>,
        picked: &Picked,
        up: upstream::Connection,
    ) -> Result<After, Failure> {
        let keeps_alive = self.keeps_alive();
        let ledger = &self.ledger;
        let http = &self.connection.listener().config(&self.view).http;
        let Connection { stream, surplus, waits, .. } = &mut *self.connection;
        let Workspace {
            request,
            request_body,
            response,
            response_decoder,
            response_body,
            target,
            ..
        } = &mut *self.work;
        let facts = Facts { request, target, picked, route: to.route, stream };
        let idle_timeout = to.route.idle_timeout.unwrap_or(http.stream_idle_timeout);
        let deadlines = Deadlines::new(&waits.timer, idle_timeout, to.route.timeout);
        let head = request_head(&facts, to, http, self.core.random_128());
        let mut download = Download {
            up: &up,
            surplus: None,
            decoder: response_decoder,
            head: response,
            body: response_body,
            facts: &facts,
            to,
            http,
            keeps_alive,
            deadlines: &deadlines,
            ledger,
            core: &self.core,
        };

        let done = if request.framing == Framing::None {
            if up.stream.send(Batch::from(head)).await.is_err() {
                return Err(Failure::from(Cause::ResetBeforeResponse));
            }
            ledger.request_sent(up.waited);
            deadlines.request_complete();
            waits.timer.race(download.run()).await
        } else {
            deadlines.progress();
            request_body.restart(request.framing);
            let mut source = BodySource::new(stream, request_body, surplus);
            let mut sink = BodySink::new(&up.stream, request.framing, head);
            let upload = async {
                let passed = || {
                    ledger.request_sent(up.waited);
                    deadlines.progress();
                };
                let sent = relay(&mut source, &mut sink, passed).await;
                if sent.is_ok() {
                    deadlines.request_complete();
                }
                sent
            };
            let done = waits.timer.race(side_by_side(upload, download.run())).await;
            ledger.bytes_in.set(ledger.bytes_in.get() + source.bytes());
            done
        };
        done.unwrap_or_else(|_elapsed| Err(deadlines.passed()))?;

        let told = download.keeps_alive;
        if deadlines.is_request_complete() && download.surplus.is_none() {
            up.release(picked, response, &self.core);
        }
        Ok(match (deadlines.is_request_complete(), told) {
            (true, true) => After::KeepAlive,
            (true, false) => After::Close,
            (false, _) => After::Linger,
        })
    }
}

/// Runs the upload beside the download, which decides when the exchange is over. An upstream that
/// stops reading may still have answered.
async fn side_by_side(
    upload: impl Future<Output = Result<(), Broken>>,
    download: impl Future<Output = Result<(), Failure>>,
) -> Result<(), Failure> {
    let mut download = pin!(download);
    match rt::either(download.as_mut(), upload).await {
        Either::Left(done) => done,
        Either::Right(Err(Broken::Source(error))) => Err(match error {
            SourceError::Closed => Failure::from(Cause::DownstreamClosed),
            SourceError::Fault(fault) => downstream_fault(fault),
        }),
        Either::Right(Ok(()) | Err(Broken::Sink)) => download.await,
    }
}

fn request_head(
    facts: &Facts<'_>,
    to: &ForwardTo<'_>,
    http: &HttpOptions,
    random: u128,
) -> HeadBuf {
    let request: &RequestHead = facts.request;
    let rewritten = to.forward.host.as_deref().map(str::as_bytes);
    let host = rewritten.or(request.authority());
    let plan = RequestPlan {
        target: facts.target.forwarded(),
        // A client of HTTP/1.0 may name no host; the upstream, of HTTP/1.1, must be given one.
        host: host.unwrap_or(facts.picked.endpoint().name.as_bytes()),
        http,
        edits: to.request_edits(),
        facts,
        peer: facts.stream.peer(),
        random,
    };
    let mut out = HeadBuf::take();
    head::request(&mut out, request, &plan);
    out
}
