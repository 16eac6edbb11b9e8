//! TOML text to a checked, immutable [`Snapshot`]: `raw -> check -> Snapshot`.
//!
//! Pure: it opens no file and no socket, and asks no clock.

pub mod pattern;
pub mod snapshot;
pub mod template;

pub use snapshot::Snapshot;
