//! `[[routes.NAME]]`: a route, its split and its direct response.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use super::fields::EDITS;
use super::key::{Default, Form, Key, Place, Section, Value, Within};
use super::matching::{MATCH, Match};
use super::target::{REDIRECT, REWRITE, Target};
use super::{Item, Name};
use crate::document::Wrong;
use crate::snapshot::HeaderEdits;
use crate::values;

/// One of `[[routes.NAME]]`.
#[derive(Debug, Clone, Default)]
pub(crate) struct Route {
    pub(crate) name: Option<Name>,
    pub(crate) hosts: Vec<Box<str>>,
    pub(crate) matching: Option<Item<Match>>,
    pub(crate) upstream: Option<Name>,
    pub(crate) split: Vec<Item<Branch>>,
    pub(crate) redirect: Option<Item<Target>>,
    pub(crate) respond: Option<Item<Respond>>,
    pub(crate) rewrite: Option<Item<Target>>,
    pub(crate) timeout: Option<Duration>,
    pub(crate) idle_timeout: Option<Duration>,
    pub(crate) request_headers: HeaderEdits,
    pub(crate) response_headers: HeaderEdits,
}

/// One of `split`.
#[derive(Debug, Clone, Default)]
pub(crate) struct Branch {
    pub(crate) upstream: Option<Name>,
    pub(crate) weight: u32,
    pub(crate) request_headers: HeaderEdits,
    pub(crate) response_headers: HeaderEdits,
}

/// `respond`
#[derive(Debug, Clone)]
pub(crate) struct Respond {
    pub(crate) status: u16,
    pub(crate) body: Arc<[u8]>,
}

/// Bytes of a direct response.
const BODY_BYTES_MAX: usize = 64 << 10;
const HOUR: u64 = 3_600_000;

/// One of `[[routes.NAME]]`.
pub(crate) static ROUTE: Section<Route> = Section {
    what: "a route",
    blank: Route::default,
    defaults: OnceLock::new(),
    keys: &[
        Key {
            name: "name",
            value: Value::Text(Form::Name, |route, word| {
                route.name = Some(word.name()?);
                Ok(())
            }),
            default: Default::None,
            doc: "Unique in its table; it stands in metrics and logs, where routes of one \
                  name are one. Unless written: `TABLE[n]`.",
        },
        Key {
            name: "host",
            value: Value::OneOrMore(Form::Host, |route, word| {
                route.hosts.push(values::host(word.text)?);
                Ok(())
            }),
            default: Default::None,
            doc: "The hosts that it serves: `shop.example`, `shop.example:8080`, `*.example`, \
                  `shop.*` or `*`, in any letter case; a port is ignored unless written. The most \
                  specific pattern wins. None written: `*`.",
        },
        Key {
            name: "match",
            value: Value::Nested(&Within {
                section: &MATCH,
                place: Place::Optional(|route: &mut Route| &mut route.matching),
            }),
            default: Default::None,
            doc: "Which requests of its hosts it takes. None written: all.",
        },
        Key {
            name: "upstream",
            value: Value::Text(Form::Name, |route, word| {
                route.upstream = Some(word.name()?);
                Ok(())
            }),
            default: Default::None,
            doc: "Forward to this upstream: the NAME of some `[upstreams.NAME]`. A route has one \
                  of `upstream`, `split`, `redirect` and `respond`.",
        },
        Key {
            name: "split",
            value: Value::Nested(&Within {
                section: &BRANCH,
                place: Place::Array(None, |route: &mut Route| &mut route.split),
            }),
            default: Default::None,
            doc: "Forward to one of several upstreams, at random by weight.",
        },
        Key {
            name: "redirect",
            value: Value::Nested(&Within {
                section: &REDIRECT,
                place: Place::Optional(|route: &mut Route| &mut route.redirect),
            }),
            default: Default::None,
            doc: "Answer with a redirect. What it does not name stays as the request had it.",
        },
        Key {
            name: "respond",
            value: Value::Nested(&Within {
                section: &RESPOND,
                place: Place::Optional(|route: &mut Route| &mut route.respond),
            }),
            default: Default::None,
            doc: "Answer with this, without any upstream.",
        },
        Key {
            name: "rewrite",
            value: Value::Nested(&Within {
                section: &REWRITE,
                place: Place::Optional(|route: &mut Route| &mut route.rewrite),
            }),
            default: Default::None,
            doc: "Change path or host before the request is forwarded.",
        },
        Key {
            name: "timeout",
            value: Value::DurationOrFalse(1..=24 * HOUR, |route, time| route.timeout = time),
            default: Default::Is("\"15s\""),
            doc: "From the whole request sent to the whole response received; then 504 `UT`. \
                  `false`: no limit.",
        },
        Key {
            name: "idle_timeout",
            value: Value::Duration(1..=24 * HOUR, |route, time| route.idle_timeout = Some(time)),
            default: Default::None,
            doc: "Within a request: how long no byte may move in either direction. Unless \
                  written: the listener's `stream_idle_timeout`.",
        },
        Key {
            name: "request_headers",
            value: Value::Nested(&Within {
                section: &EDITS,
                place: Place::Always(|route: &mut Route| &mut route.request_headers),
            }),
            default: Default::None,
            doc: "Changes to the request's headers, after those of the branch.",
        },
        Key {
            name: "response_headers",
            value: Value::Nested(&Within {
                section: &EDITS,
                place: Place::Always(|route: &mut Route| &mut route.response_headers),
            }),
            default: Default::None,
            doc: "Changes to the response's headers, after those of the branch.",
        },
    ],
};

