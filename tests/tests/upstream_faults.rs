//! Origins that break the protocol: the client gets 502 or a cut connection, never a lie, and no
//! other client ever meets what such an origin said.

use tests::{
    Engine, Gate, Message, Origin, Peer, Proxy, Setup, on_both_engines, origin, to_origin,
};

const GET: &str = "GET / HTTP/1.1\r\nhost: test\r\n\r\n";

#[test]
fn a_malformed_answer_becomes_502() {
    let long_field = format!("HTTP/1.1 200 OK\r\nx: {}\r\n\r\n", "y".repeat(61_440));
    let many_fields = format!("HTTP/1.1 200 OK\r\n{}\r\n", "x: y\r\n".repeat(101));
    let answers: &[(&str, &str)] = &[
        ("garbage", "nonsense\r\n\r\n"),
        ("another protocol", "SSH-2.0-OpenSSH_9.2\r\n\r\n"),
        ("another version", "HTTP/2.0 200 OK\r\ncontent-length: 0\r\n\r\n"),
        ("status of two digits", "HTTP/1.1 20 OK\r\ncontent-length: 0\r\n\r\n"),
        ("status of letters", "HTTP/1.1 abc OK\r\ncontent-length: 0\r\n\r\n"),
        ("status below 100", "HTTP/1.1 099 OK\r\ncontent-length: 0\r\n\r\n"),
        (
            "length and chunked",
            "HTTP/1.1 200 OK\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n\r\n",
        ),
        ("two lengths", "HTTP/1.1 200 OK\r\ncontent-length: 5\r\ncontent-length: 6\r\n\r\nhello"),
        ("signed length", "HTTP/1.1 200 OK\r\ncontent-length: +5\r\n\r\nhello"),
        ("huge length", "HTTP/1.1 200 OK\r\ncontent-length: 99999999999999999999\r\n\r\nhello"),
        ("xchunked", "HTTP/1.1 200 OK\r\ntransfer-encoding: xchunked\r\n\r\n0\r\n\r\n"),
        ("length on 204", "HTTP/1.1 204 No Content\r\ncontent-length: 5\r\n\r\nhello"),
        (
            "chunked on 204",
            "HTTP/1.1 204 No Content\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
        ),
        ("length on 103", "HTTP/1.1 103 Early Hints\r\ncontent-length: 5\r\n\r\nhello"),
        ("LF line ends", "HTTP/1.1 200 OK\ncontent-length: 0\n\n"),
        ("folded field", "HTTP/1.1 200 OK\r\nx: y\r\n z\r\ncontent-length: 0\r\n\r\n"),
        ("space before the colon", "HTTP/1.1 200 OK\r\ncontent-length : 0\r\n\r\n"),
        ("NUL in a value", "HTTP/1.1 200 OK\r\nx: a\0b\r\ncontent-length: 0\r\n\r\n"),
        ("CR in a value", "HTTP/1.1 200 OK\r\nx: a\rb\r\ncontent-length: 0\r\n\r\n"),
        ("a head above 60 KiB", &long_field),
        ("101 fields", &many_fields),
        (
            "101 without Upgrade",
            "HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n",
        ),
    ];
    on_both_engines(|engine| {
        for (name, answer) in answers {
            let scene = Scene::answering_once(engine, answer);
            let mut client = scene.proxy.client();
            let refusal = client.send(GET).response();
            assert_eq!(refusal.status(), 502, "{name}: {refusal}\n{client}");
            scene.next_is_served(name);
        }
    });
}

#[test]
fn a_connection_that_closes_before_the_answer_becomes_503() {
    on_both_engines(|engine| {
        for begun in ["", "HTTP/1.1 2", "HTTP/1.1 200 OK\r\nx: y\r\n"] {
            let scene = Scene::scripted_once(engine, move |peer| {
                peer.request();
                peer.send(begun);
            });
            let answer = scene.proxy.fetch("/");
            assert!([502, 503].contains(&answer.status()), "{begun:?}: {answer}");
            scene.next_is_served(begun);
        }
    });
}

#[test]
fn a_reset_before_the_answer_becomes_503() {
    on_both_engines(|engine| {
        let scene = Scene::scripted_once(engine, |peer| {
            peer.request();
            peer.socket().reset_on_close();
        });
        assert_eq!(scene.proxy.fetch("/").status(), 503);
        scene.next_is_served("reset");
    });
}

