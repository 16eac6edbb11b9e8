//! The way back: the upstream's answer to the peer, interim responses first.

use config::snapshot::HttpOptions;
use policy::time::WaitsFor;
use policy::{Cause, Failure};
use rt::{Batch, Chunk, HeadBuf};
use wire::h1::HeadLimits;
use wire::message::{Framing, Version};

use super::deadlines::Deadlines;
use super::{Response, keeps_alive};
use crate::core::Core;
use crate::decide::ForwardTo;
use crate::downstream::Listener;
use crate::facts::Facts;
use crate::head::{self, ResponsePlan};
use crate::ledger::Ledger;
use crate::relay::{BodySink, BodySource, Broken, SourceError, Step, relay};
use crate::upstream::{self, Picked};

/// Interim responses (1xx) that are relayed before an upstream is taken for broken.
const INTERIM_MAX: u32 = 16;

/// An answer on its way from the upstream to the peer.
pub(super) struct Download<'a> {
    pub(super) up: &'a upstream::Connection,
    /// Received from the upstream and not decoded; at the end, what no request asked for.
    pub(super) surplus: Option<Chunk>,
    pub(super) response: &'a mut Response,
    pub(super) facts: &'a Facts<'a>,
    pub(super) picked: &'a Picked,
    pub(super) to: &'a ForwardTo<'a>,
    pub(super) http: &'a HttpOptions,
    /// Whether the peer has been told that its connection stays open.
    pub(super) keeps_alive: bool,
    pub(super) listener: &'a Listener,
    pub(super) deadlines: &'a Deadlines<'a>,
    pub(super) ledger: &'a Ledger,
    pub(super) core: &'a Core,
}

impl Download<'_> {
    /// Receives the answer and relays it to its end.
    pub(super) async fn run(&mut self) -> Result<(), Failure> {
        self.final_head().await?;
        self.ledger.response_received();
        let status = self.response.head.status;
        let framing = self.framing();
        let out = self.response_head(framing);
        self.response.body.restart(self.response.head.framing);
        let mut source =
            BodySource::new(&self.up.stream, &mut self.response.body, &mut self.surplus);
        let mut sink = BodySink::new(self.facts.stream, framing, out);
        let (ledger, deadlines) = (self.ledger, self.deadlines);
        let relayed = relay(&mut source, &mut sink, |step| match step {
            Step::Received => deadlines.progress(WaitsFor::Reader),
            Step::Sent { payload } => {
                ledger.response_sent(status);
                ledger.bytes_out.set(ledger.bytes_out.get() + payload);
                deadlines.progress(WaitsFor::Upstream);
            }
        })
        .await;
        relayed.map_err(|broken| match broken {
            Broken::Sink => Failure::from(Cause::DownstreamClosed),
            Broken::Source(SourceError::Closed) => Failure::from(Cause::ResetInResponse),
            Broken::Source(SourceError::Fault(fault)) => {
                Failure::from(Cause::UpstreamProtocol { fault: fault.as_str() })
            }
        })
    }

    /// Receives heads up to the final one, and relays the interim ones (RFC 9110 §15.2).
    async fn final_head(&mut self) -> Result<(), Failure> {
        let upstream = &self.picked.upstream().config;
        let limits = HeadLimits {
            head_bytes_max: upstream.head_bytes_max,
            fields_max: upstream.fields_max,
            target_bytes_max: usize::MAX,
        };
        let request = self.facts.request;
        for _ in 0..=INTERIM_MAX {
            self.response.head.clear();
            self.response.decoder.reset();
            self.up
                .read_head(
                    &mut self.surplus,
                    &mut self.response.decoder,
                    &limits,
                    request.method(),
                    &mut self.response.head,
                )
                .await?;
            self.ledger.interim.set(self.response.head.status < 200);
            match self.response.head.status {
                // Nobody asked to switch protocols: Upgrade is not passed on.
                101 => {
                    return Err(Failure::from(Cause::UpstreamProtocol {
                        fault: "unasked_upgrade",
                    }));
                }
                100..200 if request.version == Version::Http11 => self.relay_interim().await?,
                100..200 => {}
                _ => return Ok(()),
            }
        }
        Err(Failure::from(Cause::UpstreamProtocol { fault: "too_many_interim_responses" }))
    }

    async fn relay_interim(&mut self) -> Result<(), Failure> {
        let mut out = HeadBuf::take();
        head::interim(&mut out, &self.response.head);
        self.deadlines.progress(WaitsFor::Upstream);
        let sent = self.facts.stream.send(Batch::from(out)).await;
        sent.map_err(|_| Failure::from(Cause::DownstreamClosed))
    }

    /// How the body is delimited towards the peer (RFC 9112 §6.3): a client of HTTP/1.0 knows no
    /// chunks, so the end of its connection ends a body of unknown length.
    fn framing(&self) -> Framing {
        match (self.response.head.framing, self.facts.request.version) {
            (Framing::Chunked | Framing::UntilClose, Version::Http11) => Framing::Chunked,
            (Framing::Chunked | Framing::UntilClose, Version::Http10) => Framing::UntilClose,
            (known, _) => known,
        }
    }

    fn response_head(&mut self, framing: Framing) -> HeadBuf {
        // A peer that is still sending when it is answered is not kept.
        self.keeps_alive = self.deadlines.is_request_complete()
            && framing != Framing::UntilClose
            && keeps_alive(self.facts.request, self.listener, self.core);
        let plan = ResponsePlan {
            framing,
            keep_alive: self.keeps_alive,
            peer_version: self.facts.request.version,
            http: self.http,
            edits: self.to.response_edits(),
            facts: self.facts,
            date: &self.core.date(),
        };
        let mut out = HeadBuf::take();
        head::response(&mut out, &self.response.head, &plan);
        out
    }
}
