//! Measures Outrigger beside its peers.
//!
//! `load` generates traffic and answers it, `floor` is the cheapest relay there can be, `measure`
//! reads what it cost, `peers` starts the programs; `versus`, `quick`, `cockpit`, `budgets` and
//! `soak` are the measurements, `report` prints them. `subjects` are small pieces of Outrigger's
//! own work, timed by `benches/` and counted by `instructions`. `src/main.rs` is the command line.
//! docs/PERFORMANCE.md quotes the results.

pub mod budgets;
pub mod cockpit;
pub mod floor;
pub mod instructions;
pub mod interrupt;
pub mod load;
pub mod measure;
pub mod net;
pub mod peers;
pub mod quick;
pub mod report;
pub mod scratch;
pub mod soak;
pub mod subjects;
pub mod tools;
pub mod versus;

mod admin;
mod line;
