//! What is known of the machine and of the file, before anybody has judged it. What could not be
//! read is `None`: nothing is said of it.

use config::snapshot::IoEngine;
use rustix::io::Errno;

/// Everything that the judgement rests on.
#[derive(Debug)]
pub(super) struct Facts {
    /// `uname -r`
    pub(super) release: String,
    pub(super) ring: Ring,
    pub(super) descriptors: Bounds,
    pub(super) cpus: Cpus,
    /// `memory.max`, the tightest; bytes.
    pub(super) memory_max: Option<u64>,
    pub(super) network: Network,
    pub(super) inotify: Inotify,
    /// The file, if one was named.
    pub(super) file: Option<File>,
}

/// Whether io_uring can be used.
#[derive(Debug)]
pub(super) struct Ring {
    /// The start's own trial: why it failed, and the remedy if one is known.
    pub(super) usable: Result<(), (String, Option<String>)>,
    /// RLIMIT_MEMLOCK before the trial, which raises it as the start does; bytes.
    pub(super) locked: Bounds,
}

/// A resource limit; `None`: unlimited.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Bounds {
    pub(super) soft: Option<u64>,
    pub(super) hard: Option<u64>,
}

/// The processors given to this process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Cpus {
    /// How many the affinity mask has.
    pub(super) mask: usize,
    /// The tightest `cpu.max`.
    pub(super) quota: Option<Quota>,
    /// The cgroup's `cpu.stat`, since the cgroup was made.
    pub(super) periods: u64,
    pub(super) throttled: u64,
    /// How many cores would be started.
    pub(super) workers: usize,
}

/// So much processor time in each period.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Quota {
    pub(super) quota_us: u64,
    pub(super) period_us: u64,
}

/// Sysctls of the network namespace.
#[derive(Debug, Default)]
pub(super) struct Network {
    /// `net.core.somaxconn`
    pub(super) backlog_max: Option<u64>,
    /// `net.ipv4.ip_local_port_range`
    pub(super) ports: Option<(u64, u64)>,
    /// `net.ipv4.tcp_tw_reuse`: 0 off, 1 on, 2 on loopback only.
    pub(super) reuse: Option<u64>,
}

/// Whether changes of a file can be told.
#[derive(Debug)]
pub(super) struct Inotify {
    /// `fs.inotify.max_user_instances`
    pub(super) instances_max: Option<u64>,
    /// `fs.inotify.max_user_watches`
    pub(super) watches_max: Option<u64>,
    /// Whether a watch could be made just now.
    pub(super) watch: Result<(), String>,
}

/// What was found out about the file.
#[derive(Debug)]
pub(super) struct File {
    pub(super) name: String,
    /// What it asks for; or why it says nothing.
    pub(super) wants: Result<Wants, String>,
    /// How many warnings there are about it.
    pub(super) warnings: usize,
    /// It is a mount of its own, as Kubernetes' `subPath` makes it.
    pub(super) is_mount: bool,
    /// Each listener and the admin listener, tried in that order.
    pub(super) addresses: Vec<Tried>,
    /// The access log's path, and why it cannot be written.
    pub(super) access_log: Option<(String, Result<(), Errno>)>,
}

/// What the file asks of the machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Wants {
    pub(super) engine: IoEngine,
    /// Downstream connections at once: the process's limit, or the sum of the listeners'.
    pub(super) downstream: u64,
    /// Upstream connections at once: the sum of the upstreams' limits.
    pub(super) upstream: u64,
    /// Listening sockets on each core.
    pub(super) listeners: u64,
    /// The longest backlog, and whose.
    pub(super) backlog: Option<(u64, String)>,
    /// The highest limit of connections among upstreams that are called by TCP, and whose.
    pub(super) to_one: Option<(u64, String)>,
}

/// An address that was taken on trial.
#[derive(Debug)]
pub(super) struct Tried {
    /// `listener NAME`, or `admin`.
    pub(super) about: String,
    pub(super) address: String,
    pub(super) outcome: Result<(), Refused>,
}

/// Why an address cannot be had.
#[derive(Debug)]
pub(super) struct Refused {
    /// As the start would say it.
    pub(super) error: String,
    pub(super) remedy: Option<String>,
    /// Who holds it, as far as this process may see.
    pub(super) owner: Option<Owner>,
}

/// A process that listens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Owner {
    pub(super) pid: u32,
    /// `/proc/PID/comm`
    pub(super) name: String,
    /// It was started with the file that is looked at: `outrigger run FILE`.
    pub(super) runs_the_file: bool,
}
