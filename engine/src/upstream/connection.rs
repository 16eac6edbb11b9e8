//! One upstream HTTP/1.1 connection while a request is on it.
//!
//! Comes from the pool or from connect, and goes back to the pool or is closed. Caller: `exchange`.

use std::io::ErrorKind;
use std::rc::Rc;
use std::time::{Duration, Instant};

use policy::breaker::{Admission, Asker};
use policy::{Cause, Failure};
use rt::{Chunk, Stream, Timer};
use signals::UpstreamEvent;
use wire::h1::{Fault, HeadLimits, Progress, ResponseDecoder};
use wire::message::{Known, ResponseHead};

use super::pool::{self, Idle};
use super::queue::Place;
use super::usage::{ActiveRequest, OpenConnection};
use super::{Picked, Upstream};
use crate::core::Core;

pub(crate) struct Connection {
    pub(crate) stream: Stream,
    open: OpenConnection,
    _request: ActiveRequest,
    /// Requests carried, this one included.
    requests: u64,
    /// What this request waited for the connection: no time of the proxy's own.
    pub(crate) waited: Duration,
}

impl Connection {
    /// True if an earlier request used this connection: its peer may have closed it meanwhile.
    pub(crate) fn is_reused(&self) -> bool {
        self.requests > 1
    }

    /// Takes an idle connection to the picked endpoint; `None` if there is none, or if others wait
    /// for it.
    pub(crate) fn reuse(picked: &Picked, core: &Core) -> Option<Result<Self, Failure>> {
        if !picked.upstream().usage.queue.is_empty() {
            return None;
        }
        Self::take_idle(picked, core)
    }

    fn take_idle(picked: &Picked, core: &Core) -> Option<Result<Self, Failure>> {
        let idle = picked.endpoint().pool.take(rt::now())?;
        let upstream = picked.upstream();
        if let Admission::Refuse(cause) = upstream.usage.admit(Asker::FindsIdle) {
            picked.endpoint().pool.put(idle, usize::MAX);
            return Some(Err(Failure::from(cause)));
        }
        core.count_upstream(upstream.at.get(), UpstreamEvent::PoolHit);
        let Idle { stream, open, requests, .. } = idle;
        Some(Ok(Self {
            stream,
            open: open.taken_over_by(&upstream.usage),
            _request: upstream.usage.request(),
            requests: requests + 1,
            waited: Duration::ZERO,
        }))
    }

    /// Connects to the picked endpoint; waits its turn if the upstream's connections are all in
    /// use, and takes an idle one if that comes first. `fresh` forbids the latter: one has just
    /// failed.
    pub(crate) async fn open(
        picked: &Picked,
        core: &Core,
        timer: &Timer,
        fresh: bool,
    ) -> Result<Self, Failure> {
        let asked = rt::stamp();
        let upstream = picked.upstream();
        let usage = &upstream.usage;
        let gives_up = rt::now() + upstream.config.pending_timeout;
        let mut place: Option<Place<'_>> = None;
        let mut opened = loop {
            let asker = match place {
                Some(_) => Asker::Called,
                None if usage.queue.is_empty() => Asker::First,
                None => Asker::Behind,
            };
            match usage.admit(asker) {
                Admission::Connect | Admission::Reuse => {
                    let (open, request) = (usage.connection(), usage.request());
                    if let Some(place) = place.take() {
                        place.served();
                    }
                    break Self::connect(picked, open, request, core, timer).await?;
                }
                Admission::Wait | Admission::Refuse(Cause::OverflowPending)
                    if asker != Asker::Behind && upstream.close_an_idle_connection() =>
                {
                    continue;
                }
                Admission::Refuse(cause) => return Err(Failure::from(cause)),
                Admission::Wait => {}
            }
            {
                let place = place.get_or_insert_with(|| usage.queue.place());
                let _pending = usage.pending();
                let _wait = Wait { since: rt::now(), upstream, core };
                timer.set(gives_up);
                let called = timer.race(place.called()).await;
                called.map_err(|_elapsed| Failure::from(Cause::PendingTimeout))?;
            }
            if !fresh && let Some(reused) = Self::take_idle(picked, core) {
                let reused = reused?;
                if let Some(place) = place.take() {
                    place.served();
                }
                break reused;
            }
        };
        opened.waited = rt::stamp() - asked;
        Ok(opened)
    }

