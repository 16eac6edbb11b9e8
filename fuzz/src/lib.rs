//! Bodies of the fuzz targets: each takes any bytes and panics where the code under it breaks a
//! promise. The fuzzer calls them (fuzz_targets/), and so does `cargo test`, on the seeds.
//!
//! A new target is a module here, a row in [`TARGETS`], a file in fuzz_targets/ and its `[[bin]]`.

pub mod chunked_body;
pub mod config_load;
pub mod h1_connection;
pub mod log_line;
pub mod path_normalise;
pub mod request_head;
pub mod response_head;
pub mod route_request;

/// The same player of connections that wire's own tests use.
#[path = "../../engine/wire/tests/events/mod.rs"]
mod events;

/// One fuzz target.
#[derive(Debug, Clone, Copy)]
pub struct Target {
    /// Of its module, its binary and its seeds.
    pub name: &'static str,
    /// Its body.
    pub run: fn(&[u8]),
}

/// All of them.
pub const TARGETS: &[Target] = &[
    Target { name: "chunked_body", run: chunked_body::run },
    Target { name: "config_load", run: config_load::run },
    Target { name: "h1_connection", run: h1_connection::run },
    Target { name: "log_line", run: log_line::run },
    Target { name: "path_normalise", run: path_normalise::run },
    Target { name: "request_head", run: request_head::run },
    Target { name: "response_head", run: response_head::run },
    Target { name: "route_request", run: route_request::run },
];
