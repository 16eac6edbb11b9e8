//! `[upstreams.NAME]`, its `limits` and its endpoints.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use super::Item;
use super::key::{Default, Form, Key, Place, Section, Value, Within};
use crate::snapshot::{self, Address, Balance, Limits};
use crate::values;

/// One of `[upstreams.NAME]`.
#[derive(Debug, Clone)]
pub(crate) struct Upstream {
    pub(crate) endpoints: Vec<Item<Endpoint>>,
    /// All but name and endpoints.
    pub(crate) settings: snapshot::Upstream,
}

/// One endpoint, or its address alone.
#[derive(Debug, Clone)]
pub(crate) struct Endpoint {
    pub(crate) address: Option<Address>,
    pub(crate) weight: u32,
    pub(crate) zone: Option<Arc<str>>,
}

const HOUR: u64 = 3_600_000;

/// One of `[upstreams.NAME]`.
pub(crate) static UPSTREAM: Section<Upstream> = Section {
    what: "an upstream",
    blank,
    defaults: OnceLock::new(),
    keys: &[
        Key {
            name: "endpoints",
            value: Value::Nested(&Within {
                section: &ENDPOINT,
                place: Place::Array(Some("address"), |upstream: &mut Upstream| {
                    &mut upstream.endpoints
                }),
            }),
            default: Default::Required,
            doc: "The addresses among which requests are balanced; at least one.",
        },
        Key {
            name: "balance",
            value: Value::Choice(&[
                ("\"least-request\"", |it| it.settings.balance = Balance::LeastRequest),
                ("\"round-robin\"", |it| it.settings.balance = Balance::RoundRobin),
                ("\"random\"", |it| it.settings.balance = Balance::Random),
            ]),
            default: Default::Is("\"least-request\""),
            doc: "How an endpoint is chosen: the less loaded of two random ones, in turn by \
                  weight, or at random by weight.",
        },
        Key {
            name: "limits",
            value: Value::Nested(&Within {
                section: &LIMITS,
                place: Place::Always(|upstream: &mut Upstream| &mut upstream.settings.limits),
            }),
            default: Default::None,
            doc: "The circuit breaker. What exceeds it is answered with 503 `UO`.",
        },
        Key {
            name: "connect_timeout",
            value: Value::Duration(1..=HOUR, |it, time| it.settings.connect_timeout = time),
            default: Default::Is("\"1s\""),
            doc: "How long a connect may take.",
        },
        Key {
            name: "idle_timeout",
            value: Value::Duration(0..=24 * HOUR, |it, time| it.settings.idle_timeout = time),
            default: Default::Is("\"4s\""),
            doc: "How long a pooled connection may be idle before it is closed. Keep it below \
                  the application's own, or requests meet a closing connection.",
        },
        Key {
            name: "idle_per_core",
            value: Value::Count(0..=65_535, |it, count| it.settings.idle_per_core = count as usize),
            default: Default::Is("128"),
            doc: "Idle connections kept per worker and endpoint; 0 keeps none.",
        },
        Key {
            name: "requests_per_connection",
            value: Value::CountOr("false", 1..=1_000_000_000, |it, count| {
                it.settings.requests_per_connection = count;
            }),
            default: Default::Is("false"),
            doc: "Requests on one connection before it is closed; `false`: no limit.",
        },
        Key {
            name: "pending_timeout",
            value: Value::Duration(1..=HOUR, |it, time| it.settings.pending_timeout = time),
            default: Default::Is("\"1s\""),
            doc: "How long a request waits for a connection when `limits.connections` are in use.",
        },
        Key {
            name: "head_max",
            value: Value::Size(1 << 10..=1 << 20, |it, bytes| it.settings.head_bytes_max = bytes),
            default: Default::Is("\"60KiB\""),
            doc: "Bytes of a response's head; a larger one is answered with 502 `UPE`.",
        },
        Key {
            name: "fields_max",
            value: Value::Count(1..=256, |it, count| it.settings.fields_max = count as usize),
            default: Default::Is("100"),
            doc: "Header fields of a response; more are answered with 502 `UPE`.",
        },
    ],
};

/// `limits` of an upstream.
static LIMITS: Section<Limits> = Section {
    what: "`limits`",
    blank: || Limits { connections: 0, pending: 0, requests: 0 },
    defaults: OnceLock::new(),
    keys: &[
        Key {
            name: "connections",
            value: Value::Count(1..=1_000_000, |limits, count| limits.connections = count as u32),
            default: Default::Is("1024"),
            doc: "Connections at once, over all workers: each has its share of this and of the two \
                  below.",
        },
        Key {
            name: "pending",
            value: Value::Count(0..=1_000_000, |limits, count| limits.pending = count as u32),
            default: Default::Is("1024"),
            doc: "Requests that wait for a connection; with 0 none waits.",
        },
        Key {
            name: "requests",
            value: Value::Count(1..=1_000_000, |limits, count| limits.requests = count as u32),
            default: Default::Is("1024"),
            doc: "Requests in flight.",
        },
    ],
};

/// One of `endpoints`.
static ENDPOINT: Section<Endpoint> = Section {
    what: "an endpoint",
    blank: || Endpoint { address: None, weight: 0, zone: None },
    defaults: OnceLock::new(),
    keys: &[
        Key {
            name: "address",
            value: Value::Text(Form::Address, |endpoint, word| {
                endpoint.address = Some(values::endpoint(word.text)?);
                Ok(())
            }),
            default: Default::Required,
            doc: "Where it listens. Host names are not resolved.",
        },
        Key {
            name: "weight",
            value: Value::Count(1..=65_535, |endpoint, weight| endpoint.weight = weight as u32),
            default: Default::Is("1"),
            doc: "Its share of the load, relative to the other endpoints' weights.",
        },
        Key {
            name: "zone",
            value: Value::Text(Form::Name, |endpoint, word| {
                endpoint.zone = Some(values::name(word.text)?);
                Ok(())
            }),
            default: Default::None,
            doc: "The zone it runs in. Carried, not yet used.",
        },
    ],
};

fn blank() -> Upstream {
    let settings = snapshot::Upstream {
        name: "".into(),
        endpoints: Vec::new(),
        balance: Balance::LeastRequest,
        limits: *LIMITS.defaults(),
        connect_timeout: Duration::ZERO,
        idle_timeout: Duration::ZERO,
        idle_per_core: 0,
        requests_per_connection: None,
        pending_timeout: Duration::ZERO,
        head_bytes_max: 0,
        fields_max: 0,
    };
    Upstream { endpoints: Vec::new(), settings }
}
