//! Measuring: what /proc tells of a process and of the machine, and the statistics over rounds.

pub mod machine;
pub mod process;
pub mod stats;

mod proc_text;
