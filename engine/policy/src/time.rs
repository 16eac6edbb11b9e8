//! When to give up, and what it means: one request's deadlines as a function of where it stands.
//!
//! No clock and no timer: `engine` stamps a [`Progress`] with its turn's clock, asks [`next`], and
//! sets its one timer. It need not ask after every byte: while bytes flow the deadline only moves
//! later, so it is enough to ask when the timer fires, and when any other field changes.

use std::time::{Duration, Instant};

use config::snapshot::{HttpOptions, Route, Upstream};

use crate::Cause;

/// What a connection between two requests, or a request, waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WaitsFor {
    /// The first byte of the connection's next request.
    NextRequest,
    /// The rest of the head.
    Head,
    /// The client's next bytes of the request's body.
    RequestBody,
    /// A connection of the pool, which is full.
    PoolSlot,
    /// The connect to the endpoint.
    Connect,
    /// The upstream's next bytes.
    Response,
    /// The client, to read what was sent to it.
    Reader,
}

/// Where a request stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// What is waited for now.
    pub waits_for: WaitsFor,
    /// Since when: the last byte either way, or the start of what is waited for, if later. For
    /// [`WaitsFor::Head`], [`WaitsFor::PoolSlot`] and [`WaitsFor::Connect`] always the start.
    pub since: Instant,
    /// When the request's last byte was received; the route's timeout counts from it.
    pub request_done: Option<Instant>,
    /// A response without a foreseeable end (server-sent events, gRPC streams, upgrades): the
    /// route's timeout no longer applies, only the idle timeout.
    pub endless: bool,
}

/// The timeouts that apply to one request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timeouts {
    /// First to last byte of a head.
    pub head: Duration,
    /// Between two requests of a connection.
    pub idle: Duration,
    /// Inside a request, nothing either way.
    pub stream_idle: Duration,
    /// Whole request received to whole response received; `None`: no limit.
    pub route: Option<Duration>,
    /// One connect.
    pub connect: Duration,
    /// Waiting for a connection.
    pub pending: Duration,
}

/// The moment at which to give up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Deadline {
    /// When.
    pub at: Instant,
    /// What it then means.
    pub expiry: Expiry,
}

/// What a passed deadline means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expiry {
    /// Close the connection: nobody was waiting.
    Close,
    /// The request failed.
    Fail(Cause),
}

/// The next deadline of a request, or of its connection. The route's timeout (Envoy's
/// `RouteAction.timeout`) runs from the end of the request, beside whatever is waited for.
pub fn next(progress: &Progress, timeouts: &Timeouts) -> Deadline {
    let waiting = waiting(progress, timeouts);
    match (progress.request_done, timeouts.route) {
        (Some(done), Some(route)) if !progress.endless => {
            let whole = Deadline { at: done + route, expiry: Expiry::Fail(Cause::ResponseTimeout) };
            if whole.at <= waiting.at { whole } else { waiting }
        }
        _ => waiting,
    }
}

fn waiting(progress: &Progress, timeouts: &Timeouts) -> Deadline {
    let (after, expiry) = match progress.waits_for {
        WaitsFor::NextRequest => (timeouts.idle, Expiry::Close),
        WaitsFor::Head => (timeouts.head, Expiry::Fail(Cause::HeadTimeout)),
        WaitsFor::RequestBody => (timeouts.stream_idle, Expiry::Fail(Cause::RequestIdle)),
        WaitsFor::PoolSlot => (timeouts.pending, Expiry::Fail(Cause::PendingTimeout)),
        WaitsFor::Connect => (timeouts.connect, Expiry::Fail(Cause::ConnectTimeout)),
        WaitsFor::Response => (timeouts.stream_idle, Expiry::Fail(Cause::ResponseIdle)),
        WaitsFor::Reader => (timeouts.stream_idle, Expiry::Fail(Cause::ReaderIdle)),
    };
    Deadline { at: progress.since + after, expiry }
}

impl Timeouts {
    /// Before a route is known: the listener's. Those of a route and upstream follow by
    /// [`Timeouts::of_route`] and [`Timeouts::of_upstream`].
    pub fn of_listener(http: &HttpOptions) -> Self {
        Self {
            head: http.head_timeout,
            idle: http.idle_timeout,
            stream_idle: http.stream_idle_timeout,
            route: None,
            // Nothing connects or waits for a slot before an upstream has given its own.
            connect: http.stream_idle_timeout,
            pending: http.stream_idle_timeout,
        }
    }

