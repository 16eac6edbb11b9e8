//! Small builders of tables and requests, for the tests of this package. What they build is what
//! `config` would, without its text.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use config::pattern::{HeaderMatch, PathMatch, Pattern, QueryMatch, ValueMatch};
use config::snapshot::{
    Action, Address, Balance, Branch, Endpoint, Forward, HeaderEdits, HostIndex, Limits, Respond,
    Route, RouteIx, RouteTable, Upstream, UpstreamIx,
};
use regex::bytes::Regex;

use crate::path::{Normalised, PathOptions, normalise};
use crate::request::{FieldSource, RequestView};

/// Fields as written, in order.
pub(crate) struct Fields<'a>(pub(crate) &'a [(&'a str, &'a str)]);

impl FieldSource for Fields<'_> {
    fn values(&self, lower_name: &str, each: &mut dyn FnMut(&[u8]) -> bool) {
        for (name, value) in self.0 {
            if name.eq_ignore_ascii_case(lower_name) && !each(value.as_bytes()) {
                return;
            }
        }
    }
}

/// A request whose target was normalised, as `engine` does it.
pub(crate) struct Request<'a> {
    method: &'a str,
    host: &'a str,
    target: Vec<u8>,
    parts: Normalised,
    fields: Fields<'a>,
}

impl<'a> Request<'a> {
    pub(crate) fn new(
        method: &'a str,
        host: &'a str,
        target: &str,
        fields: &'a [(&'a str, &'a str)],
    ) -> Self {
        let mut out = Vec::new();
        let parts = normalise(target.as_bytes(), PathOptions::default(), &mut out).unwrap();
        Self { method, host, target: out, parts, fields: Fields(fields) }
    }

    pub(crate) fn view(&self) -> RequestView<'_> {
        RequestView {
            method: self.method.as_bytes(),
            host: self.host.as_bytes(),
            path: self.parts.routing_path(&self.target),
            query: self.parts.query(&self.target),
            fields: &self.fields,
        }
    }
}

/// A route that matches every host and method, and answers 200.
pub(crate) fn route(name: &str, path: PathMatch) -> Route {
    Route {
        name: name.into(),
        hosts: Vec::new(),
        path,
        methods: Vec::new(),
        headers: Vec::new(),
        query: Vec::new(),
        action: Action::Respond(Respond { status: 200, body: Arc::from(*b"") }),
        timeout: None,
        idle_timeout: None,
        request_headers: HeaderEdits::default(),
        response_headers: HeaderEdits::default(),
    }
}

/// A route of one host pattern and any path.
pub(crate) fn host(pattern: &str) -> Route {
    Route { hosts: vec![pattern.into()], ..route(pattern, prefix("/")) }
}

/// A route with a condition on one field.
pub(crate) fn header(name: &str, field: &str, value: ValueMatch) -> Route {
    let headers = vec![HeaderMatch { name: field.into(), value, invert: false }];
    Route { headers, ..route(name, prefix("/")) }
}

/// A route with a condition on one query parameter.
pub(crate) fn query(name: &str, parameter: &str, value: ValueMatch) -> Route {
    let query = vec![QueryMatch { name: parameter.into(), value }];
    Route { query, ..route(name, prefix("/")) }
}

pub(crate) fn exact(path: &str) -> PathMatch {
    PathMatch::Exact(path.into())
}

pub(crate) fn prefix(path: &str) -> PathMatch {
    PathMatch::Prefix(path.into())
}

pub(crate) fn segment(path: &str) -> PathMatch {
    PathMatch::Segment(path.trim_end_matches('/').into())
}

/// Anchored, as `check` anchors it.
pub(crate) fn regex(source: &str) -> Pattern {
    Pattern(Regex::new(&format!("^(?:{source})$")).unwrap())
}

/// The table of some routes, indexed by host as `check` does it.
pub(crate) fn table(routes: Vec<Route>) -> RouteTable {
    let mut hosts = HostIndex::default();
    let mut suffixes: HashMap<Box<str>, Vec<RouteIx>> = HashMap::new();
    let mut prefixes: HashMap<Box<str>, Vec<RouteIx>> = HashMap::new();
    for (at, route) in routes.iter().enumerate() {
        let ix = RouteIx(u32::try_from(at).unwrap());
        if route.hosts.is_empty() {
            hosts.any.push(ix);
        }
        for pattern in &route.hosts {
            if &**pattern == "*" {
                hosts.any.push(ix);
            } else if let Some(suffix) = pattern.strip_prefix('*') {
                suffixes.entry(suffix.into()).or_default().push(ix);
            } else if let Some(prefix) = pattern.strip_suffix('*') {
                prefixes.entry(prefix.into()).or_default().push(ix);
            } else {
                hosts.exact.entry(pattern.clone()).or_default().push(ix);
            }
        }
    }
    hosts.suffixes = longest_first(suffixes);
    hosts.prefixes = longest_first(prefixes);
    RouteTable { name: "test".into(), routes, hosts }
}

fn longest_first(patterns: HashMap<Box<str>, Vec<RouteIx>>) -> Vec<(Box<str>, Vec<RouteIx>)> {
    let mut patterns: Vec<_> = patterns.into_iter().collect();
    patterns.sort_by_key(|(pattern, _)| std::cmp::Reverse(pattern.len()));
    patterns
}

/// A split of these weights.
pub(crate) fn split(weights: &[u32]) -> Forward {
    let branch = |weight: &u32| Branch {
        upstream: UpstreamIx(0),
        weight: *weight,
        request_headers: HeaderEdits::default(),
        response_headers: HeaderEdits::default(),
    };
    Forward {
        split: weights.iter().map(branch).collect(),
        total_weight: weights.iter().sum(),
        path: None,
        host: None,
    }
}

/// An upstream with one endpoint per weight.
pub(crate) fn upstream(balance: Balance, weights: &[u32]) -> Upstream {
    let endpoint = |weight: &u32| Endpoint {
        address: Address::Inet(([127, 0, 0, 1], 80).into()),
        weight: *weight,
        zone: None,
    };
    Upstream {
        name: "test".into(),
        endpoints: weights.iter().map(endpoint).collect(),
        balance,
        limits: Limits { connections: 1024, pending: 1024, requests: 1024 },
        connect_timeout: Duration::from_secs(1),
        idle_timeout: Duration::from_secs(4),
        idle_per_core: 64,
        requests_per_connection: None,
        pending_timeout: Duration::from_secs(1),
        head_bytes_max: 60 << 10,
        fields_max: 100,
    }
}
