//! The end of every exchange: its account is closed while all that it is about is still here, and
//! the access log gets its line.
//!
//! A drop, so that nothing can go round it: also the task that is dropped or panics comes by. How
//! lines are escaped is `policy::line`'s, where they go `access_log`'s.

use std::time::Duration;

use config::access_log::AccessLog;
use config::snapshot::HttpOptions;
use config::template::{FieldName, Operator, OutcomeOperator, RequestField, RequestName};
use policy::headers::is_dropped_from_untrusted;
use policy::line::{self, push_number};
use policy::template::TemplateSource;
use policy::{Cause, Failure};
use rt::Peer;
use signals::Outcome;

use super::Exchange;
use crate::facts::{Facts, write_ip};
use crate::head;

impl Drop for Exchange<'_> {
    fn drop(&mut self) {
        if !self.ended {
            let panics = std::thread::panicking();
            let cause = if panics { Cause::Internal } else { Cause::Draining };
            self.ledger.failed(&Failure::from(cause));
        }
        let Some(outcome) = self.ledger.settle() else { return };
        if let Some(log) = &self.view.snapshot.access_log
            && self.listener().access_log
        {
            self.log(log, &outcome);
        }
    }
}

impl Exchange<'_> {
    fn log(&self, log: &AccessLog, outcome: &Outcome) {
        let Outcome { status, flag, duration_us, .. } = *outcome;
        let duration = Duration::from_micros(duration_us);
        let random = || self.core.random();
        if !line::passes(&log.filter, status, duration, flag.is_some(), random) {
            return;
        }
        let snapshot = &self.view.snapshot;
        let table = snapshot.table(self.listener().table);
        let tried = self.tried.as_ref();
        let facts = Facts {
            request: &self.work.request,
            target: &self.work.target,
            route: outcome.route.map_or("", |ix| &table.route(ix).name),
            upstream: outcome.upstream.map_or("", |ix| &snapshot.upstream(ix).name),
            endpoint: tried.map_or("", |(upstream, ix)| &upstream.endpoint(*ix).name),
            stream: &self.connection.stream,
        };
        let source = Line { exchange: self, facts, http: &self.listener().http, outcome };
        self.core.access_log.line(&log.path, |out| line::render(&log.format, &source, out));
    }
}

/// What a line can say of a request that is over.
struct Line<'a> {
    exchange: &'a Exchange<'a>,
    facts: Facts<'a>,
    http: &'a HttpOptions,
    outcome: &'a Outcome,
}

impl TemplateSource for Line<'_> {
    // A line has twenty values: worth the copies of it.
    #[inline(always)]
    fn write(&self, operator: &Operator, out: &mut Vec<u8>) {
        match operator {
            Operator::Outcome(operator) => self.outcome(operator, out),
            Operator::Request(RequestField { name, or }) => {
                let start = out.len();
                self.request_field(name, out);
                if out.len() == start
                    && let Some(or) = or
                {
                    self.request_field(or, out);
                }
            }
            of_the_request => self.facts.write(of_the_request, out),
        }
    }
}

impl Line<'_> {
    fn outcome(&self, operator: &OutcomeOperator, out: &mut Vec<u8>) {
        let Exchange { core, ledger, .. } = self.exchange;
        let outcome = self.outcome;
        match operator {
            OutcomeOperator::StartTime => core.access_log.wall.write(ledger.began, out),
            OutcomeOperator::ResponseCode => push_number(out, u64::from(outcome.status)),
            OutcomeOperator::ResponseCodeDetails => {
                out.extend_from_slice(ledger.details().as_bytes());
            }
            OutcomeOperator::ResponseFlags => {
                out.extend_from_slice(outcome.flag.map_or("", |flag| flag.as_str()).as_bytes());
            }
            OutcomeOperator::BytesReceived => push_number(out, outcome.bytes_in),
            OutcomeOperator::BytesSent => push_number(out, outcome.bytes_out),
            OutcomeOperator::Duration => push_number(out, outcome.duration_us / 1000),
            OutcomeOperator::UpstreamServiceTime => {
                if let Some(took_us) = outcome.upstream_us.filter(|_| ledger.is_answered()) {
                    push_number(out, took_us / 1000);
                }
            }
            OutcomeOperator::UpstreamAttempts => {
                push_number(out, u64::from(ledger.attempts()));
            }
            OutcomeOperator::Response(FieldName { name, or }) => {
                if ledger.is_answered() {
                    let fields = &self.exchange.work.response.head.fields;
                    let or = || or.as_ref().and_then(|or| fields.all(or).next());
                    out.extend_from_slice(fields.all(name).next().or_else(or).unwrap_or_default());
                }
            }
        }
    }

    /// A field of the request as it goes on: with what the proxy made, and without what an
    /// untrusted peer must not say.
    fn request_field(&self, name: &RequestName, out: &mut Vec<u8>) {
        if !self.exchange.ledger.is_head_read() {
            return;
        }
        let target = self.facts.target;
        let is_believed = match name {
            RequestName::RequestId if head::makes_request_id(self.facts.request, self.http) => {
                return head::uuid(out, self.exchange.ledger.request_id());
            }
            RequestName::RequestId => self.http.trust_peer,
            RequestName::ForwardedFor => return self.forwarded_for(out),
            RequestName::Path if !target.is_read() => {
                return out.extend_from_slice(self.facts.request.target());
            }
            RequestName::OriginalPath => self.http.trust_peer || target.is_rewritten(),
            RequestName::Other(name) => {
                self.http.trust_peer || !is_dropped_from_untrusted(name.as_bytes())
            }
            RequestName::Method
            | RequestName::Path
            | RequestName::Authority
            | RequestName::UserAgent => true,
        };
        if is_believed {
            out.extend_from_slice(self.facts.request_field(name));
        }
    }

    /// All that were there before us, as far as they are believed, and the peer.
    fn forwarded_for(&self, out: &mut Vec<u8>) {
        let start = out.len();
        if self.http.trust_peer {
            let mut values = self.facts.request.fields.all("x-forwarded-for");
            out.extend_from_slice(values.next().unwrap_or_default());
            for value in values {
                out.push(b',');
                out.extend_from_slice(value);
            }
        }
        if self.http.forwarded
            && let Peer::Inet(peer) = self.facts.stream.peer()
        {
            if out.len() > start {
                out.push(b',');
            }
            write_ip(out, peer.ip());
        }
    }
}
