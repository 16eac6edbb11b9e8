//! What the proxy has only so much of: connections, descriptors, requests towards an upstream.

use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use rustix::process::Signal;
use tests::program::{Program, outrigger};
use tests::{ConfigFile, Gate, Origin, Peer, Proxy, Setup, on_both_engines, origin};
use tests::{proxy, to_origin, to_origin_with, until, until_still};

const GET: &str = "GET / HTTP/1.1\r\nhost: test\r\n\r\n";

#[test]
fn limits_of_a_head_are_those_of_the_listener() {
    on_both_engines(|engine| {
        let origin = Origin::saying("ok");
        let keys = "head_max = \"2KiB\"\nfields_max = 10\ntarget_max = \"100B\"";
        let proxy = proxy(engine, &to_origin_with(&origin, keys, ""));
        let status = |line: &str, fields: &str| {
            let request = format!("{line} HTTP/1.1\r\nhost: test\r\n{fields}\r\n");
            proxy.exchange(&request).status()
        };
        assert_eq!(status("GET /", &"a: b\r\n".repeat(9)), 200);
        assert_eq!(status("GET /", &"a: b\r\n".repeat(10)), 431);
        assert_eq!(status("GET /", &format!("a: {}\r\n", "b".repeat(1900))), 200);
        assert_eq!(status("GET /", &format!("a: {}\r\n", "b".repeat(2100))), 431);
        assert_eq!(status(&format!("GET /{}", "a".repeat(99)), ""), 200);
        assert_eq!(status(&format!("GET /{}", "a".repeat(100)), ""), 414);
    });
}

#[test]
fn a_listener_turns_away_more_connections_than_it_may_have() {
    on_both_engines(|engine| {
        let origin = Origin::saying("ok");
        let config = to_origin_with(&origin, "max_connections = 2", "");
        let proxy = Setup::new(engine).workers(1).start(&config);
        assert_turned_away_at(&proxy, 2, "listener");
    });
}

#[test]
fn the_process_turns_away_more_connections_than_it_may_have_but_not_the_admins() {
    on_both_engines(|engine| {
        let origin = Origin::saying("ok");
        let keys = "pre_drain = \"0s\"\nmax_connections = 3\n";
        let proxy = Setup::new(engine).workers(1).process(keys).start(&to_origin(&origin));
        assert_turned_away_at(&proxy, 3, "process");
    });
}

#[test]
fn connections_that_come_all_at_once_are_counted_one_by_one() {
    on_both_engines(|engine| {
        let origin = Origin::saying("ok");
        for (process_keys, listener_keys) in
            [("", "max_connections = 5"), ("max_connections = 5", "")]
        {
            let setup = Setup::new(engine).workers(1).process(process_keys);
            let mut proxy = setup.start(&to_origin_with(&origin, listener_keys, ""));
            proxy.program().signal(Signal::STOP); // meanwhile the kernel queues them
            let mut clients: Vec<Peer> = (0..100).map(|_| proxy.client()).collect();
            proxy.program().signal(Signal::CONT);
            let mut served = 0;
            for client in &mut clients {
                let _ = client.try_send(GET.as_bytes());
                let Some(head) = client.next_head() else { continue };
                served += usize::from(head.status() == 200);
                assert!([200, 503].contains(&head.status()), "{head}");
            }
            assert_eq!(served, 5, "of 100");
            let metrics = proxy.metrics();
            assert_eq!(metrics.sum("outrigger_downstream_connections_active", &[]), 5.0);
        }
    });
}

#[test]
fn a_listeners_limit_is_for_all_cores_together() {
    on_both_engines(|engine| {
        let origin = Origin::saying("ok");
        let proxy = proxy(engine, &to_origin_with(&origin, "max_connections = 10", ""));
        let mut clients: Vec<Peer> = (0..40).map(|_| proxy.client()).collect();
        let mut served = 0;
        for client in &mut clients {
            let _ = client.try_send(GET.as_bytes());
            served += usize::from(client.next_head().is_some_and(|head| head.status() == 200));
        }
        // It may refuse early where the cores' shares are uneven, and never late.
        assert!((5..=10).contains(&served), "{served} of 40 with a limit of 10");
    });
}

#[test]
fn an_upstreams_limit_is_for_all_cores_together() {
    on_both_engines(|engine| {
        let (held, origin) = holding();
        let keys = "limits = { requests = 4 }";
        let proxy = proxy(engine, &to_origin_with(&origin, "", keys));
        let mut clients: Vec<Peer> = (0..40).map(|_| proxy.client()).collect();
        for client in &mut clients {
            client.send(GET);
        }
        proxy.metrics_until("the others are turned away", |metrics| {
            let active = metrics.sum("outrigger_requests_active", &[]);
            active + metrics.sum("outrigger_requests_total", &[("flag", "UO")]) == 40.0
                && active <= 4.0
        });
        assert!((1..=4).contains(&origin.connections()), "{}", origin.connections());
        held.open();
    });
}

