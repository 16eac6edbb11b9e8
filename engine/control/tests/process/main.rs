//! The control thread as a whole, over real sockets, with cores that only answer orders.

mod admin;
mod collect;
mod fake_core;
mod http;
mod life_cycle;
mod process;
mod reload;
