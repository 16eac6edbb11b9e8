//! What is worth counting and is not the end of a request. A closed list: a new metric is one
//! variant here and one line in `control::metrics`' table.

use policy::Cause;

use crate::generation::{ListenerAt, UpstreamAt};

/// Something that happened at a listener or towards an upstream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Event {
    /// At a listener.
    Listener(ListenerAt, ListenerEvent),
    /// Towards an upstream.
    Upstream(UpstreamAt, UpstreamEvent),
}

/// What happens at a listener.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ListenerEvent {
    /// A connection was accepted.
    Opened,
    /// A connection that was accepted is closed, whoever closed it.
    Closed,
    /// A connection was turned away.
    Refused(Refusal),
    /// The peer broke a rule of its protocol; `wire`'s snake_case name of the rule.
    Fault(&'static str),
}

/// What happens towards an upstream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum UpstreamEvent {
    /// A connection was established.
    Opened,
    /// A request found an idle connection.
    PoolHit,
    /// A request found none and opened, or waited for, a new one.
    PoolMiss,
    /// A request waited for a connection to become free.
    Waited,
    /// Microseconds that requests so waited.
    WaitedUs,
    /// An attempt failed, retried or not; `policy`'s snake_case name of the cause.
    Failed(&'static str),
    /// The upstream broke a rule of its protocol; `wire`'s snake_case name of the rule.
    Fault(&'static str),
    /// The circuit breaker turned a request away.
    Overflow(Limit),
    /// The free retry after a reused connection broke before any response byte.
    FreeRetry,
}

/// Why a connection was turned away.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Refusal {
    /// The listener's `max_connections`.
    Listener,
    /// The process's `max_connections`.
    Process,
    /// No descriptor was left (EMFILE, ENFILE).
    Descriptors,
    /// The kernel had no memory for it (ENOMEM, ENOBUFS).
    Memory,
    /// Accepting it failed in another way.
    Error,
}

/// Which of an upstream's limits was reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Limit {
    /// `limits.connections`
    Connections,
    /// `limits.pending`
    Pending,
    /// `limits.requests`
    Requests,
    /// `pending_timeout` passed without a connection.
    PendingTimeout,
}

impl UpstreamEvent {
    /// An attempt failed for this cause.
    pub fn failed(cause: Cause) -> Self {
        Self::Failed(cause.as_str())
    }
}

impl Refusal {
    /// The label's value.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Listener => "listener",
            Self::Process => "process",
            Self::Descriptors => "descriptors",
            Self::Memory => "memory",
            Self::Error => "error",
        }
    }
}

impl Limit {
    /// The label's value.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Connections => "connections",
            Self::Pending => "pending",
            Self::Requests => "requests",
            Self::PendingTimeout => "pending_timeout",
        }
    }
}
