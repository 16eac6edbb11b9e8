//! A route table and its routes: exactly one action each, and upstreams that exist.

use std::collections::HashMap;
use std::sync::Arc;

use super::slots::Slots;
use super::{hosts, reach, target};
use crate::document::{Findings, Span, Wrong};
use crate::pattern::{HeaderMatch, PathMatch, QueryMatch, ValueMatch};
use crate::raw::matching::{Condition, Match};
use crate::raw::route::{Respond as RawRespond, Route as Raw};
use crate::raw::{Item, Name};
use crate::snapshot::{
    Action, Branch, Forward, HeaderEdits, Respond, Route, RouteTable, Upstream, UpstreamIx,
};
use crate::values::quote;

/// The routes of one name. Those with errors are left out.
pub(super) fn table(
    name: &Name,
    items: Vec<Item<Raw>>,
    upstreams: &mut Slots<'_, Upstream>,
    errors: &mut Findings,
    warnings: &mut Findings,
) -> RouteTable {
    let mut names: HashMap<Arc<str>, Span> = HashMap::new();
    let mut routes = Vec::with_capacity(items.len());
    let mut spans = Vec::with_capacity(items.len());
    for (n, item) in items.into_iter().enumerate() {
        if let Some(name) = &item.value.name
            && names.insert(name.text.clone(), name.span).is_some()
        {
            let wrong = format!("this table has another route {}", quote(&name.text));
            errors.push(name.span, Wrong::new(wrong).help("give one of them another name"));
        }
        let targets = [&item.value.rewrite, &item.value.redirect];
        for target in targets.into_iter().flatten() {
            target::warn_of_dollar(&target.value, warnings);
        }
        let span = item.span;
        if let Some(route) = route(&name.text, n, item, upstreams, errors) {
            routes.push(route);
            spans.push(span);
        }
    }
    let hosts = hosts::index(&routes);
    let table = RouteTable { name: name.text.clone(), routes, hosts };
    if errors.count() == 0 {
        reach::warn_unreachable(&table, &spans, warnings);
    }
    table
}

fn route(
    table: &str,
    n: usize,
    item: Item<Raw>,
    upstreams: &mut Slots<'_, Upstream>,
    errors: &mut Findings,
) -> Option<Route> {
    let Item { span, sound, value: mut raw } = item;
    let unmatched = || Item { span, sound: true, value: Match::default() };
    let matching = raw.matching.take().unwrap_or_else(unmatched);
    let path = path(&matching, errors);
    let action = action(&raw, span, sound, &path, upstreams, errors);
    let (headers, query) = (matching.value.headers, matching.value.query);
    let headers = headers.into_iter().map(|item| {
        let value = comparison(&item, errors);
        HeaderMatch { name: item.value.name, value, invert: item.value.invert }
    });
    let headers = headers.collect();
    let query = query.into_iter().map(|item| {
        let value = comparison(&item, errors);
        QueryMatch { name: item.value.name, value }
    });
    Some(Route {
        name: raw.name.map_or_else(|| format!("{table}[{n}]").into(), |name| name.text),
        hosts: raw.hosts,
        path,
        methods: matching.value.methods,
        headers,
        query: query.collect(),
        action: action?,
        timeout: raw.timeout,
        idle_timeout: raw.idle_timeout,
        request_headers: raw.request_headers,
        response_headers: raw.response_headers,
    })
}

/// The one path condition; none is the prefix `/`.
fn path(matching: &Item<Match>, errors: &mut Findings) -> PathMatch {
    if matching.value.paths.len() > 1 {
        let wrong = Wrong::new("`match` compares the path once");
        let help = "keep one of `path`, `prefix`, `segment` and `regex`";
        errors.push(matching.span, wrong.help(help));
    }
    matching.value.paths.first().cloned().unwrap_or(PathMatch::Prefix("/".into()))
}

/// The one comparison of a condition; none is `present`.
fn comparison(item: &Item<Condition>, errors: &mut Findings) -> ValueMatch {
    if item.value.values.len() > 1 {
        let wrong = Wrong::new("a condition compares once");
        let help = "keep one comparison, or write a condition of its own for each";
        errors.push(item.span, wrong.help(help));
    }
    item.value.values.first().cloned().unwrap_or(ValueMatch::Present)
}

