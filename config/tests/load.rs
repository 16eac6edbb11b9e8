//! What a good file means, and what a reload keeps.

use std::sync::Arc;
use std::time::Duration;

use config::access_log::LineFilter;
use config::pattern::{PathMatch, PathRewrite, ValueMatch};
use config::snapshot::{
    Action, Address, Balance, Direction, EscapedSlashes, IoEngine, Limits, Pin, RouteIx, TableIx,
    UpstreamIx,
};
use config::{Loaded, Snapshot};

const LISTENER: &str = "[[listeners]]\nname = 'in'\nlisten = '127.0.0.1:80'\nroutes = 'r'\n";

fn load_after(text: &str, previous: Option<&Snapshot>) -> Snapshot {
    match config::load("test.toml", text.as_bytes(), previous) {
        Ok(Loaded { snapshot, .. }) => snapshot,
        Err(problems) => panic!("{problems}\n{text}"),
    }
}

fn load(text: &str) -> Snapshot {
    load_after(text, None)
}

/// A file with the upstreams named, each with one endpoint, and a route to each in table `r`.
fn file(upstreams: &[(&str, u16)]) -> String {
    let mut text = LISTENER.to_owned();
    for (name, _) in upstreams {
        text.push_str(&format!("[[routes.r]]\nhost = '{name}'\nupstream = '{name}'\n"));
    }
    for (name, port) in upstreams {
        text.push_str(&format!("[upstreams.{name}]\nendpoints = ['127.0.0.1:{port}']\n"));
    }
    text
}

fn slot(snapshot: &Snapshot, name: &str) -> usize {
    let mut slots = snapshot.upstreams.iter();
    let found = slots.position(|slot| slot.as_ref().is_some_and(|it| &*it.name == name));
    found.unwrap_or_else(|| panic!("no upstream {name}"))
}

#[test]
fn what_is_not_written_is_as_documented() {
    let snapshot = load(&file(&[("a", 81)]));
    let process = &snapshot.process;
    assert_eq!(
        (process.workers, process.io_engine, process.pin),
        (None, IoEngine::Auto, Pin::Auto)
    );
    assert_eq!(process.max_connections, 50_000);
    let metrics = &snapshot.metrics;
    assert_eq!(metrics.series_max, 10_000);
    assert_eq!(metrics.idle_expiry, Some(Duration::from_secs(3_600)));
    assert_eq!(process.pre_drain, Duration::from_secs(5));
    assert_eq!(process.drain_timeout, Duration::from_secs(20));
    assert_eq!(snapshot.admin.listen, Some(Address::Inet("127.0.0.1:9901".parse().unwrap())));

    let listener = &snapshot.listeners[0];
    assert_eq!((listener.direction, listener.backlog), (Direction::Inbound, 1024));
    let http = &listener.http;
    assert_eq!((http.head_bytes_max, http.fields_max, http.target_bytes_max), (61_440, 100, 8192));
    assert_eq!(http.head_timeout, Duration::from_secs(10));
    assert_eq!(http.idle_timeout, Duration::from_secs(3600));
    assert_eq!(http.stream_idle_timeout, Duration::from_secs(300));
    assert_eq!((http.merge_slashes, http.escaped_slashes), (false, EscapedSlashes::Keep));
    assert_eq!((http.via.as_deref(), http.trust_peer, http.request_id), (None, false, true));

    let route = snapshot.table(TableIx(0)).route(RouteIx(0));
    assert_eq!((&*route.name, route.timeout), ("r[0]", Some(Duration::from_secs(15))));
    assert_eq!((&route.path, route.idle_timeout), (&PathMatch::Prefix("/".into()), None));

    let upstream = snapshot.upstream(UpstreamIx(0));
    assert_eq!(upstream.balance, Balance::LeastRequest);
    assert_eq!(upstream.limits, Limits { connections: 1024, pending: 1024, requests: 1024 });
    assert_eq!(upstream.connect_timeout, Duration::from_secs(1));
    assert_eq!(upstream.idle_timeout, Duration::from_secs(4));
    assert_eq!(upstream.pending_timeout, Duration::from_secs(1));
    assert_eq!((upstream.idle_per_core, upstream.requests_per_connection), (128, None));
    assert_eq!(upstream.endpoints[0].weight, 1);
}

