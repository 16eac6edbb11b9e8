//! Every path of the admin listener, and what it answers.

use http_body_util::Full;
use hyper::body::Bytes;
use hyper::header::{ACCEPT, ALLOW, CACHE_CONTROL, CONTENT_TYPE, HeaderValue, ORIGIN};
use hyper::{Method, Request, Response, StatusCode};
use tokio::sync::oneshot;

use super::server_info;
use crate::collector::Note;
use crate::commands::{Command, Reloaded};
use crate::metrics::Format;
use crate::pages::Page;
use crate::shared::Shared;

/// What a path does.
#[derive(Debug, Clone, Copy)]
enum Endpoint {
    Index,
    Ready,
    Live,
    Metrics,
    Figures(Page),
    ConfigStatus,
    ServerInfo,
    Drain,
    Reload,
    Logging,
    ChangeLogging,
}

/// Path, whether it changes something (POST) or not (GET), what it does, and the index's words.
const ENDPOINTS: &[(&str, bool, Endpoint, &str)] = &[
    ("/", false, Endpoint::Index, "this list"),
    ("/ready", false, Endpoint::Ready, "200 while every core serves and no drain is under way"),
    ("/live", false, Endpoint::Live, "200 unless a core has died"),
    ("/metrics", false, Endpoint::Metrics, "what Prometheus scrapes: OpenMetrics, or text 0.0.4"),
    ("/stats", false, Endpoint::Figures(Page::Stats), "counts for people"),
    ("/latency", false, Endpoint::Figures(Page::Latency), "exact percentiles since the start"),
    ("/clusters", false, Endpoint::Figures(Page::Clusters), "upstreams and endpoints"),
    ("/config_dump", false, Endpoint::Figures(Page::ConfigDump), "the configuration in force"),
    ("/config_status", false, Endpoint::ConfigStatus, "how the last reload went, and why"),
    ("/server_info", false, Endpoint::ServerInfo, "version, engine, listeners"),
    ("/drain", true, Endpoint::Drain, "drain and end, as SIGTERM does"),
    ("/reload", true, Endpoint::Reload, "read the file again, as SIGHUP does; tells the result"),
    ("/logging", false, Endpoint::Logging, "what is logged"),
    ("/logging", true, Endpoint::ChangeLogging, "?level=FILTER changes what is logged"),
];

type Answer = Response<Full<Bytes>>;

/// Answers one request. Only `/metrics` and its like, and `/reload`, wait for anything.
pub(super) async fn answer<B>(request: Request<B>, shared: &Shared) -> Answer {
    let path = request.uri().path();
    let rows = || ENDPOINTS.iter().filter(|(known, ..)| *known == path);
    if rows().next().is_none() {
        return text(StatusCode::NOT_FOUND, "no such page; GET / lists them\n");
    }
    let method = request.method();
    let fits = |methods: &str| methods.split(", ").any(|one| method.as_str() == one);
    let Some((.., endpoint, _)) = rows().find(|(_, changes, ..)| fits(methods(*changes))) else {
        return wrong_method(&rows().map(|(_, changes, ..)| methods(*changes)).collect::<Vec<_>>());
    };
    // A page of a browser on this host could otherwise be made to post here.
    if method == Method::POST && request.headers().contains_key(ORIGIN) {
        return text(StatusCode::FORBIDDEN, "changes are not for browsers\n");
    }
    match endpoint {
        Endpoint::Index => text(StatusCode::OK, index()),
        Endpoint::Ready => ready(shared),
        Endpoint::Live => live(shared),
        Endpoint::Metrics => {
            let accept = request.headers().get(ACCEPT).and_then(|value| value.to_str().ok());
            figures(Page::Metrics(Format::accepted(accept.unwrap_or_default())), shared).await
        }
        Endpoint::Figures(page) => figures(*page, shared).await,
        Endpoint::ConfigStatus => json(&server_info::config_status(shared)),
        Endpoint::ServerInfo => json(&server_info::server_info(shared)),
        Endpoint::Drain => drain(shared),
        Endpoint::Reload => reload(shared).await,
        Endpoint::Logging => logging(None, shared),
        Endpoint::ChangeLogging => {
            change_logging(request.uri().query().unwrap_or_default(), shared)
        }
    }
}

