//! A snapshot in the words of the file: what `/config_dump` shows.
//!
//! Every key under its name and in its form, defaults filled in: a test over the key table finds
//! one that is forgotten here. A key that is not there means what its absence means in a file. Of
//! two ways to write the same it knows one: a split of one is an `upstream`.

mod object;
mod route;

use std::time::Duration;

use serde_json::Value;

use crate::access_log::{AccessLog, ENVOY, LineFilter, LineFormat};
use crate::snapshot::{
    Address, Admin, Balance, Direction, Endpoint, EscapedSlashes, HttpOptions, IoEngine, Limits,
    Listener, Metrics, Pin, Process, Snapshot, TableIx, Upstream,
};
use crate::values;
use object::Object;

/// The configuration as JSON, and before it the hash of its file. Written straight to the text: a
/// large configuration has no second tree.
pub fn dump(snapshot: &Snapshot) -> String {
    let Snapshot { hash, process, admin, access_log, metrics, listeners, tables, upstreams } =
        snapshot;
    let mut page = String::new();
    Object::lines(&mut page, |file| {
        file.put("hash", &**hash);
        file.object("process", |to| put_process(to, process));
        let Admin { listen } = admin;
        file.object("admin", |to| {
            to.put("listen", listen.as_ref().map_or(Value::from(false), address));
        });
        if let Some(log) = access_log {
            file.object("access_log", |to| put_access_log(to, log));
        }
        file.object("metrics", |to| put_metrics(to, metrics));
        file.array_of_lines("listeners", listeners, |to, one| put_listener(to, snapshot, one));
        file.object_of_lines("routes", |to| {
            for (slot, table) in (0..).zip(tables) {
                let Some(table) = table else { continue };
                let idle = idle_timeout(snapshot, TableIx(slot));
                to.array_of_lines(&table.name, &table.routes, |to, one| {
                    route::put(to, snapshot, one, idle);
                });
            }
        });
        file.object_of_lines("upstreams", |to| {
            for one in upstreams.iter().flatten() {
                to.object(&one.name, |to| put_upstream(to, one));
            }
        });
    });
    page.push('\n');
    page
}

fn put_process(to: &mut Object<'_>, process: &Process) {
    let Process { workers, io_engine, pin, max_connections, pre_drain, drain_timeout } = process;
    to.put("workers", workers.map_or(Value::from("auto"), Value::from));
    let engine = match io_engine {
        IoEngine::Auto => "auto",
        IoEngine::Uring => "uring",
        IoEngine::Epoll => "epoll",
    };
    to.put("io_engine", engine);
    let pin = match pin {
        Pin::Auto => Value::from("auto"),
        Pin::Always => Value::from(true),
        Pin::Never => Value::from(false),
    };
    to.put("pin", pin);
    to.put("max_connections", *max_connections);
    to.put("pre_drain", time(*pre_drain));
    to.put("drain_timeout", time(*drain_timeout));
}

fn put_access_log(to: &mut Object<'_>, log: &AccessLog) {
    let AccessLog { path, format, filter } = log;
    to.put("path", path.display().to_string());
    match format {
        LineFormat::Text { written, .. } if **written == *ENVOY => to.put("format", "envoy"),
        LineFormat::Text { written, .. } => to.put("format", &**written),
        LineFormat::Json(members) => {
            to.put("format", "json");
            to.object("json_fields", |to| {
                for member in members {
                    to.put(&member.name, values::show_template(&member.value));
                }
            });
        }
    }
    let LineFilter { status_min, duration_min, flags, sample } = filter;
    to.put_some("status_min", *status_min);
    to.put_some("duration_min", duration_min.map(time));
    to.put("flags", *flags);
    to.put_some("sample", *sample);
}

fn put_metrics(to: &mut Object<'_>, metrics: &Metrics) {
    let Metrics { series_max, idle_expiry } = metrics;
    to.put("max_series", *series_max);
    to.put("idle_expiry", time_or_false(*idle_expiry));
}