#[test]
fn an_answer_shorter_than_its_length_is_cut_and_never_completed() {
    on_both_engines(|engine| {
        let short = "HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhello";
        let scene = Scene::answering_once(engine, short);
        let mut client = scene.proxy.client();
        assert_eq!(client.send(GET).head().field("content-length"), Some("10"));
        let (body, _) = client.rest();
        assert!(b"hello".starts_with(&body), "{}", body.escape_ascii());
        scene.next_is_served("short body");
    });
}

#[test]
fn a_chunked_answer_without_its_end_is_cut_and_never_completed() {
    on_both_engines(|engine| {
        for end in ["", "5\r\nhel", "zz\r\n", "3\r\nhello\r\n0\r\n\r\n"] {
            let answer = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n";
            let scene = Scene::answering_once(engine, &format!("{answer}{end}"));
            let mut client = scene.proxy.client();
            client.send("GET / HTTP/1.1\r\nhost: test\r\nconnection: close\r\n\r\n");
            let (whole, _) = client.rest();
            let whole = String::from_utf8_lossy(&whole).into_owned();
            let refused = whole.starts_with("HTTP/1.1 502");
            assert!(refused || !whole.ends_with("0\r\n\r\n"), "{end:?} was completed: {whole:?}");
            scene.next_is_served(end);
        }
    });
}

#[test]
fn an_answer_that_ends_with_its_connection_is_not_completed_by_a_reset() {
    on_both_engines(|engine| {
        let sent = Gate::new();
        let read = Gate::new();
        let scene = {
            let (sent, read) = (sent.clone(), read.clone());
            Scene::scripted_once(engine, move |peer| {
                peer.request();
                peer.send("HTTP/1.1 200 OK\r\n\r\nhello");
                sent.open();
                read.wait();
                peer.socket().reset_on_close();
            })
        };
        let mut client = scene.proxy.client();
        client.send(GET).head();
        sent.wait();
        assert_eq!(client.bytes(10), b"5\r\nhello\r\n", "{client}");
        read.open();
        let (rest, _) = client.rest();
        assert!(rest.is_empty(), "completed after a reset: {}", rest.escape_ascii());
        scene.next_is_served("reset in body");
    });
}

#[test]
fn what_an_origin_says_beyond_its_answer_reaches_nobody() {
    on_both_engines(|engine| {
        let surplus = "HTTP/1.1 200 OK\r\ncontent-length: 8\r\n\r\nPOISONED";
        for first in [
            "content-length: 2\r\n\r\nok",
            "transfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
        ] {
            let scene = Scene::scripted_once(engine, move |peer| {
                peer.request();
                peer.send(format!("HTTP/1.1 200 OK\r\n{first}{surplus}"));
                peer.rest();
            });
            let mut client = scene.proxy.client();
            assert_eq!(client.send(GET).response().text(), "ok");
            for _ in 0..3 {
                assert_eq!(client.send(GET).response().text(), "next", "{first:?}");
            }
            let unasked = [("side", "upstream"), ("fault", "unasked_bytes")];
            scene.proxy.metrics_until("it is counted", |metrics| {
                metrics.sum("outrigger_protocol_faults_total", &unasked) == 1.0
            });
        }
    });
}

#[test]
fn what_an_origin_says_on_an_idle_connection_reaches_nobody() {
    on_both_engines(|engine| {
        let answered = Gate::new();
        let poisoned = Gate::new();
        let scene = {
            let (answered, poisoned) = (answered.clone(), poisoned.clone());
            Scene::scripted_once(engine, move |peer| {
                peer.request();
                peer.send(origin::ok("ok"));
                answered.wait();
                peer.send("HTTP/1.1 200 OK\r\ncontent-length: 8\r\n\r\nPOISONED");
                poisoned.open();
                peer.rest();
            })
        };
        let mut client = scene.proxy.client();
        assert_eq!(client.send(GET).response().text(), "ok");
        answered.open();
        poisoned.wait();
        for _ in 0..3 {
            assert_eq!(client.send(GET).response().text(), "next");
        }
    });
}

