//! What happened to one request, from its first byte to its last.
//!
//! The exchange writes down what it sees; `settle` makes one `Outcome` of it. `exchange::settle`
//! calls it exactly once, also for a request whose task is dropped or panics.

use std::cell::Cell;
use std::rc::Rc;
use std::time::{Duration, Instant};

use config::snapshot::{RouteIx, UpstreamIx};
use policy::failure::Side;
use policy::{Cause, Failure, Flag};
use signals::{Limit, ListenerAt, ListenerEvent, Outcome, UpstreamAt, UpstreamEvent};

use crate::core::Core;
use crate::view::View;

pub(crate) struct Ledger {
    core: Rc<Core>,
    view: Rc<View>,
    listener: u16,
    /// When the core saw the request's first byte.
    pub(crate) began: Instant,
    pub(crate) route: Cell<Option<RouteIx>>,
    pub(crate) upstream: Cell<Option<UpstreamIx>>,
    /// The status sent downstream; 0 until then.
    status: Cell<u16>,
    /// The last head from the upstream was an interim one: it has seen the request.
    pub(crate) interim: Cell<bool>,
    flag: Cell<Option<Flag>>,
    /// In one word, why the proxy answered or gave up by itself.
    details: Cell<Option<&'static str>>,
    /// The request's head was read to its end.
    head_read: Cell<bool>,
    /// What the upstream said last is a final head, and the answer that the peer gets.
    answered: Cell<bool>,
    /// Drawn for the `X-Request-Id` of the request, whether or not it needs one.
    request_id: Cell<Option<u128>>,
    pub(crate) bytes_in: Cell<u64>,
    pub(crate) bytes_out: Cell<u64>,
    retries: Cell<u8>,
    /// The turn of the core in which the proxy last took the request in hand.
    in_hand_since: Cell<Option<Instant>>,
    /// The proxy's own time, so far.
    own: Cell<Duration>,
    request_sent: Cell<Option<Instant>>,
    upstream_time: Cell<Option<Duration>>,
    /// The peer left before there was a request.
    struck_out: Cell<bool>,
}

impl Ledger {
    pub(crate) fn open(core: &Rc<Core>, view: &Rc<View>, listener: usize) -> Self {
        core.gauges.active_requests.add(1);
        let began = rt::now();
        Self {
            core: Rc::clone(core),
            view: Rc::clone(view),
            listener: u16::try_from(listener).expect("check bounds the listeners"),
            began,
            route: Cell::default(),
            upstream: Cell::default(),
            status: Cell::default(),
            interim: Cell::default(),
            flag: Cell::default(),
            details: Cell::default(),
            head_read: Cell::default(),
            answered: Cell::default(),
            request_id: Cell::default(),
            bytes_in: Cell::default(),
            bytes_out: Cell::default(),
            retries: Cell::default(),
            in_hand_since: Cell::new(Some(began)),
            own: Cell::default(),
            request_sent: Cell::default(),
            upstream_time: Cell::default(),
            struck_out: Cell::default(),
        }
    }

    /// There was no request after all: nothing is to be counted.
    pub(crate) fn strike_out(&self) {
        self.struck_out.set(true);
    }

    /// The last byte of the head came in this turn: waiting for it was not the proxy's own time.
    pub(crate) fn head_complete(&self) {
        self.head_read.set(true);
        self.in_hand_since.set(Some(rt::now()));
    }

    /// The request's head has gone to the upstream, after waiting `waited` for a connection.
    /// Called once more for every piece of the body, which changes nothing.
    pub(crate) fn request_sent(&self, waited: Duration) {
        if self.in_hand_since.get().is_some() {
            let now = rt::stamp();
            self.let_go(now, waited);
            self.request_sent.set(Some(now));
        }
    }

    /// The response head was received in this turn.
    pub(crate) fn response_received(&self) {
        let now = rt::now();
        self.answered.set(true);
        self.in_hand_since.set(Some(now));
        let sent = self.request_sent.get();
        self.upstream_time.set(sent.map(|sent| now.saturating_duration_since(sent)));
    }

    /// The response's head, and what had come of its body, has gone to the peer. Called once more
    /// for every piece of the body, which changes nothing.
    pub(crate) fn response_sent(&self, status: u16) {
        self.status.set(status);
        if self.in_hand_since.get().is_some() {
            self.let_go(rt::stamp(), Duration::ZERO);
        }
    }

