//! The proxy among real programs: curl and wrk as clients, nginx as origin, Prometheus as judge.
//!
//! `cargo test --release -p tests --features real-programs --test real`, with the programs of
//! [`programs::REQUIRED`] installed. `OUTRIGGER_REAL_SECONDS` is the length of the runs under load:
//! 60 unless given.

mod acceptance;
mod curl;
mod nginx;
mod programs;
mod prometheus;
mod reload;
mod scrape;
mod wrk;
