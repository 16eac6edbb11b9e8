//! Attacks on where one message ends and the next begins: an upload that was cut short, a body that
//! was read already, a head or a chunk that is faulty from its first byte to its last.

use std::net::Shutdown;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

use tests::proxy::ConfigFile;
use tests::{Address, Gate, Message, Origin, Peer, Proxy, Setup, on_both_engines, origin};
use tests::{to_origin, until_still};

/// 64 bytes, so that a receive buffer's end is also a request's.
const SMUGGLED: &str = "GET /smuggled HTTP/1.1\r\nHost: a\r\nX: abcdefghijklmnopqrstuvwx\r\n\r\n";
/// Enough that an origin which stopped reading is noticed.
const CUT_UPLOAD_BYTES: usize = 320 * PIECE_BYTES;
/// More than the kernel buffers on the way to an origin which does not read.
const STUCK_UPLOAD_BYTES: usize = 8192 * PIECE_BYTES;
const PIECE_BYTES: usize = 4096;

#[test]
fn what_is_left_of_an_upload_that_a_unix_origin_stopped_reading_is_no_request() {
    on_both_engines(|engine| {
        let files = ConfigFile::new("");
        let address = Address::Unix(files.beside("origin.sock"));
        let (stopped, pressed) = (Gate::new(), Gate::new());
        let seen = Targets::default();
        let origin = {
            let (stopped, pressed) = (stopped.clone(), pressed.clone());
            Origin::at(
                &address,
                seen.noting(move |peer| {
                    peer.socket().shutdown(Shutdown::Read);
                    stopped.open();
                    pressed.wait();
                    peer.send("HTTP/1.1 413 Content Too Large\r\nContent-Length: 0\r\n\r\n");
                    peer.hold();
                }),
            )
        };
        let proxy = Setup::new(engine).workers(1).start(&to_origin(&origin));
        let (answer, _) = upload_requests(&proxy, CUT_UPLOAD_BYTES, &stopped, &pressed);
        assert_eq!(answer.status(), 413, "{answer}");
        assert_one_request(&proxy, &seen);
    });
}

#[test]
fn what_is_left_of_an_upload_that_an_origin_answered_and_reset_is_no_request() {
    on_both_engines(|engine| {
        let (stopped, pressed) = (Gate::new(), Gate::new());
        let seen = Targets::default();
        let origin = {
            let (stopped, pressed) = (stopped.clone(), pressed.clone());
            Origin::scripted(seen.noting(move |peer| {
                stopped.open();
                pressed.wait();
                peer.send("HTTP/1.1 413 Content Too Large\r\nContent-Length: 0\r\n\r\n");
                peer.socket().reset_on_close();
            }))
        };
        let proxy = Setup::new(engine).workers(1).start(&to_origin(&origin));
        let (answer, sent) = upload_requests(&proxy, STUCK_UPLOAD_BYTES, &stopped, &pressed);
        assert!(sent < STUCK_UPLOAD_BYTES, "the kernel took it all");
        assert!([413, 502, 503].contains(&answer.status()), "{answer}");
        assert_one_request(&proxy, &seen);
    });
}

#[test]
fn a_body_that_was_read_is_not_read_again_from_the_next_request() {
    on_both_engines(|engine| {
        for (next, status) in [("GET /ok", 200), ("GET /xxxxxGET /smuggled", 400)] {
            let seen = Targets::default();
            let origin = Origin::scripted(seen.noting(|peer| {
                assert_eq!(peer.bytes(10), b"0123456789");
                peer.socket().reset_on_close();
            }));
            let proxy = Setup::new(engine).workers(1).start(&to_origin(&origin));
            let mut client = proxy.client();
            client.send("POST / HTTP/1.1\r\nhost: test\r\ncontent-length: 10\r\n\r\n0123456789");
            assert_eq!(client.response().status(), 503, "{client}");
            let _ = client.try_send(format!("{next} HTTP/1.1\r\nhost: test\r\n\r\n").as_bytes());
            // A proxy that closed the connection is safe as well.
            let answer = client.next_head();
            assert!(answer.is_none_or(|answer| answer.status() == status), "{next}\n{client}");
            assert!(!seen.any("/smuggled"), "{client}");
        }
    });
}

#[test]
fn a_faulty_head_that_comes_in_one_packet_is_answered() {
    on_both_engines(|engine| {
        let origin = Origin::saying("ok");
        let proxy = Setup::new(engine).workers(1).start(&to_origin(&origin));
        let heads = [
            "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: +5\r\n\r\n",
            "HEAD / HTTP/1.1\r\nHost: a\r\nContent-Length: +5\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: a\r\nX : y\r\n\r\n",
            "G@T / HTTP/1.1\r\nHost: a\r\n\r\n",
        ];
        for head in heads {
            let mut client = proxy.client();
            let answer = client.send(head).next_head();
            assert_eq!(answer.map(|answer| answer.status()), Some(400), "{client}");
        }
        assert_eq!(proxy.metrics().sum("outrigger_task_panics_total", &[]), 0.0);
        assert_eq!(origin.connections(), 0);
    });
}

