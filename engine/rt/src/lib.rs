//! The runtime seam: one core is one thread, and everything a core may do with the outside world is
//! here.
//!
//! It is not a general runtime: what the proxy does not need is absent. Two engines stand behind
//! it, chosen once at start (`probe`): our own io_uring driver on a glommio executor, and epoll on
//! tokio. No type and no error of either shows in this interface, so that a third, simulated engine
//! can take their place. The only home of `unsafe`.
//!
//! Called by `engine` (everything) and by `control` (starting cores, mail, gauges).

// The one package that may: everything that the kernel is handed a pointer to is here.
#![allow(unsafe_code)]

mod address;
mod batch;
mod buffers;
mod chunk;
mod clock;
mod core;
#[cfg(feature = "counting")]
pub mod counting;
mod epoll;
mod gauges;
mod head_buf;
mod join;
mod listener;
mod mailbox;
mod pool;
mod pooled;
mod probe;
mod refusal;
mod shelf;
mod socket;
mod stream;
mod sys;
mod task;
mod timer;
mod trim;
mod uring;
mod wheel;
mod workers;

pub use address::{Address, Peer};
pub use batch::{Batch, Piece};
pub use chunk::Chunk;
pub use clock::{now, stamp};
pub use core::{CoreId, CoreSpec, CoreThread, start_core};
pub use gauges::{CoreGauges, Gauge};
pub use head_buf::HeadBuf;
pub use join::{Both, Either, EitherOf, both, either};
pub use listener::Listener;
pub use mailbox::{Inbox, MailSender, mailbox};
pub use pool::{Pool, Pooled};
pub use pooled::{PooledFuture, pooled};
pub use probe::{EngineChoice, EngineKind, Probed, StartError, probe};
pub use refusal::Shortage;
pub use stream::Stream;
pub use sys::{give_back_memory, map_large_blocks};
pub use task::{spawn, yield_now};
pub use timer::{Elapsed, Race, Timer, sleep, sleep_until};
pub use workers::{Workers, cgroups, workers_available};
