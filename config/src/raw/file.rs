//! The file as a whole: its top-level keys.

use std::sync::OnceLock;

use super::access_log::{ACCESS_LOG, AccessLog};
use super::key::{Default, Key, Place, Section, Value, Within};
use super::listener::{LISTENER, Listener};
use super::process::{ADMIN, Admin, METRICS, PROCESS};
use super::route::{ROUTE, Route};
use super::upstream::{UPSTREAM, Upstream};
use super::{Item, Named};
use crate::snapshot::{Metrics, Process};

/// What the user wrote.
#[derive(Debug, Clone)]
pub(crate) struct File {
    pub(crate) process: Process,
    pub(crate) admin: Admin,
    pub(crate) access_log: Option<Item<AccessLog>>,
    pub(crate) metrics: Metrics,
    pub(crate) listeners: Vec<Item<Listener>>,
    /// Route tables by name, in the file's order.
    pub(crate) routes: Named<Vec<Item<Route>>>,
    /// By name, in the file's order.
    pub(crate) upstreams: Named<Item<Upstream>>,
}

/// The top level.
pub(crate) static FILE: Section<File> = Section {
    what: "the file",
    blank: || File {
        process: PROCESS.defaults().clone(),
        admin: ADMIN.defaults().clone(),
        access_log: None,
        metrics: METRICS.defaults().clone(),
        listeners: Vec::new(),
        routes: Vec::new(),
        upstreams: Vec::new(),
    },
    defaults: OnceLock::new(),
    keys: &[
        Key {
            name: "process",
            value: Value::Nested(&Within {
                section: &PROCESS,
                place: Place::Always(|file: &mut File| &mut file.process),
            }),
            default: Default::None,
            doc: "The process: its threads, its I/O engine, its end.",
        },
        Key {
            name: "admin",
            value: Value::Nested(&Within {
                section: &ADMIN,
                place: Place::Always(|file: &mut File| &mut file.admin),
            }),
            default: Default::None,
            doc: "The admin listener: readiness, metrics, reload.",
        },
        Key {
            name: "access_log",
            value: Value::Nested(&Within {
                section: &ACCESS_LOG,
                place: Place::Optional(|file: &mut File| &mut file.access_log),
            }),
            default: Default::None,
            doc: "The access log: a line for every request, or for some.",
        },
        Key {
            name: "metrics",
            value: Value::Nested(&Within {
                section: &METRICS,
                place: Place::Always(|file: &mut File| &mut file.metrics),
            }),
            default: Default::None,
            doc: "How much `/metrics` may hold.",
        },
        Key {
            name: "listeners",
            value: Value::Nested(&Within {
                section: &LISTENER,
                place: Place::Array(None, |file: &mut File| &mut file.listeners),
            }),
            default: Default::Required,
            doc: "Where connections are accepted.",
        },
        Key {
            name: "routes",
            value: Value::Nested(&Within {
                section: &ROUTE,
                place: Place::NamedArrays(|file: &mut File| &mut file.routes),
            }),
            default: Default::None,
            doc: "Route tables by name. Of the routes whose `host` fits best, the first that \
                  matches is taken; no route is 404.",
        },
        Key {
            name: "upstreams",
            value: Value::Nested(&Within {
                section: &UPSTREAM,
                place: Place::Named("[upstreams.NAME]", |file: &mut File| &mut file.upstreams),
            }),
            default: Default::None,
            doc: "Upstreams by name: where requests go.",
        },
    ],
};
