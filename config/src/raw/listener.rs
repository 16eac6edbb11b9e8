//! `[[listeners]]`

use std::sync::OnceLock;
use std::time::Duration;

use super::key::{Default, Form, Key, Section, Value};
use super::{At, Name};
use crate::snapshot::{Address, Direction, EscapedSlashes, HttpOptions};
use crate::values;

/// One of `[[listeners]]`.
#[derive(Debug, Clone)]
pub(crate) struct Listener {
    pub(crate) name: Option<Name>,
    pub(crate) direction: Direction,
    pub(crate) listen: Option<At<Address>>,
    pub(crate) routes: Option<Name>,
    pub(crate) backlog: u32,
    pub(crate) max_connections: usize,
    pub(crate) access_log: bool,
    /// `trust_peer` is here only if it was written.
    pub(crate) trust_peer: Option<bool>,
    /// All but `trust_peer`.
    pub(crate) http: HttpOptions,
}

const SECOND: u64 = 1000;
const HOUR: u64 = 3600 * SECOND;

/// One of `[[listeners]]`.
pub(crate) static LISTENER: Section<Listener> = Section {
    what: "a listener",
    blank,
    defaults: OnceLock::new(),
    keys: &[
        Key {
            name: "name",
            value: Value::Text(Form::Name, |listener, word| {
                listener.name = Some(word.name()?);
                Ok(())
            }),
            default: Default::Required,
            doc: "Unique; it stands in metrics and logs.",
        },
        Key {
            name: "direction",
            value: Value::Choice(&[
                ("\"inbound\"", |listener| listener.direction = Direction::Inbound),
                ("\"outbound\"", |listener| listener.direction = Direction::Outbound),
            ]),
            default: Default::Is("\"inbound\""),
            doc: "`\"inbound\"`: traffic to the local application; `\"outbound\"`: traffic from \
                  it. Trust and metrics follow it.",
        },
        Key {
            name: "listen",
            value: Value::Text(Form::Address, |listener, word| {
                let value = values::listen(word.text)?;
                listener.listen = Some(At { span: word.span, value });
                Ok(())
            }),
            default: Default::Required,
            doc: "Where it accepts. Port 0 lets the kernel choose.",
        },
        Key {
            name: "routes",
            value: Value::Text(Form::Name, |listener, word| {
                listener.routes = Some(word.name()?);
                Ok(())
            }),
            default: Default::Required,
            doc: "The route table of its requests: the NAME of some `[[routes.NAME]]`.",
        },
        Key {
            name: "backlog",
            value: Value::Count(1..=65_535, |listener, count| listener.backlog = count as u32),
            default: Default::Is("1024"),
            doc: "Connections that the kernel holds until they are accepted (listen(2)).",
        },
        Key {
            name: "max_connections",
            value: Value::Count(1..=10_000_000, |listener, count| {
                listener.max_connections = count as usize;
            }),
            default: Default::Is("50000"),
            doc: "Connections at once, over all workers. One more is closed at once, and counted.",
        },
        Key {
            name: "access_log",
            value: Value::Bool(|listener, on| listener.access_log = on),
            default: Default::Is("true"),
            doc: "Whether its requests are in the [access log](#access_log), if there is one.",
        },
        Key {
            name: "head_max",
            value: Value::Size(1 << 10..=1 << 20, |listener, bytes| {
                listener.http.head_bytes_max = bytes;
            }),
            default: Default::Is("\"60KiB\""),
            doc: "Bytes of a request's head; a larger one is answered with 431.",
        },
        Key {
            name: "fields_max",
            value: Value::Count(1..=256, |listener, count| {
                listener.http.fields_max = count as usize;
            }),
            default: Default::Is("100"),
            doc: "Header fields of a request; more are answered with 431.",
        },
        Key {
            name: "target_max",
            value: Value::Size(64..=1 << 20, |listener, bytes| {
                listener.http.target_bytes_max = bytes;
            }),
            default: Default::Is("\"8KiB\""),
            doc: "Bytes of a request's target (path and query); a longer one is answered with 414.",
        },
        Key {
            name: "head_timeout",
            value: Value::Duration(1..=HOUR, |listener, time| listener.http.head_timeout = time),
            default: Default::Is("\"10s\""),
            doc: "From the first byte of a request's head to its last.",
        },
        Key {
            name: "idle_timeout",
            value: Value::Duration(1..=24 * HOUR, |listener, time| {
                listener.http.idle_timeout = time;
            }),
            default: Default::Is("\"1h\""),
            doc: "Between two requests of a connection; then it is closed.",
        },
        Key {
            name: "stream_idle_timeout",
            value: Value::Duration(1..=24 * HOUR, |listener, time| {
                listener.http.stream_idle_timeout = time;
            }),
            default: Default::Is("\"5m\""),
            doc: "Within a request: how long no byte may move in either direction.",
        },
        Key {
            name: "merge_slashes",
            value: Value::Bool(|listener, on| listener.http.merge_slashes = on),
            default: Default::Is("false"),
            doc: "Make `//` in a path one `/` before anything is decided.",
        },
        Key {
            name: "escaped_slashes",
            value: Value::Choice(&[
                ("\"keep\"", |listener| listener.http.escaped_slashes = EscapedSlashes::Keep),
                ("\"reject\"", |listener| listener.http.escaped_slashes = EscapedSlashes::Reject),
                ("\"unescape\"", |listener| {
                    listener.http.escaped_slashes = EscapedSlashes::Unescape;
                }),
            ]),
            default: Default::Is("\"keep\""),
            doc: "A path with `%2f` or `%5c` in it: `\"keep\"` it as it is, `\"reject\"` it with \
                  400, or `\"unescape\"` it to a slash before anything is decided.",
        },
        Key {
            name: "via",
            value: Value::TextOrFalse(Form::Pseudonym, |listener, word| {
                listener.http.via = word.map(|word| values::pseudonym(word.text)).transpose()?;
                Ok(())
            }),
            default: Default::Is("false"),
            doc: "Add `Via` with this name to requests and responses (RFC 9110 §7.6.3).",
        },
        Key {
            name: "trust_peer",
            value: Value::Bool(|listener, on| listener.trust_peer = Some(on)),
            default: Default::None,
            doc: "Keep the `x-forwarded-*`, `x-envoy-*` and `x-request-id` that a request came \
                  with; otherwise they are stripped. Unless written: true for `\"outbound\"`, \
                  false for `\"inbound\"`.",
        },
        Key {
            name: "request_id",
            value: Value::Bool(|listener, on| listener.http.request_id = on),
            default: Default::Is("true"),
            doc: "Make an `x-request-id` where a request has none.",
        },
        Key {
            name: "forwarded",
            value: Value::Bool(|listener, on| listener.http.forwarded = on),
            default: Default::Is("false"),
            doc: "Append the peer's address to `X-Forwarded-For`, and set `X-Forwarded-Proto`.",
        },
    ],
};

fn blank() -> Listener {
    Listener {
        name: None,
        direction: Direction::Inbound,
        listen: None,
        routes: None,
        backlog: 0,
        max_connections: 0,
        access_log: false,
        trust_peer: None,
        http: HttpOptions {
            head_bytes_max: 0,
            fields_max: 0,
            target_bytes_max: 0,
            head_timeout: Duration::ZERO,
            idle_timeout: Duration::ZERO,
            stream_idle_timeout: Duration::ZERO,
            merge_slashes: false,
            escaped_slashes: EscapedSlashes::Keep,
            via: None,
            trust_peer: false,
            request_id: false,
            forwarded: false,
        },
    }
}
