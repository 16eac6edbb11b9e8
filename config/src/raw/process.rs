//! `[process]`, `[admin]` and `[metrics]`.

use std::sync::OnceLock;
use std::time::Duration;

use super::At;
use super::key::{Default, Form, Key, Section, Value};
use crate::snapshot::{Address, IoEngine, Metrics, Pin, Process};
use crate::values;

const SECOND: u64 = 1_000;
const MINUTE: u64 = 60 * SECOND;
const HOUR: u64 = 60 * MINUTE;

/// `[process]`
pub(crate) static PROCESS: Section<Process> = Section {
    what: "`process`",
    blank: || Process {
        workers: None,
        io_engine: IoEngine::Auto,
        pin: Pin::Auto,
        max_connections: 0,
        pre_drain: Duration::ZERO,
        drain_timeout: Duration::ZERO,
    },
    defaults: OnceLock::new(),
    keys: &[
        Key {
            name: "workers",
            value: Value::CountOr("\"auto\"", 1..=1024, |process, workers| {
                process.workers = workers.map(|workers| workers as usize);
            }),
            default: Default::Is("\"auto\""),
            doc: "Worker threads. `\"auto\"`: the CPU limit of the cgroup, rounded up, within the \
                  affinity mask. A change needs a restart.",
        },
        Key {
            name: "io_engine",
            value: Value::Choice(&[
                ("\"auto\"", |process| process.io_engine = IoEngine::Auto),
                ("\"uring\"", |process| process.io_engine = IoEngine::Uring),
                ("\"epoll\"", |process| process.io_engine = IoEngine::Epoll),
            ]),
            default: Default::Is("\"auto\""),
            doc: "How the workers do I/O. `\"auto\"`: io_uring where the kernel and the container \
                  allow it, else epoll; `\"uring\"`: io_uring or no start. A change needs a \
                  restart.",
        },
        Key {
            name: "pin",
            value: Value::Choice(&[
                ("\"auto\"", |process| process.pin = Pin::Auto),
                ("true", |process| process.pin = Pin::Always),
                ("false", |process| process.pin = Pin::Never),
            ]),
            default: Default::Is("\"auto\""),
            doc: "Bind each worker to one CPU. `\"auto\"`: when the workers fill the affinity \
                  mask. A change needs a restart.",
        },
        Key {
            name: "max_connections",
            value: Value::Count(1..=10_000_000, |process, count| {
                process.max_connections = count as usize;
            }),
            default: Default::Is("50000"),
            doc: "Connections from downstream at once, over all listeners; the admin listener is \
                  exempt.",
        },
        Key {
            name: "pre_drain",
            value: Value::Duration(0..=10 * MINUTE, |process, time| process.pre_drain = time),
            default: Default::Is("\"5s\""),
            doc: "After SIGTERM: how long the process serves as before while `/ready` is already \
                  red, so that load balancers can look elsewhere.",
        },
        Key {
            name: "drain_timeout",
            value: Value::Duration(0..=60 * MINUTE, |process, time| process.drain_timeout = time),
            default: Default::Is("\"20s\""),
            doc: "After `pre_drain`: how long requests in flight may take before the process ends \
                  anyway.",
        },
    ],
};

/// `[admin]`
#[derive(Debug, Clone)]
pub(crate) struct Admin {
    pub(crate) listen: Option<At<Address>>,
}

/// `[admin]`
pub(crate) static ADMIN: Section<Admin> = Section {
    what: "`admin`",
    blank: || Admin { listen: None },
    defaults: OnceLock::new(),
    keys: &[Key {
        name: "listen",
        value: Value::TextOrFalse(Form::Address, |admin, word| {
            admin.listen = None;
            if let Some(word) = word {
                admin.listen = Some(At { span: word.span, value: values::listen(word.text)? });
            }
            Ok(())
        }),
        default: Default::Is("\"127.0.0.1:9901\""),
        doc: "Where the admin listener answers; `false` switches it off.",
    }],
};

/// `[metrics]`
pub(crate) static METRICS: Section<Metrics> = Section {
    what: "`metrics`",
    blank: || Metrics { series_max: 0, idle_expiry: None },
    defaults: OnceLock::new(),
    keys: &[
        Key {
            name: "max_series",
            value: Value::Count(100..=1_000_000, |metrics, count| {
                metrics.series_max = count as usize;
            }),
            default: Default::Is("10000"),
            doc: "Lines of `/metrics` about traffic at most, a histogram counting as its buckets. \
                  What finds no room is counted in `outrigger_series_dropped_total`.",
        },
        Key {
            name: "idle_expiry",
            value: Value::DurationOrFalse(SECOND..=24 * HOUR, |metrics, time| {
                metrics.idle_expiry = time;
            }),
            default: Default::Is("\"1h\""),
            doc: "Series of listeners, routes and upstreams that the file has no more are \
                  forgotten once they did not change for so long; others only when half of \
                  `max_series` is taken. `false`: never.",
        },
    ],
};