#[test]
fn an_outbound_peer_is_trusted_unless_the_file_says_otherwise() {
    let text = |direction: &str| {
        format!("{LISTENER}{direction}\n[[routes.r]]\nrespond = {{ status = 200 }}\n")
    };
    let trusts = |direction: &str| load(&text(direction)).listeners[0].http.trust_peer;
    assert!(trusts("direction = 'outbound'"));
    assert!(!trusts("direction = 'outbound'\ntrust_peer = false"));
    assert!(!trusts("direction = 'inbound'"));
    assert!(trusts("direction = 'inbound'\ntrust_peer = true"));
}

#[test]
fn a_limit_that_is_written_leaves_the_others_at_their_defaults() {
    let text = file(&[("a", 81)]) + "limits = { pending = 7 }\n";
    let limits = load(&text).upstream(UpstreamIx(0)).limits;
    assert_eq!(limits, Limits { connections: 1024, pending: 7, requests: 1024 });
}

#[test]
fn false_and_auto_mean_none() {
    let text = "process = { workers = 'auto', pin = false }\nadmin = { listen = false }\n"
        .to_owned()
        + LISTENER
        + "[[routes.r]]\nupstream = 'a'\ntimeout = false\n\
           [upstreams.a]\nendpoints = ['unix:/a']\nrequests_per_connection = false\n";
    let snapshot = load(&text);
    assert_eq!((snapshot.process.workers, snapshot.process.pin), (None, Pin::Never));
    assert_eq!(snapshot.admin.listen, None);
    assert_eq!(snapshot.table(TableIx(0)).route(RouteIx(0)).timeout, None);
    assert_eq!(snapshot.upstream(UpstreamIx(0)).requests_per_connection, None);
}

#[test]
fn listeners_whose_port_the_kernel_chooses_do_not_collide() {
    let first = LISTENER.replace(":80", ":0");
    let second = first.replace("'in'", "'out'");
    let admin = "[admin]\nlisten = '127.0.0.1:0'\n";
    let text = format!("{first}{second}{admin}[[routes.r]]\nrespond.status = 200\n");
    assert_eq!(load(&text).listeners.len(), 2);
}

#[test]
fn hosts_are_indexed_by_kind_longest_first() {
    let text = LISTENER.to_owned()
        + "[[routes.r]]\nhost = ['Shop.Example', 'shop.example:8080', '*.b.example']\n\
           respond = { status = 200 }\n\
           [[routes.r]]\nhost = ['*.example', 'shop.*', '*', 'shop.example', 'SHOP.example']\n\
           respond = { status = 200 }\n\
           [[routes.r]]\nmatch = { path = '/x' }\nrespond = { status = 200 }\n";
    let snapshot = load(&text);
    let hosts = &snapshot.table(TableIx(0)).hosts;
    let [first, second, third] = [0, 1, 2].map(RouteIx);
    assert_eq!(hosts.exact["shop.example"], [first, second]);
    assert_eq!(hosts.exact["shop.example:8080"], [first]);
    assert_eq!(hosts.exact.len(), 2);
    assert_eq!(
        hosts.suffixes,
        [(".b.example".into(), vec![first]), (".example".into(), vec![second])]
    );
    assert_eq!(hosts.prefixes, [("shop.".into(), vec![second])]);
    assert_eq!(hosts.any, [second, third]);
}

