//! Malformed requests over the wire: refused, closed, passed on to nobody, harmful to nobody.

use std::sync::{Arc, Mutex};

use tests::corpus::{self, Case};
use tests::{Engine, Origin, Peer, Proxy, on_both_engines, origin, proxy, to_origin};

#[test]
fn the_corpus_is_large_and_its_names_are_unique() {
    let cases = [corpus::heads(), corpus::chunked_bodies()].concat();
    assert!(cases.len() >= 120, "{}", cases.len());
    for (ix, case) in cases.iter().enumerate() {
        assert!(cases[..ix].iter().all(|other| other.name != case.name), "twice: {}", case.name);
    }
}

#[test]
fn a_malformed_head_is_refused_and_nothing_of_it_passed_on() {
    on_both_engines(|engine| {
        let scene = Scene::new(engine);
        for case in corpus::heads() {
            let before = scene.origin.bytes_received();
            scene.refuse(&case);
            assert_eq!(scene.origin.bytes_received(), before, "{}: reached the origin", case.name);
            scene.serve_the_next_client(&case);
        }
    });
}

#[test]
fn a_malformed_chunked_body_is_refused_and_no_whole_request_passed_on() {
    on_both_engines(|engine| {
        let scene = Scene::new(engine);
        for case in corpus::chunked_bodies() {
            let before = scene.served.lock().expect("no holder panics").len();
            scene.refuse(&case);
            let after = scene.served.lock().expect("no holder panics").len();
            assert_eq!(after, before, "{}: the origin took it for whole", case.name);
            scene.serve_the_next_client(&case);
        }
    });
}

#[test]
fn a_malformed_head_in_small_pieces_is_refused_all_the_same() {
    on_both_engines(|engine| {
        let scene = Scene::new(engine);
        for case in corpus::heads().into_iter().filter(|case| case.bytes.len() < 200) {
            let mut client = scene.proxy.client();
            for piece in case.bytes.chunks(3) {
                if client.try_send(piece).is_err() {
                    break; // refused already
                }
            }
            let answer = client.next_head();
            let status = answer.map(|answer| answer.status());
            // Bytes sent after the refusal may reset the connection before the answer is read.
            assert!(status.is_none_or(|status| status == case.status), "{}: {status:?}", case.name);
            scene.serve_the_next_client(&case);
        }
    });
}

#[test]
fn a_good_request_before_a_malformed_one_is_still_answered() {
    on_both_engines(|engine| {
        let scene = Scene::new(engine);
        let mut client = scene.proxy.client();
        client.send("GET /good HTTP/1.1\r\nhost: test\r\n\r\nGET /bad HTTP/1.1\r\n\r\n");
        assert_eq!(client.response().text(), "/good");
        assert_eq!(client.response().status(), 400);
        client.closed();
    });
}

#[test]
fn bytes_beyond_the_stated_length_are_the_next_request_and_nothing_else() {
    on_both_engines(|engine| {
        let scene = Scene::new(engine);
        let mut client = scene.proxy.client();
        client.send("POST /short HTTP/1.1\r\nhost: test\r\ncontent-length: 2\r\n\r\nhello");
        assert_eq!(client.response().text(), "/short");
        client.send("\r\n\r\n");
        assert_eq!(client.response().status(), 400, "`llo` is no request");
        client.closed();
        assert_eq!(*scene.served.lock().expect("no holder panics"), ["/short"]);
    });
}

#[test]
fn faults_are_counted_by_their_rule() {
    on_both_engines(|engine| {
        let scene = Scene::new(engine);
        for _ in 0..3 {
            scene.proxy.exchange("GET / HTTP/1.1\r\nhost: a\r\nhost: b\r\n\r\n");
        }
        scene.proxy.metrics_until("three faults are counted", |metrics| {
            metrics.sum("outrigger_protocol_faults_total", &[("fault", "repeated_host")]) == 3.0
        });
    });
}

/// A proxy before an origin that answers with the target and notes every whole request.
struct Scene {
    proxy: Proxy,
    origin: Origin,
    served: Arc<Mutex<Vec<String>>>,
}

impl Scene {
    fn new(engine: Engine) -> Scene {
        let served = Arc::new(Mutex::new(Vec::new()));
        let origin = {
            let served = Arc::clone(&served);
            Origin::scripted(move |peer, _| {
                while let Some(request) = peer.complete_request() {
                    let target = request.target().to_owned();
                    served.lock().expect("no holder panics").push(target.clone());
                    peer.send(origin::ok(&target));
                }
            })
        };
        Scene { proxy: proxy(engine, &to_origin(&origin)), origin, served }
    }

    /// Sends the case, and expects its status and the end of the connection.
    #[track_caller]
    fn refuse(&self, case: &Case) {
        let mut client: Peer = self.proxy.client();
        client.send(&case.bytes);
        let Some(answer) = client.next_head() else {
            panic!("{}: closed without an answer\n{client}", case.name);
        };
        assert_eq!(answer.status(), case.status, "{}\n{client}", case.name);
        assert_eq!(answer.field("connection"), Some("close"), "{}\n{client}", case.name);
        let (rest, _) = client.rest();
        let rest = String::from_utf8_lossy(&rest);
        assert!(!rest.contains("HTTP/1.1"), "{}: a second answer\n{client}", case.name);
    }

    #[track_caller]
    fn serve_the_next_client(&self, case: &Case) {
        let answer = self.proxy.fetch("/next");
        assert_eq!(answer.text(), "/next", "after {}", case.name);
        let served = self.served.lock().expect("no holder panics");
        let smuggled = served.iter().any(|target| target == "/smuggled");
        assert!(!smuggled, "{}: the smuggled request was served", case.name);
    }
}