    fn let_go(&self, now: Instant, waited: Duration) {
        if let Some(since) = self.in_hand_since.take() {
            let own = now.saturating_duration_since(since).saturating_sub(waited);
            self.own.set(self.own.get() + own);
        }
    }

    /// One more attempt is made, as `failure` befell the last.
    pub(crate) fn retry(&self, failure: &Failure) {
        self.count(failure);
        if let Some(upstream) = self.upstream.get() {
            let at = UpstreamAt { generation: self.view.generation, upstream };
            self.core.count_upstream(at, UpstreamEvent::FreeRetry);
        }
        self.retries.set(self.retries.get().saturating_add(1));
        self.in_hand_since.set(Some(rt::now()));
    }

    /// Attempts made, if any was.
    pub(crate) fn attempts(&self) -> u32 {
        u32::from(self.retries.get()) + u32::from(self.upstream.get().is_some())
    }

    /// Why the proxy answered or gave up by itself.
    pub(crate) fn failed(&self, failure: &Failure) {
        self.flag.set(Some(failure.cause.flag()));
        self.details.set(Some(failure.cause.fault().unwrap_or(failure.cause.as_str())));
        if !self.response_begun() {
            self.answered.set(false);
        }
        self.count(failure);
    }

    /// Counts what an attempt failed of, whether or not another one is made.
    fn count(&self, failure: &Failure) {
        if let Some(upstream) = self.upstream.get() {
            let at = UpstreamAt { generation: self.view.generation, upstream };
            let event = match failure.cause {
                Cause::UpstreamProtocol { fault } => Some(UpstreamEvent::Fault(fault)),
                Cause::OverflowConnections => Some(UpstreamEvent::Overflow(Limit::Connections)),
                Cause::OverflowPending => Some(UpstreamEvent::Overflow(Limit::Pending)),
                Cause::OverflowRequests => Some(UpstreamEvent::Overflow(Limit::Requests)),
                Cause::PendingTimeout => Some(UpstreamEvent::Overflow(Limit::PendingTimeout)),
                cause => (failure.side == Side::Upstream)
                    .then_some(UpstreamEvent::Failed(cause.as_str())),
            };
            if let Some(event) = event {
                self.core.count_upstream(at, event);
            }
        }
        if failure.side == Side::Downstream
            && let Some(fault) = failure.cause.fault()
        {
            let at = ListenerAt { generation: self.view.generation, listener: self.listener };
            self.core.count_listener(at, ListenerEvent::Fault(fault));
        }
    }

    /// True once the peer has been sent a response head.
    pub(crate) fn response_begun(&self) -> bool {
        self.status.get() != 0
    }

    /// The random number of the request's id: the same one for every attempt.
    pub(crate) fn request_id(&self) -> u128 {
        self.request_id.get().unwrap_or_else(|| {
            let drawn = self.core.random_128();
            self.request_id.set(Some(drawn));
            drawn
        })
    }

    /// True once there is a request to speak of.
    pub(crate) fn is_head_read(&self) -> bool {
        self.head_read.get()
    }

    /// True if the peer was given the upstream's answer, or a part of it.
    pub(crate) fn is_answered(&self) -> bool {
        self.answered.get()
    }

    /// Where the answer came from, or what went wrong, in one word; empty if nothing is known.
    pub(crate) fn details(&self) -> &'static str {
        match (self.details.get(), self.is_answered(), self.response_begun()) {
            (Some(details), _, _) => details,
            (None, true, _) => "via_upstream",
            (None, false, true) => "direct_response",
            (None, false, false) => "",
        }
    }

    /// Closes the account and counts it. `None`: there was no request.
    pub(crate) fn settle(&self) -> Option<Outcome> {
        self.core.gauges.active_requests.sub(1);
        if self.struck_out.get() {
            return None;
        }
        let now = rt::stamp();
        self.let_go(now, Duration::ZERO);
        let outcome = Outcome {
            generation: self.view.generation,
            listener: self.listener,
            route: self.route.get(),
            upstream: self.upstream.get(),
            status: self.status.get(),
            flag: self.flag.get(),
            bytes_in: self.bytes_in.get(),
            bytes_out: self.bytes_out.get(),
            duration_us: micros(now.saturating_duration_since(self.began)),
            own_us: micros(self.own.get()),
            upstream_us: self.upstream_time.get().map(micros),
            retries: self.retries.get(),
        };
        self.core.record(&outcome);
        Some(outcome)
    }
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}
