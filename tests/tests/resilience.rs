//! Bad luck: dead origins, clients that vanish, and many of both at once. Nothing leaks, nobody
//! gets another's bytes, and the next request is served.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use tests::proxy::ConfigFile;
use tests::random::Random;
use tests::wait::while_until;
use tests::{
    Address, Ending, Gate, Message, Origin, Peer, Proxy, Setup, on_both_engines, origin, proxy,
};
use tests::{to_origin, to_origin_with, until, until_still};

const GET: &str = "GET / HTTP/1.1\r\nhost: test\r\n\r\n";

#[test]
fn an_origin_that_dies_and_comes_back_is_used_again() {
    on_both_engines(|engine| {
        let first = Origin::saying("alive");
        let address = first.address().clone();
        let proxy = proxy(engine, &to_origin(&first));
        let mut client = proxy.client();
        assert_eq!(client.send(GET).response().text(), "alive");
        first.kill();
        assert_eq!(client.send(GET).response().status(), 503);
        let _second = Origin::at(&address, |peer, _| {
            origin::serve(peer, &|_: &Message| origin::ok("back"));
        });
        assert_eq!(client.send(GET).response().text(), "back");
    });
}

#[test]
fn an_origin_that_dies_inside_an_answer_cuts_that_answer_only() {
    on_both_engines(|engine| {
        let begun = Gate::new();
        let origin = {
            let begun = begun.clone();
            Origin::scripted(move |peer, _| {
                while let Some(request) = peer.next_request() {
                    if request.target() == "/long" {
                        peer.send("HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nbegun");
                        return begun.wait();
                    }
                    peer.send(origin::ok("whole"));
                }
            })
        };
        let proxy = proxy(engine, &to_origin(&origin));
        let mut cut = proxy.client();
        cut.send("GET /long HTTP/1.1\r\nhost: test\r\n\r\n").head();
        assert_eq!(cut.bytes(5), b"begun");
        begun.open();
        cut.closed();
        assert_eq!(proxy.fetch("/").text(), "whole");
    });
}

#[test]
fn a_client_that_leaves_mid_answer_frees_the_upstream_connection() {
    on_both_engines(|engine| {
        let origin = Origin::scripted(|peer, number| {
            peer.request();
            if number > 0 {
                peer.send(origin::ok("fine"));
                return;
            }
            peer.send("HTTP/1.1 200 OK\r\ncontent-length: 1000000000\r\n\r\n");
            while peer.try_send(&[b'x'; 65536]).is_ok() {}
        });
        let proxy = proxy(engine, &to_origin(&origin));
        let mut client = proxy.client();
        client.send(GET).head();
        client.reset();
        assert_eq!(proxy.fetch("/").text(), "fine");
        assert_nothing_held(&proxy);
    });
}

#[test]
fn a_client_that_leaves_mid_upload_is_not_taken_for_a_whole_request() {
    on_both_engines(|engine| {
        for half in
            ["content-length: 10\r\n\r\nhello", "transfer-encoding: chunked\r\n\r\n5\r\nhello\r\n"]
        {
            let cut = Gate::new();
            let origin = {
                let cut = cut.clone();
                Origin::scripted(move |peer, _| {
                    assert_eq!(peer.complete_request(), None, "a half request was completed");
                    cut.open();
                })
            };
            let proxy = proxy(engine, &to_origin(&origin));
            let mut client = proxy.client();
            client.send(format!("POST / HTTP/1.1\r\nhost: test\r\n{half}"));
            until("the request has begun", || (origin.connections() == 1).then_some(()));
            client.finish_sending();
            cut.wait();
            assert_nothing_held(&proxy);
        }
    });
}

#[test]
fn a_reader_that_pauses_gets_every_byte_in_the_end() {
    on_both_engines(|engine| {
        const LENGTH: usize = 32 << 20;
        let sent = Arc::new(AtomicUsize::new(0));
        let origin = {
            let sent = Arc::clone(&sent);
            Origin::scripted(move |peer, _| {
                peer.request();
                peer.send(format!("HTTP/1.1 200 OK\r\ncontent-length: {LENGTH}\r\n\r\n"));
                for piece in pattern(LENGTH).chunks(1 << 16) {
                    peer.send(piece);
                    sent.fetch_add(piece.len(), Ordering::SeqCst);
                }
            })
        };
        let proxy = proxy(engine, &to_origin(&origin));
        let mut client = proxy.client();
        client.send(GET).head();
        let before = until_still("all buffers are full", || sent.load(Ordering::SeqCst));
        assert!(before < LENGTH, "nothing held the origin back");
        assert!(client.bytes(LENGTH) == pattern(LENGTH), "wrong bytes");
    });
}

