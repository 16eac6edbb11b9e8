//! The harness of the whole-proxy tests: the real program between scripted raw peers.
//!
//! Threads and blocking sockets, nothing asynchronous: a test reads from top to bottom, every wait
//! has a deadline, and a failure prints the bytes that were seen. The suites stand in
//! `tests/tests`, one file a theme; those against real programs in `tests/real`.

pub mod address;
pub mod corpus;
pub mod deny;
pub mod engines;
pub mod gate;
pub mod lines;
pub mod load;
pub mod message;
pub mod metrics;
pub mod origin;
pub mod peer;
pub mod program;
pub mod proxy;
pub mod random;
pub mod tidy;
pub mod wait;

pub use address::Address;
pub use engines::{Engine, on_both_engines};
pub use gate::Gate;
pub use load::Load;
pub use message::Message;
pub use origin::Origin;
pub use peer::{Ending, Peer};
pub use proxy::{ConfigFile, Proxy, Setup, proxy};
pub use wait::{DEADLINE, until, until_still};

/// A configuration with one inbound listener, `@in`, that sends everything to `origin`.
pub fn to_origin(origin: &Origin) -> String {
    to_origin_with(origin, "", "")
}

/// Likewise, with further keys for the listener and for the upstream.
pub fn to_origin_with(origin: &Origin, listener_keys: &str, upstream_keys: &str) -> String {
    to_address(origin.address(), listener_keys, upstream_keys)
}

fn to_address(origin: &Address, listener_keys: &str, upstream_keys: &str) -> String {
    format!(
        "[[listeners]]\nname = \"in\"\nlisten = \"@in\"\nroutes = \"app\"\n{listener_keys}\n\
         [[routes.app]]\nupstream = \"app\"\n\
         [upstreams.app]\nendpoints = [\"{origin}\"]\n{upstream_keys}\n"
    )
}

/// As [`to_origin`], and every answer says which version of the configuration it was served by.
pub fn versioned(origin: &Origin, version: usize) -> String {
    versioned_at(origin.address(), version)
}

/// Likewise, for an origin that is another program.
pub fn versioned_at(origin: &Address, version: usize) -> String {
    let keys = format!("response_headers = {{ set = {{ x-version = \"{version}\" }} }}\n");
    to_address(origin, "", "")
        .replace("upstream = \"app\"\n", &format!("upstream = \"app\"\n{keys}"))
}

/// The text of a running [`versioned`] configuration as another version.
#[track_caller]
pub fn as_version(text: &str, version: usize) -> String {
    let (before, rest) = text.split_once("x-version = \"").expect("it is versioned");
    let (_, after) = rest.split_once('"').expect("a quoted text ends");
    format!("{before}x-version = \"{version}\"{after}")
}

/// A configuration with one inbound listener, `@in`, on the table `app`, with these routes, and an
/// upstream for each named origin.
pub fn to_routes(routes: &str, origins: &[(&str, &Origin)]) -> String {
    let listener = "[[listeners]]\nname = \"in\"\nlisten = \"@in\"\nroutes = \"app\"\n";
    let upstream = |(name, origin): &(&str, &Origin)| {
        format!("[upstreams.{name}]\nendpoints = [\"{}\"]\n", origin.address())
    };
    format!("{listener}{routes}\n{}", origins.iter().map(upstream).collect::<String>())
}