#[test]
fn clients_cannot_take_the_descriptors_of_upstreams_and_admin() {
    on_both_engines(|engine| {
        let origin = Origin::saying("ok");
        let few = ["sh", "-c", "ulimit -n 128; exec \"$0\" \"$@\""];
        let proxy = Setup::new(engine).workers(1).under(few).start(&to_origin(&origin));
        let mut clients: Vec<Peer> = (0..100).map(|_| proxy.client()).collect();
        // Who is refused is closed without a word where too many are at once.
        let is_served = |client: &mut Peer| {
            let sent = client.try_send(GET.as_bytes());
            let answer = sent.ok().and_then(|()| client.next_head());
            let status = answer.map_or(503, |answer| answer.status());
            assert!(status == 200 || status == 503, "{status}\n{client}");
            status == 200
        };
        let served =
            clients.iter_mut().filter_map(|client| is_served(client).then_some(())).count();
        assert!((20..80).contains(&served), "{served} of 100\n{}", proxy.log());
        assert_eq!(proxy.admin("/ready").status(), 200);
        proxy.metrics_until("refusals are counted", |metrics| {
            let reason = [("reason", "descriptors")];
            metrics.sum("outrigger_connections_refused_total", &reason) == (100 - served) as f64
        });
        drop(clients);
        until("service is back", || serves(&proxy));
    });
}

#[test]
fn a_start_without_enough_descriptors_says_so() {
    let config = ConfigFile::new(
        "[[listeners]]\nname = \"in\"\nlisten = \"127.0.0.1:0\"\n\
        routes = \"t\"\n[[routes.t]]\nrespond = { status = 200 }\n",
    );
    let mut command = Command::new("sh");
    command.args(["-c", "ulimit -n 40; exec \"$0\" \"$@\""]).arg(outrigger());
    let ended = Program::run(command.arg("run").arg(config.path()));
    assert_eq!(ended.code, Some(1));
    assert!(ended.output.contains("RLIMIT_NOFILE is 40"), "{}", ended.output);
}

#[test]
fn a_connection_may_be_opened_where_none_may_wait() {
    on_both_engines(|engine| {
        let (held, origin) = holding();
        let keys = "limits = { connections = 1, pending = 0 }";
        let proxy = Setup::new(engine).workers(1).start(&to_origin_with(&origin, "", keys));
        let mut clients = occupy(&proxy, &origin, 1);
        assert_eq!(proxy.fetch("/").status(), 503, "this one would have to wait");
        held.open();
        assert_eq!(clients[0].response().text(), "held");
    });
}

#[test]
fn requests_beyond_the_upstreams_limit_are_503_with_the_overload_mark() {
    on_both_engines(|engine| {
        let (held, origin) = holding();
        let keys = "limits = { requests = 2, pending = 1024, connections = 1024 }";
        let proxy = Setup::new(engine).workers(1).start(&to_origin_with(&origin, "", keys));
        let mut clients = occupy(&proxy, &origin, 2);
        let refusal = proxy.fetch("/");
        assert_eq!((refusal.status(), refusal.field("x-envoy-overloaded")), (503, Some("true")));
        assert_flag(&proxy, "UO");
        held.open();
        for client in &mut clients {
            assert_eq!(client.response().text(), "held");
        }
        assert_eq!(proxy.fetch("/").text(), "held");
    });
}

#[test]
fn a_request_waits_for_a_connection_and_gets_the_first_that_is_free() {
    on_both_engines(|engine| {
        let (held, origin) = holding();
        let keys = "limits = { connections = 1 }\npending_timeout = \"10s\"";
        let proxy = Setup::new(engine).workers(1).start(&to_origin_with(&origin, "", keys));
        let mut clients = occupy(&proxy, &origin, 1);
        let mut waiting = proxy.client();
        waiting.send(GET);
        assert!(waiting.is_quiet_for(Duration::from_millis(100)), "{waiting}");
        held.open();
        assert_eq!(clients[0].response().text(), "held");
        assert_eq!(waiting.response().text(), "held");
        assert_eq!(origin.connections(), 1);
    });
}

#[test]
fn a_request_that_comes_later_is_served_later() {
    on_both_engines(|engine| {
        let (held, origin) = counting();
        let keys = "limits = { connections = 1 }\npending_timeout = \"10s\"";
        let proxy = Setup::new(engine).workers(1).start(&to_origin_with(&origin, "", keys));
        let mut greedy = occupy(&proxy, &origin, 1).remove(0);
        let mut waiting = proxy.client();
        waiting.send(GET);
        proxy.metrics_until("one waits", |metrics| {
            metrics.sum("outrigger_requests_pending", &[]) == 1.0
        });
        // Behind its first request already when the connection becomes free.
        greedy.send(GET);
        held.open();
        assert_eq!(greedy.response().text(), "1");
        assert_eq!(waiting.response().text(), "2");
        assert_eq!(greedy.response().text(), "3");
    });
}