#[test]
fn a_request_that_was_answered_by_early_hints_is_not_sent_again() {
    on_both_engines(|engine| {
        let hinted = Gate::new();
        let origin = {
            let hinted = hinted.clone();
            Origin::scripted(move |peer, number| {
                assert_eq!(number, 0, "sent a second time: {}", peer.request());
                peer.request();
                peer.send(origin::ok("first"));
                assert_eq!(peer.request().method(), "DELETE");
                peer.send("HTTP/1.1 103 Early Hints\r\nx: y\r\n\r\n");
                hinted.wait();
                peer.socket().reset_on_close();
            })
        };
        let proxy = Setup::new(engine).workers(1).start(&to_origin(&origin));
        let mut client = proxy.client();
        let first = client.send("GET / HTTP/1.1\r\nhost: test\r\n\r\n").response();
        assert_eq!(first.text(), "first");
        client.send("DELETE /once HTTP/1.1\r\nhost: test\r\n\r\n");
        assert_eq!(client.head().status(), 103, "{client}");
        hinted.open();
        assert_eq!(client.response_to("DELETE").status(), 503, "{client}");
        assert_eq!(origin.connections(), 1);
    });
}

#[test]
fn a_bad_first_chunk_in_the_packet_of_the_head_becomes_502() {
    on_both_engines(|engine| {
        for chunk in ["zz\r\n", "-1\r\nx\r\n", "5 \r\nhello\r\n"] {
            let head = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";
            let answer = format!("{head}{chunk}").into_bytes();
            let origin = Origin::answering(move |_| answer.clone());
            let proxy = Setup::new(engine).workers(1).start(&to_origin(&origin));
            assert_eq!(proxy.fetch("/").status(), 502, "{chunk:?}");
            proxy.metrics_until("the flag is UPE", |metrics| {
                let labels = [("code", "502"), ("flag", "UPE")];
                metrics.sum("outrigger_requests_total", &labels) == 1.0
            });
        }
    });
}

/// The targets of the requests that an origin saw.
#[derive(Clone, Default)]
struct Targets {
    seen: Arc<Mutex<Vec<String>>>,
}

impl Targets {
    /// A script that reads the first connection's head and goes on by `first`, and that answers
    /// every request on the others.
    fn noting(
        &self,
        first: impl Fn(&mut Peer) + Send + Sync + 'static,
    ) -> impl Fn(&mut Peer, usize) + Send + Sync + 'static {
        let targets = self.clone();
        move |peer, number| {
            if number == 0 {
                targets.note(&peer.head());
                return first(peer);
            }
            let answer = |request: &Message| {
                targets.note(request);
                origin::ok("next")
            };
            origin::serve(peer, &answer);
        }
    }

    fn note(&self, request: &Message) {
        let mut seen = self.seen.lock().expect("no holder panics");
        seen.push(request.target().to_owned());
    }

    fn any(&self, target: &str) -> bool {
        self.all().iter().any(|seen| seen == target)
    }

    fn all(&self) -> Vec<String> {
        self.seen.lock().expect("no holder panics").clone()
    }
}

/// A POST whose body is requests, to an origin that has stopped reading at `stopped` and may answer
/// once nobody takes more of it: at `pressed`. The answer, behind which nothing but an end may
/// come, and how many bytes of the body were sent before it.
#[track_caller]
fn upload_requests(
    proxy: &Proxy,
    length: usize,
    stopped: &Gate,
    pressed: &Gate,
) -> (Message, usize) {
    let mut client = proxy.client();
    let piece = SMUGGLED.repeat(PIECE_BYTES / SMUGGLED.len());
    let head = format!("POST / HTTP/1.1\r\nhost: test\r\ncontent-length: {length}\r\n\r\n");
    client.send(head + &piece);
    stopped.wait();
    let sent = AtomicUsize::new(piece.len());
    let mut sender = Peer::new(client.socket().duplicate());
    thread::scope(|scope| {
        scope.spawn(|| {
            while sent.load(Ordering::SeqCst) < length && sender.try_send(piece.as_bytes()).is_ok()
            {
                sent.fetch_add(piece.len(), Ordering::SeqCst);
            }
        });
        let sent = until_still("the upload is stuck or done", || sent.load(Ordering::SeqCst));
        pressed.open();
        let answer = client.response();
        client.closed();
        (answer, sent)
    })
}

/// Not one byte of the body was taken for a request: neither by an origin nor by the proxy.
#[track_caller]
fn assert_one_request(proxy: &Proxy, seen: &Targets) {
    let metrics = proxy.metrics_until("the request is over", |metrics| {
        metrics.sum("outrigger_downstream_connections_active", &[]) == 0.0
    });
    assert_eq!(seen.all(), ["/"]);
    assert_eq!(metrics.sum("outrigger_requests_total", &[]), 1.0, "{metrics}");
}
