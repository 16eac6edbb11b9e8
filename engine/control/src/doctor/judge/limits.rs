//! Descriptors and memory, against what the file allows peers to take.

use policy::descriptors::bare as bare_descriptors;

use super::super::facts::{Facts, Wants};
use super::super::finding::Finding;

/// Without a file to judge by: what many shells grant, and a busy service outgrows.
const DESCRIPTORS_MANY: u64 = 1024;

/// Below it a process with two cores and little traffic is near its end.
const MEMORY_MIN: u64 = 16 << 20;

/// What an idle connection takes at most, in the process and its buffers.
const CONNECTION_BYTES: u64 = 2 << 10;

pub(super) fn descriptors(facts: &Facts) -> Finding {
    // The start raises the soft limit to the hard one.
    let Some(hard) = facts.descriptors.hard else {
        return Finding::ok("descriptors", "no limit");
    };
    let limit = format!("RLIMIT_NOFILE is {hard}");
    let wants = facts.file.as_ref().and_then(|file| file.wants.as_ref().ok());
    let Some(wants) = wants else {
        return match hard > DESCRIPTORS_MANY {
            true => Finding::ok("descriptors", limit),
            false => Finding::warn("descriptors", format!("{limit}: each connection takes one"))
                .remedy(raise(65_536)),
        };
    };
    let (bare, full) = demand(wants, facts.cpus.workers as u64);
    if hard >= full {
        return Finding::ok("descriptors", format!("{limit}, and {full} is all it can need"));
    }
    if hard < bare {
        let says = format!("{limit}, and a start alone takes some {bare}");
        return Finding::fail("descriptors", says).remedy(raise(full));
    }
    let says = format!(
        "{limit}, and the file allows {} connections from downstream and {} to upstreams, {full} \
         descriptors in all: beyond the limit clients are refused with 503",
        wants.downstream,
        wants.upstream.min(wants.downstream)
    );
    let remedy = format!("{}; or a lower process.max_connections", raise(full));
    Finding::warn("descriptors", says).remedy(remedy)
}

/// What a start takes, and what the file's limits allow in all. A request holds one connection
/// upstream, so those in use are never more than those downstream.
fn demand(wants: &Wants, workers: u64) -> (u64, u64) {
    let bare = bare_descriptors(workers, wants.listeners);
    (bare, bare + wants.downstream + wants.upstream.min(wants.downstream))
}

fn raise(to: u64) -> String {
    format!(
        "ulimit -Hn {to} (as root), LimitNOFILE={to} (systemd), or docker run --ulimit nofile={to}"
    )
}

pub(super) fn memory(facts: &Facts) -> Option<Finding> {
    let max = facts.memory_max?;
    let limit = format!("memory.max is {} MiB", max >> 20);
    let wants = facts.file.as_ref().and_then(|file| file.wants.as_ref().ok());
    let connections = wants.map_or(0, |wants| wants.downstream);
    let idle = MEMORY_MIN + connections * CONNECTION_BYTES;
    if max >= idle {
        return Some(Finding::ok("memory", limit));
    }
    let says = match max < MEMORY_MIN {
        true => format!("{limit}: too little for a process with a few connections"),
        false => format!(
            "{limit}, and {connections} idle connections alone may take {} MiB: the kernel ends \
             the process",
            idle >> 20
        ),
    };
    let remedy = format!(
        "resources.limits.memory: {}Mi (Kubernetes), or a lower process.max_connections",
        idle.div_ceil(1 << 20)
    );
    Some(Finding::warn("memory", says).remedy(remedy))
}
