//! How one request ended. Written by the engine's ledger, once for each request, whoever answered
//! it.

use config::snapshot::{RouteIx, UpstreamIx};
use policy::Flag;

use crate::generation::{Generation, ListenerAt, UpstreamAt};

/// How one request ended. The indices are those of the snapshot that the request began with, which
/// `generation` names: after a reload the same index may mean another route.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Outcome {
    /// Which snapshot the indices belong to.
    pub generation: Generation,
    /// Index into that snapshot's `listeners`; the direction and the route table follow from it.
    pub listener: u16,
    /// `None`: no route matched, or there was no valid request to match.
    pub route: Option<RouteIx>,
    /// The upstream last chosen; `None` where none was.
    pub upstream: Option<UpstreamIx>,
    /// The status sent downstream; 0 if none was, because the peer left first.
    pub status: u16,
    /// Why the proxy answered, or gave up, by itself; `None` for the application's own answer.
    pub flag: Option<Flag>,
    /// Body bytes received from downstream.
    pub bytes_in: u64,
    /// Body bytes sent downstream.
    pub bytes_out: u64,
    /// First byte of the head received to last byte of the response queued, µs.
    pub duration_us: u64,
    /// The part of `duration_us` that the proxy itself added, µs.
    pub own_us: u64,
    /// Request queued upstream to response head complete, µs; `None` if there was no such response.
    pub upstream_us: Option<u64>,
    /// Attempts beyond the first.
    pub retries: u8,
}

impl Outcome {
    /// The listener, with its generation.
    pub fn listener_at(&self) -> ListenerAt {
        ListenerAt { generation: self.generation, listener: self.listener }
    }

    /// The upstream, with its generation.
    pub fn upstream_at(&self) -> Option<UpstreamAt> {
        self.upstream.map(|upstream| UpstreamAt { generation: self.generation, upstream })
    }
}
