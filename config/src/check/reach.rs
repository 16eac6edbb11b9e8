//! Routes that no request can reach, because earlier ones of the same hosts take all of theirs.
//!
//! Found are: the same `match` again, and a path within that of an earlier route without other
//! conditions. Not found is what several earlier routes cover together.

use std::collections::{BTreeSet, HashMap};

use crate::document::{Findings, Span, Wrong};
use crate::pattern::{HeaderMatch, PathMatch, QueryMatch};
use crate::snapshot::{HostIndex, Route, RouteIx, RouteTable};
use crate::values::quote;

/// Warns of each route of `table` that is never reached; `spans` are the routes' places.
pub(super) fn warn_unreachable(table: &RouteTable, spans: &[Span], warnings: &mut Findings) {
    // A route is out of reach if it is so for each of its hosts.
    let mut hosts = vec![0usize; table.routes.len()];
    let mut hidden: Vec<(usize, Option<RouteIx>)> = vec![(0, None); table.routes.len()];
    for routes in lists(&table.hosts) {
        let mut earlier = Earlier::default();
        for &ix in routes {
            let route = table.route(ix);
            let at = ix.0 as usize;
            hosts[at] += 1;
            match earlier.hides(route) {
                Some(by) => hidden[at] = (hidden[at].0 + 1, Some(by)),
                None if routes.len() > 1 => earlier.add(ix, route),
                None => {}
            }
        }
    }
    for (at, route) in table.routes.iter().enumerate() {
        let (times, Some(by)) = hidden[at] else { continue };
        if times == hosts[at] {
            let (name, by) = (quote(&route.name), quote(&table.route(by).name));
            let wrong =
                Wrong::new(format!("no request reaches {name}: {by} takes all of its requests"));
            let help = "the first route that matches is taken: put the more specific one first";
            warnings.push(spans[at], wrong.help(help));
        }
    }
}

/// The routes of each host.
fn lists(hosts: &HostIndex) -> impl Iterator<Item = &Vec<RouteIx>> {
    let patterns = hosts.suffixes.iter().chain(&hosts.prefixes).map(|(_, routes)| routes);
    hosts.exact.values().chain(patterns).chain([&hosts.any])
}

type Conditions<'r> = (&'r PathMatch, &'r [Box<str>], &'r [HeaderMatch], &'r [QueryMatch]);

/// The routes of one host so far.
#[derive(Default)]
struct Earlier<'r> {
    all: HashMap<Conditions<'r>, RouteIx>,
    /// Paths of those without other conditions.
    open: HashMap<(Kind, &'r str), RouteIx>,
    /// How long the paths in `open` are.
    lengths: BTreeSet<usize>,
}

#[derive(PartialEq, Eq, Hash, Clone, Copy)]
enum Kind {
    Exact,
    Prefix,
    Segment,
    Regex,
}

impl<'r> Earlier<'r> {
    fn add(&mut self, ix: RouteIx, route: &'r Route) {
        self.all.insert(conditions(route), ix);
        if route.methods.is_empty() && route.headers.is_empty() && route.query.is_empty() {
            let (kind, path) = path(&route.path);
            self.open.insert((kind, path), ix);
            self.lengths.insert(path.len());
        }
    }

    /// The earlier route that takes all requests of this one.
    fn hides(&self, route: &Route) -> Option<RouteIx> {
        if let Some(same) = self.all.get(&conditions(route)) {
            return Some(*same);
        }
        let (kind, path) = path(&route.path);
        if let Some(same) = self.open.get(&(kind, path)) {
            return Some(*same);
        }
        if kind == Kind::Regex {
            return self.open.get(&(Kind::Prefix, "/")).copied();
        }
        self.lengths.range(..=path.len()).find_map(|&len| {
            let (start, rest) = path.split_at_checked(len)?;
            let below = rest.starts_with('/') || (rest.is_empty() && kind != Kind::Prefix);
            let segment = || self.open.get(&(Kind::Segment, start)).filter(|_| below);
            self.open.get(&(Kind::Prefix, start)).or_else(segment).copied()
        })
    }
}

fn conditions(route: &Route) -> Conditions<'_> {
    (&route.path, &route.methods, &route.headers, &route.query)
}

fn path(path: &PathMatch) -> (Kind, &str) {
    match path {
        PathMatch::Exact(path) => (Kind::Exact, path),
        PathMatch::Prefix(path) => (Kind::Prefix, path),
        PathMatch::Segment(path) => (Kind::Segment, path),
        PathMatch::Regex(pattern) => (Kind::Regex, pattern.0.as_str()),
    }
}
