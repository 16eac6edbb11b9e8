//! A request's way to its route, all of it that is pure: bytes to a head, to a normal path, to a
//! route, to the line that the upstream gets or the location that the client gets.

use std::sync::LazyLock;

use config::snapshot::{Action, RouteTable, Snapshot, TableIx};
use policy::path::{PathOptions, normalise};
use policy::redirect::{Origin, Scheme, location};
use policy::request::{FieldSource, RequestView};
use policy::{rewrite, route};
use wire::h1::{self, Progress, RequestDecoder};
use wire::message::{Fields, RequestHead};

use crate::events::LIMITS;

/// Every kind of match and action that a route has.
const CONFIG: &str = include_str!("../route_request.toml");

static SNAPSHOT: LazyLock<Snapshot> = LazyLock::new(|| {
    let loaded = config::load("route_request.toml", CONFIG.as_bytes(), None);
    loaded.unwrap_or_else(|problems| panic!("{problems}")).snapshot
});

/// Takes `data` for a request and follows it.
pub fn run(data: &[u8]) {
    let mut head = RequestHead::default();
    let progress = RequestDecoder::new().feed(data, &LIMITS, &mut head);
    if let Ok(Progress::Done { .. }) = progress
        && head.method() != b"CONNECT"
    {
        follow(SNAPSHOT.table(TableIx(0)), &head);
    }
}

fn follow(table: &RouteTable, head: &RequestHead) {
    let mut target = Vec::new();
    let Ok(normal) = normalise(head.target(), PathOptions::default(), &mut target) else { return };
    let host = head.authority().unwrap_or_default();
    let (path, query) = (normal.path(&target), normal.query(&target));
    let view = RequestView {
        method: head.method(),
        host,
        path: normal.routing_path(&target),
        query,
        fields: &Source(&head.fields),
    };
    let Some(ix) = route::find(table, &view) else { return };
    let route = table.route(ix);
    let mut out = Vec::new();
    match &route.action {
        Action::Forward(forward) => {
            let Some(rewritten) = &forward.path else { return };
            if rewrite::path(rewritten, &route.path, path, &mut out).is_ok() {
                check_line(head.method(), &out);
            }
        }
        Action::Redirect(redirect) => {
            let origin = Origin { scheme: Scheme::Http, host, path, query };
            if location(redirect, &route.path, &origin, &mut out).is_ok() {
                assert!(out.iter().all(|byte| !byte.is_ascii_control()), "{}", out.escape_ascii());
                assert!(!out.starts_with(b"//"), "{}", out.escape_ascii());
            }
        }
        Action::Respond(_) => {}
    }
}

/// The rewritten path makes a request line that leads nowhere up and that the next hop takes.
fn check_line(method: &[u8], path: &[u8]) {
    let plain = path.split(|&byte| byte == b'?').next().unwrap_or_default();
    for segment in plain.split(|&byte| byte == b'/') {
        assert!(segment != b"." && segment != b"..", "{}", path.escape_ascii());
    }
    let mut out = Vec::new();
    h1::request_line(&mut out, method, path);
    h1::field(&mut out, b"Host", b"");
    h1::end_of_head(&mut out);
    let mut head = RequestHead::default();
    let progress = RequestDecoder::new().feed(&out, &LIMITS, &mut head);
    assert_eq!(progress, Ok(Progress::Done { consumed: out.len() }), "{}", out.escape_ascii());
}

/// The fields as decisions ask for them.
struct Source<'a>(&'a Fields);

impl FieldSource for Source<'_> {
    fn values(&self, lower_name: &str, each: &mut dyn FnMut(&[u8]) -> bool) {
        for value in self.0.all(lower_name) {
            if !each(value) {
                return;
            }
        }
    }
}
