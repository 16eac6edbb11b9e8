//! The io_uring engine: our own ring and driver on a glommio executor, which carries none of our
//! bytes.
//!
//! The map, from the outside in:
//! - `probe`: may this process use it at all?
//! - `driver`: a core's life, and its turn: run tasks, enter the ring once, hand out completions,
//!   fire timers;
//! - `stream`, `accept`, `watch`: what the rest of `rt` holds; `tasks`: what it spawns;
//! - `recv`, `send`, `connect`, `close`: one operation each, from its start to the last completion;
//! - `state`: all that a core owns, in one thread-local, and the way from a completion to its
//!   operation;
//! - `ops`: slots and generations; `connection`: a stream's state; `buffers`: the provided buffers;
//!   `mapping`: their memory;
//! - `ring`: the io_uring instance.
//!
//! Invariants: one enter a turn; a descriptor outlives its operations; what the kernel may touch
//! outlives the operation that lets it; a connection holds a bounded number of buffers, an idle one
//! none.

mod accept;
mod buffers;
mod close;
mod connect;
mod connection;
mod driver;
mod mapping;
mod ops;
mod probe;
mod recv;
mod ring;
mod send;
mod state;
mod stream;
mod tasks;
#[cfg(test)]
mod tests;
mod watch;

pub(crate) use accept::Listener;
pub(crate) use driver::run_core;
pub(crate) use probe::probe;
pub(crate) use stream::Stream;
pub(crate) use tasks::spawn;
pub(crate) use watch::readable;

/// Returns a receive buffer to its group; called by a chunk's drop.
pub(crate) fn give_back(group: u16, bid: u16) {
    let group = buffers::Group::of(group);
    state::with(|state| state.give_back(buffers::Buffer { group, bid }));
}