#[test]
fn a_request_waits_for_a_connection_no_longer_than_the_pending_timeout() {
    on_both_engines(|engine| {
        let (held, origin) = holding();
        let keys = "limits = { connections = 1 }\npending_timeout = \"150ms\"";
        let proxy = Setup::new(engine).workers(1).start(&to_origin_with(&origin, "", keys));
        let mut clients = occupy(&proxy, &origin, 1);
        let refusal = proxy.fetch("/");
        assert_eq!((refusal.status(), refusal.field("x-envoy-overloaded")), (503, Some("true")));
        held.open();
        assert_eq!(clients[0].response().text(), "held");
    });
}

#[test]
fn more_requests_than_may_wait_are_503_at_once() {
    on_both_engines(|engine| {
        let (held, origin) = holding();
        let keys = "limits = { connections = 1, pending = 1 }\npending_timeout = \"10s\"";
        let proxy = Setup::new(engine).workers(1).start(&to_origin_with(&origin, "", keys));
        let mut clients = occupy(&proxy, &origin, 1);
        let mut waiting = proxy.client();
        waiting.send(GET);
        proxy.metrics_until("one waits", |metrics| {
            metrics.sum("outrigger_requests_pending", &[]) == 1.0
        });
        assert_eq!(proxy.fetch("/").status(), 503);
        held.open();
        assert_eq!(clients[0].response().text(), "held");
        assert_eq!(waiting.response().text(), "held");
    });
}

#[test]
fn readers_that_stand_still_cost_bounded_memory() {
    on_both_engines(|engine| {
        let sent = Arc::new(AtomicUsize::new(0));
        let origin = {
            let sent = Arc::clone(&sent);
            Origin::scripted(move |peer, _| {
                peer.request();
                peer.send("HTTP/1.1 200 OK\r\ncontent-length: 1000000000\r\n\r\n");
                while peer.try_send(&[b'x'; 4096]).is_ok() {
                    sent.fetch_add(4096, Ordering::SeqCst);
                }
            })
        };
        let proxy = Setup::new(engine).workers(1).start(&to_origin(&origin));
        let before = proxy.resident_bytes();
        let mut clients: Vec<Peer> = (0..8).map(|_| proxy.client()).collect();
        for client in &mut clients {
            client.send(GET).head();
        }
        until_still("the kernel's buffers are full", || sent.load(Ordering::SeqCst));
        let grown = proxy.resident_bytes().saturating_sub(before);
        assert!(grown < 8 << 20, "{grown} bytes for 8 readers that stand still");
    });
}

/// Holds `max` connections and sees the next one turned away, politely, until one is given back.
#[track_caller]
fn assert_turned_away_at(proxy: &Proxy, max: usize, reason: &str) {
    let mut held: Vec<Peer> = (0..max).map(|_| proxy.client()).collect();
    for client in &mut held {
        assert_eq!(client.send(GET).response().text(), "ok");
    }
    let mut refused = proxy.client();
    let answer = refused.next_head();
    assert!(answer.is_none_or(|answer| answer.status() == 503), "{refused}");
    assert_eq!(proxy.admin("/ready").status(), 200, "the admin listener is exempt");
    proxy.metrics_until("the refusal is counted", |metrics| {
        let reason = [("reason", reason)];
        metrics.sum("outrigger_connections_refused_total", &reason) == 1.0
    });
    held.pop();
    until("a place is free again", || serves(proxy));
}

/// `Some` if a new client gets a 200.
fn serves(proxy: &Proxy) -> Option<()> {
    let mut client = Peer::try_connect(&proxy.address("in")).ok()?;
    client.try_send(GET.as_bytes()).ok()?;
    (client.next_head()?.status() == 200).then_some(())
}

/// An origin that answers "held" as soon as the gate is open.
fn holding() -> (Gate, Origin) {
    let gate = Gate::new();
    let origin = {
        let gate = gate.clone();
        Origin::scripted(move |peer, _| {
            while peer.next_request().is_some() {
                gate.wait();
                peer.send(origin::ok("held"));
            }
        })
    };
    (gate, origin)
}

/// An origin that numbers its answers, from 1, as soon as the gate is open.
fn counting() -> (Gate, Origin) {
    let (gate, answered) = (Gate::new(), AtomicUsize::new(0));
    let origin = {
        let gate = gate.clone();
        Origin::scripted(move |peer, _| {
            while peer.next_request().is_some() {
                gate.wait();
                let number = answered.fetch_add(1, Ordering::SeqCst) + 1;
                peer.send(origin::ok(&number.to_string()));
            }
        })
    };
    (gate, origin)
}

/// So many clients whose requests have reached the origin.
fn occupy(proxy: &Proxy, origin: &Origin, count: usize) -> Vec<Peer> {
    let mut clients: Vec<Peer> = (0..count).map(|_| proxy.client()).collect();
    for client in &mut clients {
        client.send(GET);
    }
    until("the origin has them all", || (origin.connections() == count).then_some(()));
    clients
}

#[track_caller]
fn assert_flag(proxy: &Proxy, flag: &str) {
    proxy.metrics_until(&format!("the flag is {flag}"), |metrics| {
        metrics.sum("outrigger_requests_total", &[("flag", flag)]) == 1.0
    });
}
