//! The network namespace: queues of listeners, and ports for connections upstream.

use super::super::facts::{Facts, Wants};
use super::super::finding::Finding;

/// A port is not used again for a minute after its connection was closed from here; a service
/// that opens and closes all the time wants so many more of them than it holds open.
const PORTS_PER_CONNECTION: u64 = 4;

pub(super) fn backlog(facts: &Facts) -> Option<Finding> {
    let max = facts.network.backlog_max?;
    let Some((wanted, listener)) = wants(facts).and_then(|wants| wants.backlog.as_ref()) else {
        return Some(Finding::ok("backlog", format!("net.core.somaxconn is {max}")));
    };
    if *wanted <= max {
        let says = format!("net.core.somaxconn is {max}, the longest backlog {wanted}");
        return Some(Finding::ok("backlog", says));
    }
    let says = format!(
        "listener {listener} asks for a queue of {wanted}, which the kernel silently cuts to \
         net.core.somaxconn = {max}: a burst is dropped, and comes again a second later"
    );
    let remedy = format!(
        "sysctl -w net.core.somaxconn={wanted}, or in Kubernetes securityContext.sysctls (the \
         kubelet must allow it: --allowed-unsafe-sysctls)"
    );
    Some(Finding::warn("backlog", says).remedy(remedy))
}

pub(super) fn ports(facts: &Facts) -> Option<Finding> {
    let (first, last) = facts.network.ports?;
    let count = (last + 1).saturating_sub(first);
    let range = format!("{count} local ports ({first} to {last}) for connections to one endpoint");
    let Some((wanted, upstream)) = wants(facts).and_then(|wants| wants.to_one.as_ref()) else {
        return Some(Finding::ok("ports", range));
    };
    let off = facts.network.reuse == Some(0);
    let needed = if off { wanted * PORTS_PER_CONNECTION } else { *wanted };
    if needed <= count {
        return Some(Finding::ok("ports", range));
    }
    let says = match *wanted > count {
        true => format!("{range}, and upstream {upstream} may open {wanted}: connects fail"),
        false => format!(
            "{range}, and upstream {upstream} may open {wanted}; with net.ipv4.tcp_tw_reuse = 0 \
             a closed connection keeps its port for a minute"
        ),
    };
    let remedy = "sysctl -w net.ipv4.ip_local_port_range='1024 65535' (a safe sysctl in \
                  Kubernetes' securityContext.sysctls) and net.ipv4.tcp_tw_reuse=1; or a lower \
                  limits.connections";
    Some(Finding::warn("ports", says).remedy(remedy))
}

fn wants(facts: &Facts) -> Option<&Wants> {
    facts.file.as_ref()?.wants.as_ref().ok()
}