#[test]
fn a_route_says_what_was_written() {
    let text = LISTENER.to_owned()
        + r#"
        [[routes.r]]
        name = "whole"
        match = { regex = "/v[0-9]/.*", methods = ["GET"], headers = [
            { name = "X-A", range = [1, 3], invert = true }, "x-b",
        ], query = [{ name = "Q", suffix = "z" }] }
        split = [{ upstream = "a", weight = 3 }, { upstream = "b" }]
        rewrite = { regex = "^/v([0-9])", substitution = '/\1$', host = "b.example:80" }
        timeout = "1m"
        idle_timeout = "1s"
        request_headers.remove = ["X-R"]
        request_headers.set = { X-S = "%PROTOCOL%" }
        request_headers.add = { z = "", a = "1" }
        [[routes.r]]
        match = { segment = "/old/" }
        redirect = { status = 307, prefix = "/new", strip_query = true }
        [upstreams]
        a.endpoints = ["127.0.0.1:81"]
        b.endpoints = [{ address = "[::1]:82", weight = 5, zone = "z" }]
    "#;
    let snapshot = load(&text);
    let table = snapshot.table(snapshot.listeners[0].table);
    let whole = table.route(RouteIx(0));
    assert_eq!((&*whole.name, whole.methods.as_slice()), ("whole", ["GET".into()].as_slice()));
    let PathMatch::Regex(pattern) = &whole.path else { panic!("{:?}", whole.path) };
    assert!(pattern.0.is_match(b"/v1/x") && !pattern.0.is_match(b"/a/v1/x"));
    assert_eq!(&*whole.headers[0].name, "x-a");
    assert_eq!(whole.headers[0].value, ValueMatch::Range { start: 1, end: 3 });
    assert!(whole.headers[0].invert && whole.headers[1].value == ValueMatch::Present);
    assert_eq!(
        (&*whole.query[0].name, &whole.query[0].value),
        ("Q", &ValueMatch::Suffix((*b"z").into()))
    );
    assert_eq!(
        (whole.timeout, whole.idle_timeout),
        (Some(Duration::from_secs(60)), Some(Duration::from_secs(1)))
    );
    let edits = &whole.request_headers;
    assert_eq!((&*edits.remove[0], &*edits.set[0].0), ("x-r", "X-S"));
    assert_eq!((&*edits.add[0].0, &*edits.add[1].0), ("z", "a"), "in the file's order");

    let Action::Forward(forward) = &whole.action else { panic!("{:?}", whole.action) };
    assert_eq!(forward.total_weight, 4);
    assert_eq!(forward.split[1].upstream, UpstreamIx(1));
    assert_eq!(forward.host.as_deref(), Some("b.example:80"));
    let Some(PathRewrite::Regex { substitution, .. }) = &forward.path else {
        panic!("{forward:?}")
    };
    assert_eq!(&**substitution, "/${1}$$");

    let old = table.route(RouteIx(1));
    assert_eq!(old.path, PathMatch::Segment("/old".into()));
    let Action::Redirect(redirect) = &old.action else { panic!("{:?}", old.action) };
    assert_eq!((redirect.status, redirect.strip_query), (307, true));
    assert_eq!(redirect.path, Some(PathRewrite::Prefix("/new".into())));
    assert_eq!(snapshot.upstream(UpstreamIx(1)).endpoints[0].weight, 5);
}

#[test]
fn what_did_not_change_keeps_its_pointer() {
    let before = load(&file(&[("a", 81), ("b", 82)]));
    let after = load_after(&file(&[("a", 81), ("b", 99)]), Some(&before));
    let same = |ix| Arc::ptr_eq(before.upstream(ix), after.upstream(ix));
    assert!(same(UpstreamIx(0)), "a is as before");
    assert!(!same(UpstreamIx(1)), "b is not");
    assert!(Arc::ptr_eq(before.table(TableIx(0)), after.table(TableIx(0))));
    assert!(Arc::ptr_eq(&before.listeners[0], &after.listeners[0]));
    assert_ne!(before.hash, after.hash);
}

#[test]
fn a_listener_that_changes_leaves_the_others_their_pointers() {
    let two = file(&[("a", 81)]) + &LISTENER.replace("'in'", "'out'").replace(":80", ":85");
    let before = load(&two);
    let after = load_after(&two.replace(":85", ":86"), Some(&before));
    assert!(Arc::ptr_eq(&before.listeners[0], &after.listeners[0]));
    assert!(!Arc::ptr_eq(&before.listeners[1], &after.listeners[1]));
}

