//! Upstream connections between two requests: which are used again, and which never.

use std::time::{Duration, Instant};

use tests::proxy::ConfigFile;
use tests::{Address, Gate, Message, Origin, Peer, Setup, on_both_engines, origin};
use tests::{to_origin, to_origin_with, to_routes};

const GET: &str = "GET / HTTP/1.1\r\nhost: test\r\n\r\n";

#[test]
fn clients_after_one_another_share_an_upstream_connection() {
    on_both_engines(|engine| {
        let origin = Origin::saying("ok");
        let proxy = Setup::new(engine).workers(1).start(&to_origin(&origin));
        for _ in 0..5 {
            assert_eq!(proxy.fetch("/").text(), "ok");
        }
        assert_eq!(origin.connections(), 1);
    });
}

#[test]
fn requests_at_once_do_not_wait_for_one_another() {
    on_both_engines(|engine| {
        let all_here = std::sync::Arc::new(std::sync::Barrier::new(4));
        let origin = Origin::scripted(move |peer, _| {
            peer.request();
            all_here.wait();
            peer.send(origin::ok("together"));
            peer.closed();
        });
        let proxy = Setup::new(engine).workers(1).start(&to_origin(&origin));
        let mut clients: Vec<Peer> = (0..4).map(|_| proxy.client()).collect();
        for client in &mut clients {
            client.send(GET);
        }
        for client in &mut clients {
            assert_eq!(client.response().text(), "together");
        }
    });
}

#[test]
fn an_idle_connection_is_closed_after_four_seconds_by_default() {
    on_both_engines(|engine| {
        let ended = Gate::new();
        let origin = {
            let ended = ended.clone();
            Origin::scripted(move |peer, _| {
                peer.request();
                peer.send(origin::ok("ok"));
                let idle_since = Instant::now();
                peer.closed();
                let idle = idle_since.elapsed();
                assert!(idle >= Duration::from_secs(3), "closed after {idle:?}");
                assert!(idle <= Duration::from_secs(6), "closed after {idle:?}");
                ended.open();
            })
        };
        let proxy = Setup::new(engine).workers(1).start(&to_origin(&origin));
        assert_eq!(proxy.fetch("/").text(), "ok");
        ended.wait();
    });
}

#[test]
fn a_keep_alive_timeout_of_the_origin_shortens_the_wait() {
    on_both_engines(|engine| {
        let ended = Gate::new();
        let origin = {
            let ended = ended.clone();
            Origin::scripted(move |peer, _| {
                peer.request();
                peer.send("HTTP/1.1 200 OK\r\nkeep-alive: timeout=1\r\ncontent-length: 0\r\n\r\n");
                let idle_since = Instant::now();
                peer.closed();
                assert!(idle_since.elapsed() <= Duration::from_secs(3));
                ended.open();
            })
        };
        let proxy = Setup::new(engine).workers(1).start(&to_origin(&origin));
        assert_eq!(proxy.fetch("/").status(), 200);
        ended.wait();
    });
}

#[test]
fn a_connection_that_the_origin_closed_while_idle_is_not_used_again() {
    on_both_engines(|engine| {
        let closing = Gate::new();
        let origin = {
            let closing = closing.clone();
            Origin::scripted(move |peer, number| {
                peer.request();
                peer.send(origin::ok(&number.to_string()));
                if number == 0 {
                    closing.wait();
                    peer.finish_sending();
                }
                assert!(peer.next_request().is_none(), "used again after its end");
            })
        };
        // Long, so that only the end itself can be the reason.
        let config = to_origin_with(&origin, "", "idle_timeout = \"1h\"");
        let proxy = Setup::new(engine).workers(1).start(&config);
        let mut client = proxy.client();
        assert_eq!(client.send(GET).response().text(), "0");
        closing.open();
        proxy.metrics_until("the proxy has noticed the end", |metrics| {
            metrics.sum("outrigger_upstream_connections_idle", &[]) == 0.0
        });
        assert_eq!(client.send(post("not repeatable")).response().text(), "1");
    });
}

#[test]
fn a_request_that_meets_a_closing_connection_is_repeated_once_on_a_new_one() {
    on_both_engines(|engine| {
        for method in ["GET", "PUT", "DELETE", "HEAD", "OPTIONS"] {
            let (scene, proxy) = racing(engine);
            let mut client = proxy.client();
            assert_eq!(client.send(GET).response().text(), "first");
            let request = format!("{method} /again HTTP/1.1\r\nhost: test\r\n\r\n");
            let answer = client.send(request).response_to(method);
            assert_eq!(answer.status(), 200, "{method}");
            assert_eq!(scene.connections(), 2, "{method}");
        }
    });
}

