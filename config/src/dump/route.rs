//! A route in the words of the file. `dump` calls it.

use std::time::Duration;

use serde_json::Value;

use super::object::Object;
use super::{time, time_or_false};
use crate::pattern::{HeaderMatch, PathMatch, PathRewrite, QueryMatch, ValueMatch};
use crate::snapshot::{Action, Branch, Forward, HeaderEdits, Redirect, Respond, Route, Snapshot};
use crate::values;

/// `idle` is what holds where the route has no `idle_timeout`, if that is known.
pub(super) fn put(to: &mut Object<'_>, snapshot: &Snapshot, route: &Route, idle: Option<Duration>) {
    let Route { name, hosts, path, methods, headers, query, action, .. } = route;
    let Route { timeout, idle_timeout, request_headers, response_headers, .. } = route;
    to.put("name", &**name);
    to.put("host", if hosts.is_empty() { Value::from(vec!["*"]) } else { texts(hosts) });
    to.object("match", |to| {
        put_path(to, path);
        if !methods.is_empty() {
            to.put("methods", texts(methods));
        }
        if !headers.is_empty() {
            to.array("headers", headers, |to, HeaderMatch { name, value, invert }| {
                to.put("name", &**name);
                put_comparison(to, value);
                to.put("invert", *invert);
            });
        }
        if !query.is_empty() {
            to.array("query", query, |to, QueryMatch { name, value }| {
                to.put("name", &**name);
                put_comparison(to, value);
            });
        }
    });
    put_action(to, snapshot, action);
    to.put("timeout", time_or_false(*timeout));
    to.put_some("idle_timeout", idle_timeout.or(idle).map(time));
    put_edits(to, request_headers, response_headers);
}

fn put_path(to: &mut Object<'_>, path: &PathMatch) {
    match path {
        PathMatch::Exact(path) => to.put("path", &**path),
        PathMatch::Prefix(prefix) => to.put("prefix", &**prefix),
        PathMatch::Segment(segment) => to.put("segment", &**segment),
        PathMatch::Regex(pattern) => to.put("regex", values::show_pattern(pattern)),
    }
}

fn put_comparison(to: &mut Object<'_>, value: &ValueMatch) {
    match value {
        ValueMatch::Present => to.put("present", true),
        ValueMatch::Exact(text) => to.put("exact", String::from_utf8_lossy(text)),
        ValueMatch::Prefix(text) => to.put("prefix", String::from_utf8_lossy(text)),
        ValueMatch::Suffix(text) => to.put("suffix", String::from_utf8_lossy(text)),
        ValueMatch::Regex(pattern) => to.put("regex", values::show_pattern(pattern)),
        ValueMatch::Range { start, end } => to.put("range", vec![*start, *end]),
    }
}

fn put_action(to: &mut Object<'_>, snapshot: &Snapshot, action: &Action) {
    match action {
        Action::Forward(forward) => put_forward(to, snapshot, forward),
        Action::Redirect(redirect) => to.object("redirect", |to| {
            let Redirect { status, scheme, host, path, strip_query } = redirect;
            to.put("status", *status);
            to.put_some("scheme", scheme.as_deref());
            to.put_some("host", host.as_deref());
            put_rewrite(to, path.as_ref());
            to.put("strip_query", *strip_query);
        }),
        Action::Respond(Respond { status, body }) => to.object("respond", |to| {
            to.put("status", *status);
            to.put("body", String::from_utf8_lossy(body));
        }),
    }
}

fn put_forward(to: &mut Object<'_>, snapshot: &Snapshot, forward: &Forward) {
    let Forward { split, total_weight: _, path, host } = forward;
    match split.as_slice() {
        [Branch { upstream, weight: 1, request_headers, response_headers }]
            if is_empty(request_headers) && is_empty(response_headers) =>
        {
            to.put("upstream", &*snapshot.upstream(*upstream).name);
        }
        split => to.array("split", split, |to, branch| {
            let Branch { upstream, weight, request_headers, response_headers } = branch;
            to.put("upstream", &*snapshot.upstream(*upstream).name);
            to.put("weight", *weight);
            put_edits(to, request_headers, response_headers);
        }),
    }
    if path.is_some() || host.is_some() {
        to.object("rewrite", |to| {
            put_rewrite(to, path.as_ref());
            to.put_some("host", host.as_deref());
        });
    }
}

fn put_rewrite(to: &mut Object<'_>, path: Option<&PathRewrite>) {
    match path {
        None => {}
        Some(PathRewrite::Full(path)) => to.put("path", &**path),
        Some(PathRewrite::Prefix(prefix)) => to.put("prefix", &**prefix),
        Some(PathRewrite::Regex { pattern, substitution }) => {
            to.put("regex", pattern.0.as_str());
            to.put("substitution", values::show_substitution(substitution));
        }
    }
}

fn put_edits(to: &mut Object<'_>, request: &HeaderEdits, response: &HeaderEdits) {
    for (key, edits) in [("request_headers", request), ("response_headers", response)] {
        let HeaderEdits { remove, set, add } = edits;
        if is_empty(edits) {
            continue;
        }
        to.object(key, |to| {
            if !remove.is_empty() {
                to.put("remove", texts(remove));
            }
            for (key, fields) in [("set", set), ("add", add)] {
                if !fields.is_empty() {
                    to.object(key, |to| {
                        for (name, value) in fields {
                            to.put(name, values::show_template(value));
                        }
                    });
                }
            }
        });
    }
}

fn is_empty(HeaderEdits { remove, set, add }: &HeaderEdits) -> bool {
    remove.is_empty() && set.is_empty() && add.is_empty()
}

fn texts(texts: &[Box<str>]) -> Value {
    texts.iter().map(|text| &**text).collect()
}
