//! A level-triggered epoll set with a reused event list.
//!
//! The callers (floor relay, origin, load generator) keep their connections in slots and name them
//! by a 64-bit token; a token may outlive its connection within one batch, so they must accept a
//! readiness that turns out to be nothing.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::time::Duration;

use rustix::buffer::spare_capacity;
use rustix::event::Timespec;
use rustix::event::epoll::{self, CreateFlags, Event, EventData, EventFlags};
use rustix::io::Errno;

/// Events taken from the kernel at once.
const BATCH: usize = 512;

/// What a descriptor is watched for. Errors and hang-ups are always told, as readable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Interest {
    /// Bytes, or the end.
    pub read: bool,
    /// Room to send.
    pub write: bool,
}

impl Interest {
    /// What a connection with nothing left to send waits for.
    pub const READ: Self = Self { read: true, write: false };
    /// What a connection with something left to send waits for.
    pub const BOTH: Self = Self { read: true, write: true };
}

/// One descriptor's news.
#[derive(Debug, Clone, Copy)]
pub struct Ready {
    /// As given to [`Poll::add`].
    pub token: u64,
    /// A receive will tell something.
    pub readable: bool,
    /// There is room to send.
    pub writable: bool,
}

/// The set.
pub struct Poll {
    epoll: OwnedFd,
    events: Vec<Event>,
}

impl Poll {
    /// An empty set.
    pub fn new() -> io::Result<Self> {
        let epoll = epoll::create(CreateFlags::CLOEXEC)?;
        Ok(Self { epoll, events: Vec::with_capacity(BATCH) })
    }

    /// Watches `source`; closing the descriptor ends that.
    pub fn add(&self, source: impl AsFd, token: u64, interest: Interest) -> io::Result<()> {
        Ok(epoll::add(&self.epoll, source, EventData::new_u64(token), flags(interest))?)
    }

    /// Changes what `source` is watched for.
    pub fn change(&self, source: impl AsFd, token: u64, interest: Interest) -> io::Result<()> {
        Ok(epoll::modify(&self.epoll, source, EventData::new_u64(token), flags(interest))?)
    }

    /// Waits for news, at most `limit` (to the nanosecond where the kernel has `epoll_pwait2`);
    /// `None` waits for ever. Tells how many there are, none after a signal.
    pub fn wait(&mut self, limit: Option<Duration>) -> io::Result<usize> {
        let limit = limit.map(|limit| Timespec {
            tv_sec: i64::try_from(limit.as_secs()).unwrap_or(i64::MAX),
            tv_nsec: i64::from(limit.subsec_nanos()),
        });
        self.events.clear();
        match epoll::wait(&self.epoll, spare_capacity(&mut self.events), limit.as_ref()) {
            Ok(_) => Ok(self.events.len()),
            Err(Errno::INTR) => Ok(0),
            Err(error) => Err(error.into()),
        }
    }

    /// The news at `index` of the last wait.
    pub fn ready(&self, index: usize) -> Ready {
        let Event { flags, data, .. } = self.events[index];
        let ended = flags.intersects(EventFlags::HUP | EventFlags::ERR);
        Ready {
            token: data.u64(),
            readable: ended || flags.contains(EventFlags::IN),
            writable: flags.contains(EventFlags::OUT),
        }
    }
}

fn flags(interest: Interest) -> EventFlags {
    let mut flags = EventFlags::empty();
    flags.set(EventFlags::IN, interest.read);
    flags.set(EventFlags::OUT, interest.write);
    flags
}
