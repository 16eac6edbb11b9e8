//! The control thread: everything the process does that is not a request. It binds sockets, starts
//! and watches the cores, takes signals, reloads the file, serves the admin listener, and adds up
//! what the cores counted.
//!
//! It runs on the process's main thread, on tokio's current-thread runtime, and is never on the
//! request path: it sees no connection, and no core waits for it. Called by `engine`'s `main`
//! alone.

mod access_log;
mod admin;
mod background;
mod boot;
mod collector;
mod commands;
mod core_link;
pub mod doctor;
mod life;
pub mod metrics;
mod pages;
mod reload;
mod shared;
mod sockets;
mod supervisor;
mod unix_socket;

pub use access_log::{BATCH_BYTES, Batch, LineSender};
pub use boot::{Running, Setup, StartFailure, WhenReady, run};
pub use commands::Commands;
pub use core_link::{BoundSocket, CoreBoot, CoreOrder, Reports};
pub use life::Ending;
pub use shared::{LogFilter, ProgramLog};
pub use sockets::BindError;