#[test]
fn a_post_that_meets_a_closing_connection_is_not_repeated() {
    on_both_engines(|engine| {
        for request in ["POST / HTTP/1.1\r\nhost: test\r\n\r\n", &post("once")] {
            let (scene, proxy) = racing(engine);
            let mut client = proxy.client();
            assert_eq!(client.send(GET).response().text(), "first");
            assert_eq!(client.send(request).response().status(), 503);
            assert_eq!(scene.connections(), 1);
        }
    });
}

#[test]
fn a_reset_on_a_new_connection_is_not_repeated() {
    on_both_engines(|engine| {
        let origin = Origin::scripted(|peer, _| {
            peer.request();
            peer.socket().reset_on_close();
        });
        let proxy = Setup::new(engine).workers(1).start(&to_origin(&origin));
        assert_eq!(proxy.fetch("/").status(), 503);
        assert_eq!(origin.connections(), 1);
    });
}

#[test]
fn a_connection_is_closed_after_its_number_of_requests() {
    on_both_engines(|engine| {
        let origin = Origin::saying("ok");
        let keys = "requests_per_connection = 2";
        let config = to_origin_with(&origin, "", keys);
        let proxy = Setup::new(engine).workers(1).start(&config);
        for _ in 0..6 {
            assert_eq!(proxy.fetch("/").text(), "ok");
        }
        assert_eq!(origin.connections(), 3);
    });
}

#[test]
fn with_no_idle_connections_allowed_each_request_has_its_own() {
    on_both_engines(|engine| {
        let origin = Origin::saying("ok");
        let config = to_origin_with(&origin, "", "idle_per_core = 0");
        let proxy = Setup::new(engine).workers(1).start(&config);
        for _ in 0..3 {
            assert_eq!(proxy.fetch("/").text(), "ok");
        }
        assert_eq!(origin.connections(), 3);
    });
}

#[test]
fn a_connection_whose_client_went_away_is_not_used_again() {
    on_both_engines(|engine| {
        let arrived = Gate::new();
        let gone = Gate::new();
        let origin = {
            let (arrived, gone) = (arrived.clone(), gone.clone());
            Origin::scripted(move |peer, number| {
                peer.request();
                if number == 0 {
                    arrived.open();
                    peer.closed(); // the proxy cuts the exchange that nobody waits for
                    return gone.open();
                }
                peer.send(origin::ok("mine"));
                peer.rest();
            })
        };
        let proxy = Setup::new(engine).workers(1).start(&to_origin(&origin));
        let mut client = proxy.client();
        client.send(GET);
        arrived.wait();
        client.reset();
        gone.wait();
        assert_eq!(proxy.fetch("/").text(), "mine");
    });
}

#[test]
fn unix_sockets_work_on_both_sides() {
    on_both_engines(|engine| {
        let files = ConfigFile::new("");
        let origin = Origin::at(&Address::Unix(files.beside("origin.sock")), |peer, _| {
            origin::serve(peer, &|request: &Message| origin::ok(&origin::described(request)));
        });
        let listen = Address::Unix(files.beside("proxy.sock"));
        let config = to_origin(&origin).replace("\"@in\"", &format!("\"{listen}\""));
        let proxy = Setup::new(engine).start(&config);
        let mut client = Peer::connect(&listen);
        for _ in 0..3 {
            let answer = client.send(post("over a path")).response();
            assert!(answer.text().contains("over a path"), "{answer}");
        }
        assert!(origin.connections() <= 3);
        drop(proxy);
    });
}

#[test]
fn a_unix_socket_that_is_not_there_is_503() {
    on_both_engines(|engine| {
        let files = ConfigFile::new("");
        let nobody = Address::Unix(files.beside("nobody.sock"));
        let upstream = format!(
            "[[routes.app]]\nupstream = \"app\"\n[upstreams.app]\nendpoints = [\"{nobody}\"]\n"
        );
        let proxy = Setup::new(engine).start(&to_routes(&upstream, &[]));
        assert_eq!(proxy.fetch("/").status(), 503);
    });
}

/// An origin that answers once, and whose first connection resets on its second request; and a
/// proxy of one worker before it.
fn racing(engine: tests::Engine) -> (Origin, tests::Proxy) {
    let origin = Origin::scripted(|peer, number| {
        let first = peer.request();
        peer.send(match first.method() {
            "HEAD" => b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n".to_vec(),
            _ => origin::ok("first"),
        });
        if number == 0 {
            peer.head();
            peer.socket().reset_on_close();
        } else {
            peer.rest();
        }
    });
    let proxy = Setup::new(engine).workers(1).start(&to_origin(&origin));
    (origin, proxy)
}

fn post(body: &str) -> String {
    format!("POST / HTTP/1.1\r\nhost: test\r\ncontent-length: {}\r\n\r\n{body}", body.len())
}