#[test]
fn readers_that_pause_before_the_end_of_the_last_answer_get_every_byte() {
    on_both_engines(|engine| {
        // For some of them the last piece waits inside the proxy: a Unix socket buffers 200 kB.
        let lengths = (1..=48).map(|step| step * 8192);
        let origin = Origin::scripted(|peer, _| {
            let length = peer.request().target()[1..].parse().expect("the target is a length");
            peer.send("HTTP/1.1 200 OK\r\n\r\n").send(pattern(length));
        });
        let files = ConfigFile::new("");
        let listen = Address::Unix(files.beside("proxy.sock"));
        let config = to_origin(&origin).replace("\"@in\"", &format!("\"{listen}\""));
        let _proxy = Setup::new(engine).workers(1).start(&config);
        let clients: Vec<(usize, Peer)> = lengths
            .map(|length| {
                let mut client = Peer::connect(&listen);
                client.send(format!("GET /{length} HTTP/1.0\r\n\r\n"));
                (length, client)
            })
            .collect();
        let pause = Instant::now() + Duration::from_secs(3); // longer than a close may linger
        while_until(pause, || assert!(origin.connections() <= clients.len()));
        for (length, mut client) in clients {
            client.head();
            let (body, ending) = client.rest();
            assert!(body == pattern(length), "{} of {length} bytes, {ending:?}", body.len());
            assert_eq!(ending, Ending::Fin);
        }
    });
}

#[test]
fn a_storm_of_aborting_clients_mixes_nobodys_bytes_and_leaks_nothing() {
    on_both_engines(|engine| {
        let origin = Origin::answering(|request| tagged(request.target()));
        let config = to_origin_with(&origin, "", "idle_timeout = \"100ms\"");
        let proxy = Setup::new(engine).start(&config);
        assert_eq!(proxy.fetch("/warm").status(), 200);
        assert_nothing_held(&proxy);
        let before = proxy.descriptors();
        thread::scope(|scope| {
            for seed in 0..4 {
                let proxy = &proxy;
                scope.spawn(move || abort_many(proxy, seed));
                scope.spawn(move || check_many(proxy, seed));
            }
        });
        assert_nothing_held(&proxy);
        until("every descriptor is given back", || (proxy.descriptors() <= before).then_some(()));
    });
}

#[test]
fn no_descriptor_is_left_behind_by_any_kind_of_end() {
    on_both_engines(|engine| {
        let origin = Origin::scripted(|peer, number| {
            if number % 4 == 0 {
                return peer.socket().reset_on_close();
            }
            while let Some(request) = peer.complete_request() {
                match request.target() {
                    "/half" => {
                        return drop(
                            peer.try_send(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n"),
                        );
                    }
                    "/bad" => return drop(peer.try_send(b"nonsense\r\n\r\n")),
                    target => drop(peer.try_send(&tagged(target))),
                }
            }
        });
        let config =
            to_origin_with(&origin, "head_timeout = \"100ms\"", "idle_timeout = \"100ms\"");
        let proxy = Setup::new(engine).start(&config);
        proxy.fetch("/warm");
        assert_nothing_held(&proxy);
        let before = proxy.descriptors();
        for _ in 0..20 {
            for path in ["/half", "/bad", "/good"] {
                proxy.client().send(request(path)).next_head();
            }
            proxy.client().send("GET / HTTP/1.1\r\nhost").finish_sending();
            proxy.client().send("nonsense\r\n\r\n");
            drop(proxy.client());
        }
        assert_nothing_held(&proxy);
        until("every descriptor is given back", || (proxy.descriptors() <= before).then_some(()));
    });
}

/// Connects and leaves again, each time at another point of the exchange.
fn abort_many(proxy: &Proxy, seed: u64) {
    let mut random = Random::seeded(seed);
    for number in 0..150 {
        let Ok(mut client) = Peer::try_connect(&proxy.address("in")) else { continue };
        let request = request(&format!("/abort-{seed}-{number}"));
        let sent = random.below(request.len() as u64 + 1) as usize;
        let whole = random.below(2) == 0;
        let sent = if whole { request.len() } else { sent };
        if client.try_send(&request.as_bytes()[..sent]).is_err() {
            continue;
        }
        if whole && random.below(2) == 0 {
            client.bytes(random.below(8000) as usize + 1);
        }
        if random.below(2) == 0 {
            client.reset();
        }
    }
}

/// Meanwhile, clients that stay get their own answers, whole.
fn check_many(proxy: &Proxy, seed: u64) {
    for round in 0..10 {
        let mut client = proxy.client();
        for number in 0..15 {
            let path = format!("/check-{seed}-{round}-{number}");
            let answer = client.send(request(&path)).response();
            assert_eq!(answer.body, body_of(&path), "another's bytes on {path}");
        }
    }
}

/// Bytes that show a shift or a swap.
fn pattern(length: usize) -> Vec<u8> {
    (0..length).map(|ix| (ix % 251) as u8).collect()
}

fn request(path: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nhost: test\r\n\r\n")
}

/// 20 kB in which every piece names its request.
fn body_of(path: &str) -> Vec<u8> {
    format!("{path};").repeat(20_000 / path.len()).into_bytes()
}

fn tagged(path: &str) -> Vec<u8> {
    let body = body_of(path);
    let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", body.len());
    [head.as_bytes(), &body].concat()
}

/// Waits until the proxy's own gauges are back at zero.
#[track_caller]
fn assert_nothing_held(proxy: &Proxy) {
    let gauges = [
        "outrigger_requests_active",
        "outrigger_downstream_connections_active",
        "outrigger_requests_pending",
    ];
    for gauge in gauges {
        proxy.metrics_until(gauge, |metrics| metrics.sum(gauge, &[]) == 0.0);
    }
    proxy.metrics_until("only idle connections upstream", |metrics| {
        let all = metrics.sum("outrigger_upstream_connections_active", &[]);
        all == metrics.sum("outrigger_upstream_connections_idle", &[])
    });
    assert_eq!(proxy.metrics().sum("outrigger_task_panics_total", &[]), 0.0);
}