/// What a row allows, as `Allow` lists it.
fn methods(changes: bool) -> &'static str {
    if changes { "POST" } else { "GET, HEAD" }
}

fn wrong_method(allowed: &[&str]) -> Answer {
    let allowed = allowed.join(", ");
    let mut refusal =
        text(StatusCode::METHOD_NOT_ALLOWED, format!("wrong method: use {allowed}\n"));
    let allow = HeaderValue::from_str(&allowed).expect("methods are tokens");
    refusal.headers_mut().insert(ALLOW, allow);
    refusal
}

fn index() -> String {
    let row = |(path, changes, _, what): &(&str, bool, Endpoint, &str)| {
        format!("{:<5} {path:<16} {what}\n", if *changes { "POST" } else { "GET" })
    };
    ENDPOINTS.iter().map(row).collect()
}

fn ready(shared: &Shared) -> Answer {
    match shared.life.borrow().readiness() {
        Ok(()) => text(StatusCode::OK, "ready\n"),
        Err(why) => text(StatusCode::SERVICE_UNAVAILABLE, format!("{why}\n")),
    }
}

fn live(shared: &Shared) -> Answer {
    match shared.cores.iter().find(|core| !core.alive.get()) {
        None => text(StatusCode::OK, "live\n"),
        Some(dead) => text(StatusCode::SERVICE_UNAVAILABLE, format!("core {} died\n", dead.id.0)),
    }
}

async fn figures(page: Page, shared: &Shared) -> Answer {
    let (reply, rendered) = oneshot::channel();
    let asked = shared.notes.send(Note::Wanted(page, reply)).await;
    match (asked, rendered.await) {
        (Ok(()), Ok(body)) => with_type(StatusCode::OK, page.content_type(), body),
        _ => text(StatusCode::SERVICE_UNAVAILABLE, "the process is ending\n"),
    }
}

fn drain(shared: &Shared) -> Answer {
    match shared.commands.try_send(Command::Drain) {
        Ok(()) => text(StatusCode::OK, "draining\n"),
        Err(_) => busy(),
    }
}

async fn reload(shared: &Shared) -> Answer {
    let (reply, result) = oneshot::channel();
    if shared.commands.try_send(Command::Reload(Some(reply))).is_err() {
        return busy();
    }
    match result.await {
        Ok(result @ Reloaded::Rejected(_)) => text(StatusCode::BAD_REQUEST, format!("{result}\n")),
        Ok(result @ Reloaded::Postponed(_)) => {
            text(StatusCode::SERVICE_UNAVAILABLE, format!("{result}\n"))
        }
        Ok(result) => text(StatusCode::OK, format!("{result}\n")),
        Err(_) => text(StatusCode::SERVICE_UNAVAILABLE, "the process is ending\n"),
    }
}

/// Shows the filter of the program's log, or puts another one in force.
fn logging(wanted: Option<&str>, shared: &Shared) -> Answer {
    let Some(filter) = &shared.log_filter else {
        return text(StatusCode::NOT_IMPLEMENTED, "this program's log has no filter\n");
    };
    match filter(wanted) {
        Ok(in_force) => text(StatusCode::OK, format!("{in_force}\n")),
        Err(why) => text(StatusCode::BAD_REQUEST, format!("{why}\n")),
    }
}

fn change_logging(query: &str, shared: &Shared) -> Answer {
    match query.split('&').find_map(|pair| pair.strip_prefix("level=")) {
        Some(level) => logging(Some(level), shared),
        None => text(StatusCode::BAD_REQUEST, "say POST /logging?level=info\n"),
    }
}

fn busy() -> Answer {
    text(StatusCode::SERVICE_UNAVAILABLE, "too many commands wait already\n")
}

fn text(status: StatusCode, body: impl Into<Bytes>) -> Answer {
    with_type(status, "text/plain; charset=utf-8", body)
}

fn json(body: &serde_json::Value) -> Answer {
    with_type(StatusCode::OK, "application/json", format!("{body:#}\n"))
}

fn with_type(status: StatusCode, content_type: &'static str, body: impl Into<Bytes>) -> Answer {
    let mut answer = Response::new(Full::new(body.into()));
    *answer.status_mut() = status;
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    answer.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    answer
}
