//! Hosts to routes, indexed as [`HostIndex`] says.

use std::cmp::Reverse;
use std::collections::HashMap;

use crate::snapshot::{HostIndex, Route, RouteIx};

type Patterns = HashMap<Box<str>, Vec<RouteIx>>;

/// The index of a table's routes.
pub(super) fn index(routes: &[Route]) -> HostIndex {
    let mut index = HostIndex::default();
    let (mut suffixes, mut prefixes) = (Patterns::new(), Patterns::new());
    for (ix, route) in (0u32..).map(RouteIx).zip(routes) {
        if route.hosts.is_empty() {
            index.any.push(ix);
        }
        for host in &route.hosts {
            let routes = if &**host == "*" {
                &mut index.any
            } else if let Some(suffix) = host.strip_prefix('*') {
                suffixes.entry(suffix.into()).or_default()
            } else if let Some(prefix) = host.strip_suffix('*') {
                prefixes.entry(prefix.into()).or_default()
            } else {
                index.exact.entry(host.clone()).or_default()
            };
            // The same host twice in one route is one entry.
            if routes.last() != Some(&ix) {
                routes.push(ix);
            }
        }
    }
    index.suffixes = longest_first(suffixes);
    index.prefixes = longest_first(prefixes);
    index
}

fn longest_first(patterns: Patterns) -> Vec<(Box<str>, Vec<RouteIx>)> {
    let mut patterns: Vec<_> = patterns.into_iter().collect();
    patterns.sort_by(|(one, _), (other, _)| {
        (Reverse(one.len()), one).cmp(&(Reverse(other.len()), other))
    });
    patterns
}