    /// The route's own timeouts; its idle timeout takes the place of the listener's.
    pub fn of_route(self, route: &Route) -> Self {
        let stream_idle = route.idle_timeout.unwrap_or(self.stream_idle);
        Self { route: route.timeout, stream_idle, ..self }
    }

    /// The upstream's.
    pub fn of_upstream(self, upstream: &Upstream) -> Self {
        Self { connect: upstream.connect_timeout, pending: upstream.pending_timeout, ..self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn s(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    const TIMEOUTS: Timeouts = Timeouts {
        head: s(10),
        idle: s(3600),
        stream_idle: s(300),
        route: Some(s(15)),
        connect: s(1),
        pending: s(2),
    };

    /// Waiting since second 100, the request whole at `done`: when to give up, and why.
    fn after(waits_for: WaitsFor, done: Option<u64>, endless: bool) -> (u64, Expiry) {
        let start = Instant::now();
        let progress = Progress {
            waits_for,
            since: start + s(100),
            request_done: done.map(|second| start + s(second)),
            endless,
        };
        let deadline = next(&progress, &TIMEOUTS);
        ((deadline.at - start).as_secs(), deadline.expiry)
    }

    #[test]
    fn each_wait_has_its_own_end() {
        let cases = [
            (WaitsFor::NextRequest, 3700, Expiry::Close),
            (WaitsFor::Head, 110, Expiry::Fail(Cause::HeadTimeout)),
            (WaitsFor::RequestBody, 400, Expiry::Fail(Cause::RequestIdle)),
            (WaitsFor::PoolSlot, 102, Expiry::Fail(Cause::PendingTimeout)),
            (WaitsFor::Connect, 101, Expiry::Fail(Cause::ConnectTimeout)),
            (WaitsFor::Response, 400, Expiry::Fail(Cause::ResponseIdle)),
            (WaitsFor::Reader, 400, Expiry::Fail(Cause::ReaderIdle)),
        ];
        for (waits_for, second, expiry) in cases {
            assert_eq!(after(waits_for, None, false), (second, expiry), "{waits_for:?}");
        }
    }

    #[test]
    fn the_routes_timeout_counts_from_the_end_of_the_request() {
        let timeout = Expiry::Fail(Cause::ResponseTimeout);
        assert_eq!(after(WaitsFor::Response, Some(100), false), (115, timeout));
        assert_eq!(after(WaitsFor::Reader, Some(99), false), (114, timeout));
        assert_eq!(after(WaitsFor::RequestBody, None, false).0, 400, "not before it");
    }

    #[test]
    fn the_earlier_of_two_deadlines_counts() {
        let connect = Expiry::Fail(Cause::ConnectTimeout);
        let timeout = Expiry::Fail(Cause::ResponseTimeout);
        assert_eq!(after(WaitsFor::Connect, Some(90), false), (101, connect));
        assert_eq!(after(WaitsFor::Connect, Some(85), false), (100, timeout));
        assert_eq!(after(WaitsFor::Connect, Some(86), false), (101, timeout), "a tie");
    }

    #[test]
    fn an_endless_response_only_has_to_move() {
        let idle = Expiry::Fail(Cause::ResponseIdle);
        assert_eq!(after(WaitsFor::Response, Some(1), true), (400, idle));
    }

    #[test]
    fn a_route_without_a_timeout_only_has_to_move() {
        let now = Instant::now();
        let progress = Progress {
            waits_for: WaitsFor::Response,
            since: now,
            request_done: Some(now),
            endless: false,
        };
        let deadline = next(&progress, &Timeouts { route: None, ..TIMEOUTS });
        assert_eq!(deadline.at, now + s(300));
    }

    #[test]
    fn route_and_upstream_bring_their_own() {
        use crate::fixture::{prefix, route, upstream};
        use config::snapshot::Balance;

        let mut strict = route("strict", prefix("/"));
        strict.timeout = Some(s(2));
        strict.idle_timeout = Some(s(7));
        let timeouts = TIMEOUTS.of_route(&strict).of_upstream(&upstream(Balance::Random, &[1]));
        let expected = Timeouts {
            route: Some(s(2)),
            stream_idle: s(7),
            connect: s(1),
            pending: s(1),
            ..TIMEOUTS
        };
        assert_eq!(timeouts, expected);
        assert_eq!(TIMEOUTS.of_route(&route("lax", prefix("/"))).stream_idle, s(300));
    }
}