/// The one action. `None` if that is not what was written; then an error says so.
fn action(
    raw: &Raw,
    span: Span,
    sound: bool,
    matched: &PathMatch,
    upstreams: &mut Slots<'_, Upstream>,
    errors: &mut Findings,
) -> Option<Action> {
    let written = [
        ("upstream", raw.upstream.is_some()),
        ("split", !raw.split.is_empty()),
        ("redirect", raw.redirect.is_some()),
        ("respond", raw.respond.is_some()),
    ];
    let written: Vec<&str> = written.iter().filter(|it| it.1).map(|it| it.0).collect();
    if written.len() > 1 {
        let wrong = format!("a route does one thing, this one has {}", written.join(", "));
        errors.push(span, Wrong::new(wrong).help("keep one of them, or make several routes"));
    } else if written.is_empty() && sound {
        let wrong = Wrong::new("this route does nothing");
        errors.push(span, wrong.help("give it one of `upstream`, `split`, `redirect`, `respond`"));
    }
    let forward = forward(raw, matched, upstreams, errors);
    if let (Some(rewrite), None) = (&raw.rewrite, &forward)
        && (raw.redirect.is_some() || raw.respond.is_some())
    {
        let wrong = Wrong::new("`rewrite` goes with `upstream` or `split` only");
        errors.push(rewrite.span, wrong.help("a redirect has `host`, `path`, … of its own"));
    }
    if let Some(item) = &raw.redirect {
        return Some(Action::Redirect(target::redirect(item, matched, errors)));
    }
    if let Some(item) = &raw.respond {
        return Some(Action::Respond(respond(item, errors)));
    }
    forward.map(Action::Forward)
}

fn respond(item: &Item<RawRespond>, errors: &mut Findings) -> Respond {
    let RawRespond { status, body } = &item.value;
    if matches!(status, 204 | 205 | 304) && !body.is_empty() {
        let wrong = format!("a response {status} has no body (RFC 9110 §15)");
        errors.push(item.span, Wrong::new(wrong).help("leave out `body`, or change `status`"));
    }
    Respond { status: *status, body: body.clone() }
}

/// The upstreams to choose from, if there are any and all exist.
fn forward(
    raw: &Raw,
    matched: &PathMatch,
    upstreams: &mut Slots<'_, Upstream>,
    errors: &mut Findings,
) -> Option<Forward> {
    let mut split = Vec::new();
    if let Some(name) = &raw.upstream {
        split.extend(upstreams.resolve(name, errors).map(|slot| Branch {
            upstream: UpstreamIx(slot),
            weight: 1,
            request_headers: HeaderEdits::default(),
            response_headers: HeaderEdits::default(),
        }));
    }
    for item in &raw.split {
        let branch = &item.value;
        let slot = branch.upstream.as_ref().and_then(|name| upstreams.resolve(name, errors));
        split.extend(slot.map(|slot| Branch {
            upstream: UpstreamIx(slot),
            weight: branch.weight,
            request_headers: branch.request_headers.clone(),
            response_headers: branch.response_headers.clone(),
        }));
    }
    let total_weight = raw.split.iter().map(|item| u64::from(item.value.weight)).sum::<u64>();
    if let (Some(first), 0) = (raw.split.first(), total_weight) {
        let wrong = Wrong::new("the weights of this split sum up to 0");
        errors.push(first.span, wrong.help("one branch at least must have a weight"));
    }
    let total_weight = match u32::try_from(total_weight) {
        Ok(total) => total.max(1),
        Err(_) => {
            let wrong = format!("the weights of this split sum up to {total_weight}");
            errors
                .push(raw.split[0].span, Wrong::new(wrong).help("at most 4294967295 is possible"));
            1
        }
    };
    let rewrite = raw.rewrite.as_ref();
    let path = rewrite.and_then(|rewrite| target::rewrite(rewrite, matched, errors));
    let host = rewrite.and_then(|rewrite| rewrite.value.host.clone());
    (!split.is_empty()).then_some(Forward { split, total_weight, path, host })
}
