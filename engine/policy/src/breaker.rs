//! The circuit breaker: how much of an upstream may be in use at once.
//!
//! A function of limits and counts, not a keeper of counts: `engine` counts per core, and one day a
//! core will lease its share of the process's [`Limits`] in batches (DESIGN §6). Until then each
//! core gets a fixed [`share`] of them, which is never above the limit, but may refuse on a busy
//! core what an idle one would have let pass.

use config::snapshot::Limits;

use crate::Cause;

/// What one core has in use at one upstream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct InUse {
    /// Connections, those being opened and idle ones included.
    pub connections: u32,
    /// Requests that wait for one to become free. One for which a connection is being opened does
    /// not count; in Envoy it does.
    pub pending: u32,
    /// Requests that have a connection, up to the end of their response.
    pub requests: u32,
}

/// Where a request without a connection stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asker {
    /// The pool has an idle connection for it.
    FindsIdle,
    /// Nobody waits before it.
    First,
    /// Others wait already.
    Behind,
    /// It has waited, and its turn has come.
    Called,
}

/// What a request may do next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Admission {
    /// Take the idle connection.
    Reuse,
    /// Open a connection.
    Connect,
    /// Wait until one is free, pending.
    Wait,
    /// Refused: one of the `Overflow…` causes, 503 `UO`.
    Refuse(Cause),
}

/// Decides for a request that has no connection.
pub fn admit(limits: &Limits, in_use: InUse, asker: Asker) -> Admission {
    if in_use.requests >= limits.requests {
        return Admission::Refuse(Cause::OverflowRequests);
    }
    match asker {
        Asker::FindsIdle => return Admission::Reuse,
        Asker::First | Asker::Called if in_use.connections < limits.connections => {
            return Admission::Connect;
        }
        _ => {}
    }
    // Nothing that could become free: waiting would only turn into a timeout.
    if limits.connections == 0 {
        return Admission::Refuse(Cause::OverflowConnections);
    }
    if asker != Asker::Called && in_use.pending >= limits.pending {
        return Admission::Refuse(Cause::OverflowPending);
    }
    Admission::Wait
}

/// What core `core` of `cores` may use of the process's limits: they add up to the whole. A core
/// whose share of a limit above 0 would be 0 gets 1, or it could serve nothing; only then is the
/// sum above the limit, by less than the number of cores.
pub fn share(limits: &Limits, core: u32, cores: u32) -> Limits {
    let of = |limit: u32| {
        let even = limit / cores.max(1);
        let rest = limit % cores.max(1);
        (even + u32::from(core < rest)).max(u32::from(limit > 0))
    };
    Limits {
        connections: of(limits.connections),
        pending: of(limits.pending),
        requests: of(limits.requests),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: Limits = Limits { connections: 2, pending: 3, requests: 4 };

    fn admitted(connections: u32, pending: u32, requests: u32, asker: Asker) -> Admission {
        admit(&LIMITS, InUse { connections, pending, requests }, asker)
    }

    #[test]
    fn an_idle_connection_is_taken_whatever_else_is_full() {
        assert_eq!(admitted(2, 3, 3, Asker::FindsIdle), Admission::Reuse);
    }

    #[test]
    fn requests_at_the_limit_refuse_even_an_idle_connection() {
        let refused = Admission::Refuse(Cause::OverflowRequests);
        assert_eq!(admitted(2, 0, 4, Asker::FindsIdle), refused);
    }

    #[test]
    fn without_an_idle_connection_one_is_opened_while_the_limit_allows() {
        assert_eq!(admitted(0, 0, 0, Asker::First), Admission::Connect);
        assert_eq!(admitted(1, 3, 1, Asker::First), Admission::Connect, "it does not wait");
        assert_eq!(admitted(2, 2, 1, Asker::First), Admission::Wait);
    }

    #[test]
    fn nobody_passes_those_who_wait() {
        assert_eq!(admitted(1, 1, 1, Asker::Behind), Admission::Wait);
        assert_eq!(admitted(1, 1, 1, Asker::Called), Admission::Connect);
    }

    #[test]
    fn the_last_place_to_wait_is_given_and_no_more() {
        assert_eq!(admitted(2, 2, 2, Asker::Behind), Admission::Wait);
        let refused = Admission::Refuse(Cause::OverflowPending);
        assert_eq!(admitted(2, 3, 2, Asker::Behind), refused);
        assert_eq!(admitted(2, 3, 2, Asker::Called), Admission::Wait, "its place is its own");
    }

    #[test]
    fn where_none_may_wait_a_connection_may_still_be_opened() {
        let limits = Limits { pending: 0, ..LIMITS };
        assert_eq!(admit(&limits, InUse::default(), Asker::First), Admission::Connect);
    }

    #[test]
    fn no_request_waits_for_connections_that_may_not_exist() {
        let none = Limits { connections: 0, ..LIMITS };
        let refused = Admission::Refuse(Cause::OverflowConnections);
        assert_eq!(admit(&none, InUse::default(), Asker::First), refused);
    }

    #[test]
    fn shares_add_up_to_the_limit() {
        let limits = Limits { connections: 1024, pending: 10, requests: 7 };
        for cores in 1..=7 {
            let shares: Vec<Limits> = (0..cores).map(|core| share(&limits, core, cores)).collect();
            assert_eq!(shares.iter().map(|one| one.connections).sum::<u32>(), 1024);
            assert_eq!(shares.iter().map(|one| one.pending).sum::<u32>(), 10);
            assert_eq!(shares.iter().map(|one| one.requests).sum::<u32>(), 7);
        }
    }

    #[test]
    fn no_core_is_left_with_nothing_unless_the_limit_is_nothing() {
        let limits = Limits { connections: 1, pending: 0, requests: 2 };
        assert_eq!(
            share(&limits, 3, 4),
            Limits { connections: 1, pending: 0, requests: 1 },
            "the fourth core"
        );
        assert_eq!(share(&limits, 0, 0), limits, "no cores is taken for one");
    }
}
