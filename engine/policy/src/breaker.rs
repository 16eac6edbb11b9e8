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
    /// Requests that have no connection yet, be it that one is being opened for them or that they
    /// wait for one to become free. As in Envoy, both count as pending.
    pub pending: u32,
    /// Requests that have a connection, up to the end of their response.
    pub requests: u32,
}

/// What a request may do next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Admission {
    /// Take the idle connection.
    Reuse,
    /// Open a connection, pending until it stands.
    Connect,
    /// Wait until one is free, pending.
    Wait,
    /// Refused: one of the `Overflow…` causes, 503 `UO`.
    Refuse(Cause),
}

/// Decides for a request that has no connection; `idle` says whether the pool has one to reuse.
///
/// Ask again when a waiting request's turn comes, without counting it as pending.
pub fn admit(limits: &Limits, in_use: InUse, idle: bool) -> Admission {
    if in_use.requests >= limits.requests {
        return Admission::Refuse(Cause::OverflowRequests);
    }
    if idle {
        return Admission::Reuse;
    }
    // Nothing that could become free: waiting would only turn into a timeout.
    if in_use.connections >= limits.connections && in_use.connections == 0 {
        return Admission::Refuse(Cause::OverflowConnections);
    }
    if in_use.pending >= limits.pending {
        return Admission::Refuse(Cause::OverflowPending);
    }
    match in_use.connections < limits.connections {
        true => Admission::Connect,
        false => Admission::Wait,
    }
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

    fn admitted(connections: u32, pending: u32, requests: u32, idle: bool) -> Admission {
        admit(&LIMITS, InUse { connections, pending, requests }, idle)
    }

    #[test]
    fn an_idle_connection_is_taken_whatever_else_is_full() {
        assert_eq!(admitted(2, 3, 3, true), Admission::Reuse);
    }

    #[test]
    fn requests_at_the_limit_refuse_even_an_idle_connection() {
        assert_eq!(admitted(2, 0, 4, true), Admission::Refuse(Cause::OverflowRequests));
    }

    #[test]
    fn without_an_idle_connection_one_is_opened_while_the_limit_allows() {
        assert_eq!(admitted(0, 0, 0, false), Admission::Connect);
        assert_eq!(admitted(1, 2, 1, false), Admission::Connect);
        assert_eq!(admitted(2, 2, 1, false), Admission::Wait);
    }

    #[test]
    fn the_last_place_to_wait_is_given_and_no_more() {
        assert_eq!(admitted(2, 2, 2, false), Admission::Wait);
        assert_eq!(admitted(2, 3, 2, false), Admission::Refuse(Cause::OverflowPending));
        assert_eq!(admitted(1, 3, 2, false), Admission::Refuse(Cause::OverflowPending));
    }

    #[test]
    fn no_request_waits_for_connections_that_may_not_exist() {
        let none = Limits { connections: 0, ..LIMITS };
        let refused = Admission::Refuse(Cause::OverflowConnections);
        assert_eq!(admit(&none, InUse::default(), false), refused);
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
