//! `/config_dump`: the configuration in force as JSON, every default filled in. It shows what the
//! proxy does, not what the file says; it is no input format.

use config::Snapshot;
use config::access_log::{AccessLog, LineFilter, LineFormat};
use config::snapshot::{Action, Branch, Endpoint, Forward, HttpOptions};
use config::snapshot::{Listener, Metrics, Process, Route, RouteTable, Upstream};
use serde_json::{Value, json};

/// One line for each listener, route and upstream: a large configuration is never held as a tree.
pub(super) fn render(snapshot: &Snapshot) -> String {
    let mut page = String::from("{\n");
    line(&mut page, "hash", &json!(*snapshot.hash));
    line(&mut page, "process", &process(&snapshot.process));
    line(&mut page, "admin", &json!(snapshot.admin.listen.as_ref().map(ToString::to_string)));
    line(&mut page, "access_log", &json!(snapshot.access_log.as_deref().map(access_log)));
    line(&mut page, "metrics", &metrics(&snapshot.metrics));
    page.push_str("\"listeners\": [\n");
    list(&mut page, snapshot.listeners.iter().map(|one| listener(snapshot, one).to_string()));
    page.push_str("],\n\"routes\": {\n");
    let tables = snapshot.tables.iter().flatten();
    list(
        &mut page,
        tables.map(|one| format!("{}: [\n{}]", json!(*one.name), routes(snapshot, one))),
    );
    page.push_str("},\n\"upstreams\": {\n");
    let upstreams = snapshot.upstreams.iter().flatten();
    list(&mut page, upstreams.map(|one| format!("{}: {}", json!(*one.name), upstream(one))));
    page.push_str("}\n}\n");
    page
}

fn line(page: &mut String, key: &str, value: &Value) {
    page.push_str(&format!("\"{key}\": {value},\n"));
}

/// Each on a line of its own, a comma between them.
fn list(page: &mut String, items: impl Iterator<Item = String>) {
    let begin = page.len();
    for item in items {
        if page.len() > begin {
            page.insert(page.len() - 1, ',');
        }
        page.push_str(&item);
        page.push('\n');
    }
}

fn process(process: &Process) -> Value {
    let Process { workers, io_engine, pin, max_connections, pre_drain, drain_timeout } = process;
    json!({
        "workers": workers,
        "io_engine": words(io_engine),
        "pin": words(pin),
        "max_connections": max_connections,
        "pre_drain": words(pre_drain),
        "drain_timeout": words(drain_timeout),
    })
}

fn access_log(log: &AccessLog) -> Value {
    let AccessLog { path, format, filter } = log;
    let LineFilter { status_min, duration_min, flags, sample } = filter;
    json!({
        "path": path.display().to_string(),
        "format": match format {
            LineFormat::Text { written, .. } => json!(written),
            LineFormat::Json(members) => members.iter().map(|member| &*member.name).collect(),
        },
        "status_min": status_min,
        "duration_min": duration_min.as_ref().map(words),
        "flags": flags,
        "sample": sample,
    })
}

fn metrics(metrics: &Metrics) -> Value {
    let Metrics { series_max, idle_expiry } = metrics;
    json!({ "max_series": series_max, "idle_expiry": idle_expiry.as_ref().map(words) })
}

fn listener(snapshot: &Snapshot, listener: &Listener) -> Value {
    let Listener { name, direction, listen, table, backlog, max_connections, access_log, http } =
        listener;
    let mut dump = json!({
        "name": **name,
        "direction": words(direction),
        "listen": listen.to_string(),
        "routes": *snapshot.table(*table).name,
        "backlog": backlog,
        "max_connections": max_connections,
        "access_log": access_log,
    });
    let own = dump.as_object_mut().expect("made as an object");
    own.extend(http_options(http).as_object().expect("made as an object").clone());
    dump
}

fn http_options(http: &HttpOptions) -> Value {
    json!({
        "head_max": http.head_bytes_max,
        "fields_max": http.fields_max,
        "target_max": http.target_bytes_max,
        "head_timeout": words(&http.head_timeout),
        "idle_timeout": words(&http.idle_timeout),
        "stream_idle_timeout": words(&http.stream_idle_timeout),
        "merge_slashes": http.merge_slashes,
        "escaped_slashes": words(&http.escaped_slashes),
        "via": http.via.as_deref(),
        "trust_peer": http.trust_peer,
        "request_id": http.request_id,
    })
}

