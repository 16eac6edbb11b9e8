//! Which route a request takes: the most specific host first, then the file's order.
//!
//! Not what the route then does to it (`rewrite`, `redirect`, `template`). Called once per request
//! by `engine`. The semantics are those of Envoy's virtual hosts and `RouteMatch`.

mod host;
mod split;
#[cfg(test)]
mod tests;
mod value;

use config::pattern::PathMatch;
use config::snapshot::{Route, RouteIx, RouteTable};

pub use split::pick_branch;

use crate::request::RequestView;

/// The first route, among those of the most specific host pattern, whose conditions all hold.
///
/// Only that pattern's routes are tried: when none of them matches, a `*` route does not step in.
pub fn find(table: &RouteTable, request: &RequestView<'_>) -> Option<RouteIx> {
    let candidates = host::candidates(&table.hosts, request.host);
    candidates.iter().copied().find(|&ix| matches(table.route(ix), request))
}

/// Cheapest conditions first.
fn matches(route: &Route, request: &RequestView<'_>) -> bool {
    path_matches(&route.path, request.path)
        && method_matches(&route.methods, request.method)
        && route.headers.iter().all(|header| value::header_holds(header, request))
        && route.query.iter().all(|query| value::query_holds(query, request.query))
}

/// `path` is a [`crate::path::Normalised::routing_path`].
fn path_matches(pattern: &PathMatch, path: &[u8]) -> bool {
    match pattern {
        PathMatch::Exact(exact) => path == exact.as_bytes(),
        // Says so itself, as the `*` of `OPTIONS *` does not begin with it.
        PathMatch::Prefix(prefix) if &**prefix == "/" => true,
        PathMatch::Prefix(prefix) => path.starts_with(prefix.as_bytes()),
        PathMatch::Segment(segment) => match path.strip_prefix(segment.as_bytes()) {
            Some(rest) => rest.is_empty() || rest[0] == b'/',
            None => false,
        },
        PathMatch::Regex(regex) => regex.0.is_match(path),
    }
}

fn method_matches(methods: &[Box<str>], method: &[u8]) -> bool {
    methods.is_empty() || methods.iter().any(|one| one.as_bytes() == method)
}
