//! How the process's descriptors (RLIMIT_NOFILE) are shared out, so that those who connect cannot
//! take what the upstreams and the admin listener need.
//!
//! Asked by `control` at the start, by each core when a connection comes, and by the doctor.

use config::Snapshot;

/// Clients of the admin listener, and the files of a reload.
const RESERVED: u64 = 32;
/// Of the process: standard streams, control thread, watch, logs.
const OF_PROCESS: u64 = 24;
/// Of a worker: rings or epoll, mailbox.
const OF_WORKER: u64 = 8;
/// Of a worker for each listener: its socket, and the spare by which it refuses (`rt::refusal`).
const OF_LISTENER: u64 = 2;

/// What a process takes without a connection.
pub fn bare(workers: u64, listeners: u64) -> u64 {
    RESERVED + OF_PROCESS + workers * (OF_WORKER + listeners * OF_LISTENER)
}

/// How many connections from downstream `limit` leaves room for: what is left after the process
/// itself and `upstream` connections, which get no more than half of it.
pub fn downstream_max(limit: u64, bare: u64, upstream: u64) -> u64 {
    let free = limit.saturating_sub(bare);
    free - upstream.min(free / 2)
}

/// Connections that the limits of all upstreams allow.
pub fn upstream_max(snapshot: &Snapshot) -> u64 {
    let upstreams = snapshot.upstreams.iter().flatten();
    upstreams.map(|upstream| u64::from(upstream.limits.connections)).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn upstreams_get_what_they_may_use_and_no_more_than_half() {
        assert_eq!(downstream_max(1096, 96, 200), 800);
        assert_eq!(downstream_max(1096, 96, 5000), 500);
    }

    #[test]
    fn a_limit_that_the_process_itself_takes_leaves_nothing() {
        assert_eq!(downstream_max(64, bare(1, 1), 10), 0);
    }
}