    async fn connect(
        picked: &Picked,
        open: OpenConnection,
        request: ActiveRequest,
        core: &Core,
        timer: &Timer,
    ) -> Result<Self, Failure> {
        let upstream = picked.upstream();
        core.count_upstream(upstream.at.get(), UpstreamEvent::PoolMiss);
        timer.set(rt::now() + upstream.config.connect_timeout);
        match timer.race(Stream::connect(&picked.endpoint().pool.address)).await {
            Ok(Ok(stream)) => {
                core.count_upstream(upstream.at.get(), UpstreamEvent::Opened);
                Ok(Self { stream, open, _request: request, requests: 1, waited: Duration::ZERO })
            }
            Ok(Err(error)) => Err(Failure::from(connect_cause(error.kind()))),
            Err(_elapsed) => Err(Failure::from(Cause::ConnectTimeout)),
        }
    }

    /// Receives the next response head, an interim one (1xx) included. Bytes behind it are left in
    /// `surplus`.
    pub(crate) async fn read_head(
        &self,
        surplus: &mut Option<Chunk>,
        decoder: &mut ResponseDecoder,
        limits: &HeadLimits,
        method: &[u8],
        head: &mut ResponseHead,
    ) -> Result<(), Failure> {
        loop {
            let mut chunk = match surplus.take() {
                Some(chunk) => chunk,
                // An error and an end mean the same here.
                None => self.stream.recv().await.unwrap_or_else(|_| Chunk::empty()),
            };
            if chunk.is_empty() {
                return Err(Failure::from(match decoder.is_empty() {
                    true => Cause::ResetBeforeResponse,
                    false => Cause::UpstreamProtocol { fault: Fault::Truncated.as_str() },
                }));
            }
            let progress = decoder.feed(&chunk, limits, method, head).map_err(|fault| {
                Failure::from(Cause::UpstreamProtocol { fault: fault.as_str() })
            })?;
            if let Progress::Done { consumed } = progress {
                decoder.reset();
                if consumed < chunk.len() {
                    chunk.advance(consumed);
                    *surplus = Some(chunk);
                }
                return Ok(());
            }
        }
    }

    /// Keeps the connection for the next request if `head` and its peer allow that, else closes
    /// it. Request and response must have passed whole.
    pub(crate) fn release(self, picked: &Picked, head: &ResponseHead, core: &Rc<Core>) {
        let upstream: &Upstream = picked.upstream();
        let worn_out = upstream
            .config
            .requests_per_connection
            .is_some_and(|requests_max| self.requests >= requests_max);
        if !head.keep_alive || worn_out {
            return;
        }
        let idle_timeout = upstream.config.idle_timeout;
        let idle_timeout =
            keep_alive_timeout(head).map_or(idle_timeout, |peers| peers.min(idle_timeout));
        let idle = Idle {
            stream: self.stream,
            open: self.open,
            requests: self.requests,
            expires: rt::now() + idle_timeout,
        };
        picked.endpoint().pool.put(idle, upstream.config.idle_per_core);
        upstream.usage.queue.call_next();
        pool::keep_swept(core);
    }
}

/// A request's wait in the queue: counted when it ends, in whatever way.
struct Wait<'w> {
    since: Instant,
    upstream: &'w Upstream,
    core: &'w Core,
}

impl Drop for Wait<'_> {
    fn drop(&mut self) {
        let waited = rt::now().saturating_duration_since(self.since);
        self.core.count_wait(self.upstream.at.get(), waited);
    }
}

/// How long the peer says that it keeps an idle connection: `Keep-Alive: timeout=5`. A second less,
/// as its clock began before ours.
fn keep_alive_timeout(head: &ResponseHead) -> Option<Duration> {
    let value = str::from_utf8(head.fields.first(Known::KeepAlive)?).ok()?;
    let parameters = value.split(',').map(str::trim);
    let seconds = parameters.filter_map(|each| each.strip_prefix("timeout=")).next()?;
    Some(Duration::from_secs(seconds.parse::<u32>().ok()?.saturating_sub(1).into()))
}

/// What a failed connect(2) means.
fn connect_cause(kind: ErrorKind) -> Cause {
    match kind {
        ErrorKind::ConnectionRefused => Cause::ConnectRefused,
        ErrorKind::ConnectionReset | ErrorKind::ConnectionAborted => Cause::ConnectReset,
        ErrorKind::TimedOut => Cause::ConnectTimeout,
        ErrorKind::HostUnreachable | ErrorKind::NetworkUnreachable | ErrorKind::NotFound => {
            Cause::ConnectUnreachable
        }
        _ => Cause::ConnectFailed,
    }
}
