//! Decisions: where a request goes, whether it may, what a failure means, when to give up.
//!
//! Pure: no runtime, no socket, no clock; `now` and randomness are passed in, and a decision is
//! returned. Nothing here allocates on the steady-state path. `engine` asks, in the order of one
//! request: [`path`], [`route`], [`breaker`], [`balance`], [`time`], [`failure`], [`retry`].

#![forbid(unsafe_code)]

pub mod balance;
pub mod breaker;
pub mod descriptors;
pub mod endpoint;
pub mod failure;
pub mod flag;
pub mod headers;
pub mod line;
pub mod path;
pub mod random;
pub mod redirect;
pub mod request;
pub mod retry;
pub mod rewrite;
pub mod route;
pub mod template;
pub mod time;
pub mod utc;

#[cfg(test)]
mod fixture;

pub use endpoint::EndpointIx;
pub use failure::{Cause, Failure};
pub use flag::Flag;