fn routes(snapshot: &Snapshot, table: &RouteTable) -> String {
    let mut lines = String::new();
    list(&mut lines, table.routes.iter().map(|one| route(snapshot, one).to_string()));
    lines
}

fn route(snapshot: &Snapshot, route: &Route) -> Value {
    json!({
        "name": *route.name,
        "hosts": route.hosts,
        "path": format!("{:?}", route.path),
        "methods": route.methods,
        "headers": route.headers.iter().map(|one| format!("{one:?}")).collect::<Value>(),
        "query": route.query.iter().map(|one| format!("{one:?}")).collect::<Value>(),
        "action": action(snapshot, &route.action),
        "timeout": route.timeout.as_ref().map(words),
        "idle_timeout": route.idle_timeout.as_ref().map(words),
    })
}

fn action(snapshot: &Snapshot, action: &Action) -> Value {
    match action {
        Action::Forward(forward) => json!({ "forward": split(snapshot, forward) }),
        Action::Redirect(redirect) => json!({ "redirect": {
            "status": redirect.status,
            "scheme": redirect.scheme.as_deref(),
            "host": redirect.host.as_deref(),
            "path": redirect.path.as_ref().map(|path| format!("{path:?}")),
            "strip_query": redirect.strip_query,
        }}),
        Action::Respond(respond) => json!({ "respond": {
            "status": respond.status,
            "body_bytes": respond.body.len(),
        }}),
    }
}

fn split(snapshot: &Snapshot, forward: &Forward) -> Value {
    forward.split.iter().map(|one| branch(snapshot, one)).collect()
}

fn branch(snapshot: &Snapshot, branch: &Branch) -> Value {
    json!({
        "upstream": *snapshot.upstream(branch.upstream).name,
        "weight": branch.weight,
    })
}

fn endpoint(endpoint: &Endpoint) -> Value {
    json!({
        "address": endpoint.address.to_string(),
        "weight": endpoint.weight,
        "zone": endpoint.zone.as_deref(),
    })
}

fn upstream(upstream: &Upstream) -> Value {
    json!({
        "endpoints": upstream.endpoints.iter().map(endpoint).collect::<Value>(),
        "balance": words(&upstream.balance),
        "limits": {
            "connections": upstream.limits.connections,
            "pending": upstream.limits.pending,
            "requests": upstream.limits.requests,
        },
        "connect_timeout": words(&upstream.connect_timeout),
        "idle_timeout": words(&upstream.idle_timeout),
        "idle_per_core": upstream.idle_per_core,
        "requests_per_connection": upstream.requests_per_connection,
        "pending_timeout": words(&upstream.pending_timeout),
        "head_max": upstream.head_bytes_max,
        "fields_max": upstream.fields_max,
    })
}

/// As Rust's `Debug` writes it, in lower case: `15s`, `leastrequest`.
fn words(value: &impl std::fmt::Debug) -> String {
    format!("{value:?}").to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_dump_is_json_and_shows_what_was_not_written() {
        let text = "[[listeners]]\nname = \"in\"\nlisten = \"127.0.0.1:1\"\nroutes = \"t\"\n\
            [[routes.t]]\nmatch = { prefix = \"/a\" }\nupstream = \"app\"\n\
            [[routes.t]]\nredirect = { status = 301, host = \"x\" }\n\
            [upstreams.app]\nendpoints = [\"127.0.0.1:2\"]\n[upstreams.b]\n\
            endpoints = [{ address = \"unix:/run/b\", zone = \"a\" }]\n";
        let loaded = config::load("test.toml", text.as_bytes(), None);
        let snapshot = loaded.unwrap_or_else(|problems| panic!("{problems}")).snapshot;
        let dump = render(&snapshot);
        let dump: Value =
            serde_json::from_str(&dump).unwrap_or_else(|error| panic!("{error}: {dump}"));
        assert_eq!(dump["listeners"][0]["routes"], "t");
        assert_eq!(dump["listeners"][0]["head_timeout"], "10s");
        assert_eq!(dump["routes"]["t"][0]["action"]["forward"][0]["upstream"], "app");
        assert_eq!(dump["routes"]["t"][1]["action"]["redirect"]["host"], "x");
        assert_eq!(dump["upstreams"]["app"]["connect_timeout"], "1s");
        assert_eq!(dump["upstreams"]["b"]["endpoints"][0]["address"], "unix:/run/b");
    }
}
