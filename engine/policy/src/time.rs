//! When to give up on a request in flight, and what it means: a function of where it stands.
//!
//! No clock and no timer: `engine` stamps a [`Progress`] with its turn's clock, asks [`next`], and
//! sets its one timer. Waits with a single limit (a head, a connect, a free connection) need no
//! decision and are not here.

use std::time::{Duration, Instant};

use config::snapshot::{HttpOptions, Route};

use crate::Cause;

/// What a request in flight waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WaitsFor {
    /// The client's next bytes of the request's body.
    RequestBody,
    /// The upstream, to read the request or to send the next bytes of its answer.
    Upstream,
    /// The client, to read what was sent to it.
    Reader,
}

/// Where a request stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// What is waited for now.
    pub waits_for: WaitsFor,
    /// Since when: the last byte either way.
    pub since: Instant,
    /// When the request's last byte was sent; the route's timeout counts from it.
    pub request_done: Option<Instant>,
}

/// The timeouts that apply to one request in flight.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timeouts {
    /// Nothing either way (Envoy's `stream_idle_timeout`).
    pub idle: Duration,
    /// Whole request sent to whole response received (Envoy's `RouteAction.timeout`); `None`: no
    /// limit.
    pub route: Option<Duration>,
}

/// The moment at which to give up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Deadline {
    /// When.
    pub at: Instant,
    /// What it then means.
    pub cause: Cause,
}

/// The next deadline of a request: the earlier of its route's and that of its idle time.
pub fn next(progress: &Progress, timeouts: &Timeouts) -> Deadline {
    let cause = match progress.waits_for {
        WaitsFor::RequestBody => Cause::RequestIdle,
        WaitsFor::Upstream => Cause::ResponseIdle,
        WaitsFor::Reader => Cause::ReaderIdle,
    };
    let idle = Deadline { at: progress.since + timeouts.idle, cause };
    match (progress.request_done, timeouts.route) {
        (Some(done), Some(route)) if done + route <= idle.at => {
            Deadline { at: done + route, cause: Cause::ResponseTimeout }
        }
        _ => idle,
    }
}

impl Timeouts {
    /// The listener's idle timeout, unless the route has its own.
    pub fn new(http: &HttpOptions, route: &Route) -> Self {
        let idle = route.idle_timeout.unwrap_or(http.stream_idle_timeout);
        Self { idle, route: route.timeout }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn s(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    const TIMEOUTS: Timeouts = Timeouts { idle: s(300), route: Some(s(15)) };

    /// Waiting since second 100, the request whole at `done`: when to give up, and why.
    fn after(waits_for: WaitsFor, done: Option<u64>, timeouts: &Timeouts) -> (u64, Cause) {
        let start = Instant::now();
        let progress = Progress {
            waits_for,
            since: start + s(100),
            request_done: done.map(|second| start + s(second)),
        };
        let deadline = next(&progress, timeouts);
        ((deadline.at - start).as_secs(), deadline.cause)
    }

    #[test]
    fn whoever_is_awaited_is_to_blame_for_the_idle_time() {
        let cases = [
            (WaitsFor::RequestBody, Cause::RequestIdle),
            (WaitsFor::Upstream, Cause::ResponseIdle),
            (WaitsFor::Reader, Cause::ReaderIdle),
        ];
        for (waits_for, cause) in cases {
            assert_eq!(after(waits_for, None, &TIMEOUTS), (400, cause));
        }
    }

    #[test]
    fn the_routes_timeout_counts_from_the_end_of_the_request() {
        let timeout = Cause::ResponseTimeout;
        assert_eq!(after(WaitsFor::Upstream, Some(100), &TIMEOUTS), (115, timeout));
        assert_eq!(after(WaitsFor::Reader, Some(99), &TIMEOUTS), (114, timeout));
        assert_eq!(after(WaitsFor::RequestBody, None, &TIMEOUTS).0, 400, "not before it");
    }

    #[test]
    fn the_earlier_of_two_deadlines_counts() {
        let short = Timeouts { idle: s(1), ..TIMEOUTS };
        assert_eq!(after(WaitsFor::Upstream, Some(90), &short), (101, Cause::ResponseIdle));
        assert_eq!(after(WaitsFor::Upstream, Some(85), &short), (100, Cause::ResponseTimeout));
        let tie = after(WaitsFor::Upstream, Some(86), &short);
        assert_eq!(tie, (101, Cause::ResponseTimeout));
    }

    #[test]
    fn a_route_without_a_timeout_only_has_to_move() {
        let endless = Timeouts { route: None, ..TIMEOUTS };
        assert_eq!(after(WaitsFor::Upstream, Some(1), &endless), (400, Cause::ResponseIdle));
    }
}
