//! The admin listener's manners: methods, unknown paths, and clients that mean ill.

use std::time::{Duration, Instant};

use serde_json::Value;

use crate::fake_core::Script;
use crate::process::{Process, start};

/// More than the admin listener has open at once.
const MANY: usize = 100;

fn served() -> Process {
    let process = start("pre_drain = \"0s\"", Script::default());
    process.wait_ready();
    process
}

#[test]
fn an_unknown_path_is_404_and_the_index_lists_the_known_ones() {
    let process = served();
    assert_eq!(process.fetch("/nothing").status, 404);
    assert_eq!(process.fetch("/readyx").status, 404);
    let index = process.fetch("/").body;
    for path in ["/ready", "/metrics", "/drain", "/config_status"] {
        assert!(index.contains(path), "{path} is not in:\n{index}");
    }
}

#[test]
fn changes_are_made_by_post_alone_and_pages_are_read_by_get_alone() {
    let process = served();
    for path in ["/drain", "/reload"] {
        let answer = process.fetch(path);
        assert_eq!((answer.status, &*answer.body), (405, "wrong method: use POST\n"), "{path}");
        assert!(answer.head.contains("\r\nallow: post"), "{}", answer.head);
    }
    for path in ["/ready", "/metrics", "/config_status"] {
        let answer = process.post(path);
        assert_eq!(answer.status, 405, "{path}");
        assert!(answer.head.contains("\r\nallow: get, head"), "{}", answer.head);
    }
    assert_eq!(process.fetch("/ready").status, 200, "nothing was changed by GET");
}

#[test]
fn head_is_get_without_a_body() {
    let answer = served().client().ask("HEAD", "/ready");
    assert_eq!((answer.status, &*answer.body), (200, ""));
}

#[test]
fn a_browser_cannot_be_made_to_change_anything() {
    let process = served();
    let mut client = process.client();
    client.send("POST /drain HTTP/1.1\r\nhost: admin\r\norigin: http://evil.example\r\n\r\n");
    assert_eq!(client.answer().status, 403);
    assert_eq!(process.fetch("/ready").status, 200);
}

#[test]
fn the_log_filter_is_shown_by_get_and_changed_by_post() {
    let process = served();
    let answer = process.fetch("/logging?level=debug");
    assert_eq!((answer.status, &*answer.body), (200, "info\n"), "GET changes nothing");
    let answer = process.post("/logging?level=debug");
    assert_eq!((answer.status, &*answer.body), (200, "debug\n"));
    let answer = process.post("/logging?level=loud");
    assert_eq!((answer.status, &*answer.body), (400, "no such level\n"));
    assert_eq!(process.post("/logging").status, 400);
    let answer = process.client().ask("PUT", "/logging");
    assert_eq!(answer.body, "wrong method: use GET, HEAD, POST\n");
}

#[test]
fn server_info_and_config_status_are_json() {
    let process = served();
    let info: Value = serde_json::from_str(&process.fetch("/server_info").body).expect("JSON");
    assert_eq!((&info["state"], &info["workers"]), (&"serving".into(), &2.into()));
    assert_eq!(info["engine"], "epoll");
    let status: Value = serde_json::from_str(&process.fetch("/config_status").body).expect("JSON");
    assert_eq!((&status["generation"], &status["rejected"]), (&1.into(), &Value::Null));
}

#[test]
fn clients_that_never_send_keep_nobody_out() {
    let process = served();
    let began = Instant::now();
    let mut silent: Vec<_> = (0..MANY).map(|_| process.client()).collect();
    assert_eq!(process.fetch("/ready").status, 200);
    assert!(silent[0].is_cut());
    // It would have been cut after five seconds in any case, as it sends no head.
    assert!(began.elapsed() < Duration::from_secs(4), "the oldest made no room");
}

#[test]
fn clients_that_never_read_keep_nobody_out() {
    let process = served();
    let mut deaf: Vec<_> = (0..MANY).map(|_| process.client()).collect();
    for client in &mut deaf {
        // Those that made room for others are closed by now.
        client.try_send("GET /metrics HTTP/1.1\r\nhost: admin\r\n\r\n");
    }
    assert_eq!(process.fetch("/ready").status, 200);
    assert_eq!(process.fetch("/metrics").status, 200);
}

#[test]
fn a_head_beyond_all_bounds_is_refused() {
    let process = served();
    let mut client = process.client();
    let huge = format!("GET /ready HTTP/1.1\r\nhost: {}\r\n\r\n", "a".repeat(100_000));
    client.try_send(&huge);
    assert_eq!(process.fetch("/ready").status, 200);
}

#[test]
fn nonsense_is_answered_or_cut_and_hurts_nobody() {
    let process = served();
    for nonsense in ["\0\0\0\0\r\n\r\n", "GET\r\n\r\n", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "\r\n"]
    {
        let mut client = process.client();
        client.try_send(nonsense);
        assert_eq!(process.fetch("/ready").status, 200, "after {nonsense:?}");
    }
}