fn put_listener(to: &mut Object<'_>, snapshot: &Snapshot, listener: &Listener) {
    let Listener { name, direction, listen, table, backlog, max_connections, access_log, http } =
        listener;
    to.put("name", &**name);
    let direction = match direction {
        Direction::Inbound => "inbound",
        Direction::Outbound => "outbound",
    };
    to.put("direction", direction);
    to.put("listen", address(listen));
    to.put("routes", &*snapshot.table(*table).name);
    to.put("backlog", *backlog);
    to.put("max_connections", *max_connections);
    to.put("access_log", *access_log);
    put_http(to, http);
}

fn put_http(to: &mut Object<'_>, http: &HttpOptions) {
    let HttpOptions { head_bytes_max, fields_max, target_bytes_max, head_timeout, .. } = http;
    let HttpOptions { idle_timeout, stream_idle_timeout, merge_slashes, .. } = http;
    to.put("head_max", size(*head_bytes_max));
    to.put("fields_max", *fields_max);
    to.put("target_max", size(*target_bytes_max));
    to.put("head_timeout", time(*head_timeout));
    to.put("idle_timeout", time(*idle_timeout));
    to.put("stream_idle_timeout", time(*stream_idle_timeout));
    to.put("merge_slashes", *merge_slashes);
    let escaped = match http.escaped_slashes {
        EscapedSlashes::Keep => "keep",
        EscapedSlashes::Reject => "reject",
        EscapedSlashes::Unescape => "unescape",
    };
    to.put("escaped_slashes", escaped);
    to.put("via", http.via.as_deref().map_or(Value::from(false), Value::from));
    to.put("trust_peer", http.trust_peer);
    to.put("request_id", http.request_id);
    to.put("forwarded", http.forwarded);
}

fn put_upstream(to: &mut Object<'_>, upstream: &Upstream) {
    let Upstream { name: _, endpoints, balance, limits, connect_timeout, idle_timeout, .. } =
        upstream;
    to.array("endpoints", endpoints, |to, Endpoint { address: at, weight, zone }| {
        to.put("address", address(at));
        to.put("weight", *weight);
        to.put_some("zone", zone.as_deref());
    });
    let balance = match balance {
        Balance::RoundRobin => "round-robin",
        Balance::LeastRequest => "least-request",
        Balance::Random => "random",
    };
    to.put("balance", balance);
    let Limits { connections, pending, requests } = *limits;
    to.object("limits", |to| {
        to.put("connections", connections);
        to.put("pending", pending);
        to.put("requests", requests);
    });
    to.put("connect_timeout", time(*connect_timeout));
    to.put("idle_timeout", time(*idle_timeout));
    to.put("idle_per_core", upstream.idle_per_core);
    let requests = upstream.requests_per_connection;
    to.put("requests_per_connection", requests.map_or(Value::from(false), Value::from));
    to.put("pending_timeout", time(upstream.pending_timeout));
    to.put("head_max", size(upstream.head_bytes_max));
    to.put("fields_max", upstream.fields_max);
}

/// What a route of this table has for `idle_timeout` that says nothing of it. `None` if it depends
/// on the listener, or if no listener leads there.
fn idle_timeout(snapshot: &Snapshot, table: TableIx) -> Option<Duration> {
    let mut those = snapshot.listeners.iter().filter(|listener| listener.table == table);
    let first = those.next()?.http.stream_idle_timeout;
    those.all(|other| other.http.stream_idle_timeout == first).then_some(first)
}

fn time(time: Duration) -> String {
    values::show_duration(u64::try_from(time.as_millis()).unwrap_or(u64::MAX))
}

fn time_or_false(limit: Option<Duration>) -> Value {
    limit.map_or(Value::from(false), |limit| Value::from(time(limit)))
}

fn size(bytes: usize) -> String {
    values::show_size(bytes as u64)
}

fn address(address: &Address) -> Value {
    Value::from(address.to_string())
}