/// One of `split`.
static BRANCH: Section<Branch> = Section {
    what: "a branch",
    blank: Branch::default,
    defaults: OnceLock::new(),
    keys: &[
        Key {
            name: "upstream",
            value: Value::Text(Form::Name, |branch, word| {
                branch.upstream = Some(word.name()?);
                Ok(())
            }),
            default: Default::Required,
            doc: "Where its share goes: the NAME of some `[upstreams.NAME]`.",
        },
        Key {
            name: "weight",
            value: Value::Count(0..=1_000_000, |branch, weight| branch.weight = weight as u32),
            default: Default::Is("1"),
            doc: "Its share, relative to the sum of all branches' weights.",
        },
        Key {
            name: "request_headers",
            value: Value::Nested(&Within {
                section: &EDITS,
                place: Place::Always(|branch: &mut Branch| &mut branch.request_headers),
            }),
            default: Default::None,
            doc: "Changes to the headers of requests that take this branch.",
        },
        Key {
            name: "response_headers",
            value: Value::Nested(&Within {
                section: &EDITS,
                place: Place::Always(|branch: &mut Branch| &mut branch.response_headers),
            }),
            default: Default::None,
            doc: "Changes to the headers of responses that came by this branch.",
        },
    ],
};

/// `respond`
static RESPOND: Section<Respond> = Section {
    what: "`respond`",
    blank: || Respond { status: 0, body: [].into() },
    defaults: OnceLock::new(),
    keys: &[
        Key {
            name: "status",
            value: Value::Count(200..=599, |respond, status| respond.status = status as u16),
            default: Default::Required,
            doc: "The status of the answer.",
        },
        Key {
            name: "body",
            value: Value::Text(Form::Body, |respond, word| {
                if word.text.len() > BODY_BYTES_MAX {
                    let wrong = format!("the body has {} bytes", word.text.len());
                    return Err(Wrong::new(wrong).help("a body has at most 64KiB"));
                }
                respond.body = word.text.as_bytes().into();
                Ok(())
            }),
            default: Default::Is("\"\""),
            doc: "The body, sent as `text/plain`; at most 64KiB.",
        },
    ],
};