#[test]
fn a_body_behind_an_answer_to_head_reaches_nobody() {
    on_both_engines(|engine| {
        let scene =
            Scene::answering_once(engine, "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello");
        let mut client = scene.proxy.client();
        let answer = client.send("HEAD / HTTP/1.1\r\nhost: test\r\n\r\n").response_to("HEAD");
        assert_eq!(answer.field("content-length"), Some("5"));
        assert_eq!(client.send(GET).response().text(), "next");
    });
}

#[test]
fn an_answer_before_the_request_is_whole_reaches_the_client() {
    on_both_engines(|engine| {
        let scene = Scene::scripted_once(engine, |peer| {
            peer.head();
            peer.send("HTTP/1.1 413 Content Too Large\r\ncontent-length: 3\r\n\r\nbig");
            peer.rest();
        });
        let mut client = scene.proxy.client();
        client.send("POST / HTTP/1.1\r\nhost: test\r\ncontent-length: 1000000\r\n\r\nfirst bytes");
        let answer = client.response();
        assert_eq!((answer.status(), answer.text()), (413, "big"));
        scene.next_is_served("early answer");
    });
}

#[test]
fn an_origin_that_answers_early_and_closes_is_heard_while_the_upload_goes_on() {
    on_both_engines(|engine| {
        let scene = Scene::scripted_once(engine, |peer| {
            peer.head();
            peer.send(
                "HTTP/1.1 401 Unauthorized\r\nconnection: close\r\ncontent-length: 2\r\n\r\nno",
            );
        });
        let mut client = scene.proxy.client();
        client.send("POST / HTTP/1.1\r\nhost: test\r\ncontent-length: 10000000\r\n\r\n");
        let answer = client.response();
        assert_eq!((answer.status(), answer.text()), (401, "no"));
        scene.next_is_served("early answer and close");
    });
}

#[test]
fn interim_responses_without_end_are_cut_off() {
    on_both_engines(|engine| {
        let scene = Scene::scripted_once(engine, |peer| {
            peer.request();
            let storm = "HTTP/1.1 103 Early Hints\r\nx: y\r\n\r\n".repeat(100);
            while peer.try_send(storm.as_bytes()).is_ok() {}
        });
        let mut client = scene.proxy.client();
        client.send(GET);
        let mut hints = 0;
        let last = loop {
            let Some(head) = client.next_head() else { break None };
            if head.status() >= 200 {
                break Some(head.status());
            }
            hints += 1;
            assert!(hints < 10_000, "the storm passes through");
        };
        assert!(last.is_none_or(|status| status == 502), "{last:?}");
        scene.next_is_served("interim storm");
    });
}

#[test]
fn an_origin_that_stops_reading_and_never_answers_ends_in_a_timeout() {
    on_both_engines(|engine| {
        let origin = Origin::scripted(|peer, _| {
            peer.head();
            peer.hold();
        });
        let config = to_origin(&origin)
            .replace("upstream = \"app\"", "upstream = \"app\"\ntimeout = \"300ms\"");
        let proxy = Setup::new(engine).start(&config);
        assert_eq!(proxy.fetch("/").status(), 504);
    });
}

/// A proxy of one worker before an origin whose first connection misbehaves; the others say "next".
struct Scene {
    proxy: Proxy,
    _origin: Origin,
}

impl Scene {
    /// The first connection answers its first request with these bytes and closes.
    fn answering_once(engine: Engine, answer: &str) -> Scene {
        let answer = answer.to_owned();
        Scene::scripted_once(engine, move |peer| {
            peer.request();
            let _ = peer.try_send(answer.as_bytes());
        })
    }

    fn scripted_once(engine: Engine, first: impl Fn(&mut Peer) + Send + Sync + 'static) -> Scene {
        let origin = Origin::scripted(move |peer, number| match number {
            0 => first(peer),
            _ => origin::serve(peer, &|_: &Message| origin::ok("next")),
        });
        let proxy = Setup::new(engine).workers(1).start(&to_origin(&origin));
        Scene { proxy, _origin: origin }
    }

    #[track_caller]
    fn next_is_served(&self, after: &str) {
        for _ in 0..2 {
            assert_eq!(self.proxy.fetch("/").text(), "next", "after {after}");
        }
    }
}