#[test]
fn a_name_keeps_its_slot_wherever_it_stands_in_the_file() {
    let before = load(&file(&[("a", 81), ("b", 82), ("c", 83)]));
    let after = load_after(&file(&[("c", 83), ("new", 84), ("b", 82)]), Some(&before));
    assert_eq!(slot(&after, "b"), slot(&before, "b"));
    assert_eq!(slot(&after, "c"), slot(&before, "c"));
    assert!(Arc::ptr_eq(after.upstream(UpstreamIx(2)), before.upstream(UpstreamIx(2))));
}

#[test]
fn a_slot_is_empty_for_one_snapshot_before_another_name_gets_it() {
    let first = load(&file(&[("a", 81), ("b", 82)]));
    let second = load_after(&file(&[("b", 82), ("c", 83)]), Some(&first));
    assert!(second.upstreams[0].is_none(), "a's slot rests");
    assert_eq!((slot(&second, "b"), slot(&second, "c")), (1, 2));
    let third = load_after(&file(&[("b", 82), ("c", 83), ("d", 84)]), Some(&second));
    assert_eq!(slot(&third, "d"), 0);
    assert_eq!(third.upstreams.len(), 3);
}

#[test]
fn slots_do_not_grow_without_end() {
    let mut snapshot = load(&file(&[("a", 81), ("b", 82)]));
    for turn in 0..100 {
        let (one, other) = (format!("x{turn}"), format!("y{turn}"));
        snapshot = load_after(&file(&[(&one, 81), (&other, 82)]), Some(&snapshot));
    }
    assert!(snapshot.upstreams.len() <= 4, "{} slots for two names", snapshot.upstreams.len());
}

#[test]
fn line_ends_and_a_byte_order_mark_do_not_matter() {
    let text = file(&[("a", 81)]);
    let plain = load(&text);
    let other = load_after(&format!("\u{feff}{}", text.replace('\n', "\r\n")), Some(&plain));
    assert!(Arc::ptr_eq(plain.table(TableIx(0)), other.table(TableIx(0))));
}

#[test]
fn ten_thousand_routes_and_upstreams_are_taken() {
    let names: Vec<String> = (0..10_000).map(|n| format!("svc-{n}")).collect();
    let upstreams: Vec<(&str, u16)> = names.iter().map(|name| (name.as_str(), 81)).collect();
    let snapshot = load(&file(&upstreams));
    assert_eq!(snapshot.upstreams.len(), 10_000);
    assert_eq!(snapshot.table(TableIx(0)).hosts.exact.len(), 10_000);
}

#[test]
fn a_request_has_a_line_unless_a_filter_is_written() {
    let routes = "[[routes.r]]\nrespond = { status = 200 }\n";
    let log = |keys: &str| {
        let text = format!("[access_log]\npath = '/l'\n{keys}\n{LISTENER}{routes}");
        load(&text).access_log.expect("it is written")
    };
    assert!(log("").filter.is_open() && log("flags = false").filter.is_open());
    let all = log("status_min = 500\nduration_min = '1s'\nflags = true\nsample = 0.25").filter;
    let LineFilter { status_min, duration_min, flags, sample } = all;
    assert_eq!((status_min, flags, sample), (Some(500), true, Some(0.25)));
    assert_eq!(duration_min, Some(Duration::from_secs(1)));
    assert_eq!(log("sample = 1").filter.sample, Some(1.0));
}

#[test]
fn an_access_log_that_did_not_change_keeps_its_pointer() {
    let text = |format: &str| {
        format!(
            "[access_log]\npath = '/l'\nformat = '{format}'\n{LISTENER}access_log = false\n\
             [[routes.r]]\nrespond = {{ status = 200 }}\n"
        )
    };
    let first = load(&text("json"));
    assert!(!first.listeners[0].access_log);
    let log = |snapshot: &Snapshot| snapshot.access_log.clone().unwrap();
    assert!(Arc::ptr_eq(&log(&first), &log(&load_after(&text("json"), Some(&first)))));
    assert!(!Arc::ptr_eq(&log(&first), &log(&load_after(&text("envoy"), Some(&first)))));
}
