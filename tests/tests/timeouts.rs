//! Every wait of the proxy ends, with the status and flag that Envoy gives it.

use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use socket2::{Domain, Socket, Type};
use tests::{Address, DEADLINE, Gate, Origin, Proxy, on_both_engines, origin, proxy};
use tests::{to_origin_with, to_routes};

const GET: &str = "GET / HTTP/1.1\r\nhost: test\r\n\r\n";

#[test]
fn a_connect_that_nobody_answers_ends_after_the_connect_timeout() {
    on_both_engines(|engine| {
        let deaf = Deaf::new();
        let upstream = format!(
            "[[routes.app]]\nupstream = \"app\"\n\
             [upstreams.app]\nendpoints = [\"{}\"]\nconnect_timeout = \"150ms\"\n",
            deaf.address
        );
        let proxy = proxy(engine, &to_routes(&upstream, &[]));
        let started = Instant::now();
        assert_eq!(proxy.fetch("/").status(), 503);
        assert!(started.elapsed() >= Duration::from_millis(150));
        assert_flag(&proxy, "UF");
    });
}

#[test]
fn an_answer_that_never_comes_ends_after_the_route_timeout() {
    on_both_engines(|engine| {
        let origin = Origin::scripted(|peer, _| {
            peer.request();
            peer.rest();
        });
        let routes = "[[routes.app]]\nupstream = \"app\"\ntimeout = \"200ms\"\n";
        let proxy = proxy(engine, &to_routes(routes, &[("app", &origin)]));
        let started = Instant::now();
        let mut client = proxy.client();
        let answer = client.send(GET).response();
        assert_eq!(answer.status(), 504);
        assert!(started.elapsed() >= Duration::from_millis(200));
        assert_flag(&proxy, "UT");
    });
}

#[test]
fn the_route_timeout_does_not_count_the_time_of_the_upload() {
    on_both_engines(|engine| {
        let origin = Origin::saying("late but fine");
        let routes = "[[routes.app]]\nupstream = \"app\"\ntimeout = \"150ms\"\n";
        let proxy = proxy(engine, &to_routes(routes, &[("app", &origin)]));
        let mut client = proxy.client();
        client.send("POST / HTTP/1.1\r\nhost: test\r\ncontent-length: 2\r\n\r\na");
        assert!(client.is_quiet_for(Duration::from_millis(400)), "answered early\n{client}");
        assert_eq!(client.send("b").response().text(), "late but fine");
    });
}

#[test]
fn an_answer_cut_by_the_route_timeout_is_not_completed() {
    on_both_engines(|engine| {
        let origin = Origin::scripted(|peer, _| {
            peer.request();
            peer.send("HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhello");
            peer.rest();
        });
        let routes = "[[routes.app]]\nupstream = \"app\"\ntimeout = \"200ms\"\n";
        let proxy = proxy(engine, &to_routes(routes, &[("app", &origin)]));
        let mut client = proxy.client();
        assert_eq!(client.send(GET).head().status(), 200);
        let (body, _) = client.rest();
        assert!(b"hello".starts_with(&body), "{}", body.escape_ascii());
        assert_flag(&proxy, "UT");
    });
}

#[test]
fn a_head_that_never_ends_is_408() {
    on_both_engines(|engine| {
        let origin = Origin::saying("never");
        let proxy = proxy(engine, &to_origin_with(&origin, "head_timeout = \"200ms\"", ""));
        let mut client = proxy.client();
        client.send("GET / HTTP/1.1\r\nhost: te");
        assert_eq!(client.response().status(), 408);
        client.closed();
        assert_eq!(origin.connections(), 0);
    });
}

#[test]
fn a_head_that_dribbles_is_408_all_the_same() {
    on_both_engines(|engine| {
        let origin = Origin::saying("never");
        let proxy = proxy(engine, &to_origin_with(&origin, "head_timeout = \"300ms\"", ""));
        let mut client = proxy.client();
        client.send("GET / HTTP/1.1\r\n");
        let started = Instant::now();
        while client.is_quiet_for(Duration::from_millis(20)) {
            assert!(started.elapsed() < DEADLINE, "each byte wins new time");
            if client.try_send(b"x").is_err() {
                break;
            }
        }
        assert!(started.elapsed() >= Duration::from_millis(250));
    });
}

#[test]
fn an_idle_connection_is_closed_without_a_word() {
    on_both_engines(|engine| {
        let origin = Origin::saying("hi");
        let proxy = proxy(engine, &to_origin_with(&origin, "idle_timeout = \"300ms\"", ""));
        let mut silent = proxy.client();
        silent.closed();
        let mut client = proxy.client();
        assert_eq!(client.send(GET).response().text(), "hi");
        client.closed();
    });
}

#[test]
fn an_answer_that_stands_still_ends_after_the_stream_idle_timeout() {
    on_both_engines(|engine| {
        let origin = Origin::scripted(|peer, _| {
            peer.request();
            peer.send("HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhello");
            peer.rest();
        });
        let idle = "stream_idle_timeout = \"250ms\"";
        let proxy = proxy(engine, &to_origin_with(&origin, idle, ""));
        let mut client = proxy.client();
        assert_eq!(client.send(GET).head().status(), 200);
        let (body, _) = client.rest();
        assert!(b"hello".starts_with(&body), "{}", body.escape_ascii());
        assert_flag(&proxy, "SI");
    });
}

#[test]
fn an_upload_that_stands_still_is_408() {
    on_both_engines(|engine| {
        let origin = Origin::scripted(|peer, _| {
            peer.rest();
        });
        let idle = "stream_idle_timeout = \"250ms\"";
        let proxy = proxy(engine, &to_origin_with(&origin, idle, ""));
        let mut client = proxy.client();
        client.send("POST / HTTP/1.1\r\nhost: test\r\ncontent-length: 10\r\n\r\nhello");
        assert_eq!(client.response().status(), 408);
        client.closed();
        assert_flag(&proxy, "SI");
    });
}

#[test]
fn a_slow_answer_that_keeps_moving_is_not_idle() {
    on_both_engines(|engine| {
        let next = Gate::new();
        let origin = {
            let next = next.clone();
            Origin::scripted(move |peer, _| {
                peer.request();
                peer.send("HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n");
                for _ in 0..5 {
                    assert!(peer.is_quiet_for(Duration::from_millis(150)));
                    peer.send("x");
                }
                next.open();
            })
        };
        let idle = "stream_idle_timeout = \"500ms\"";
        let proxy = proxy(engine, &to_origin_with(&origin, idle, ""));
        assert_eq!(proxy.client().send(GET).response().text(), "xxxxx");
        next.wait();
    });
}

#[test]
fn without_a_route_timeout_an_answer_may_take_its_time() {
    on_both_engines(|engine| {
        let origin = Origin::scripted(|peer, _| {
            peer.request();
            assert!(peer.is_quiet_for(Duration::from_millis(600)));
            peer.send(origin::ok("slow"));
        });
        let routes = "[[routes.app]]\nupstream = \"app\"\ntimeout = false\n";
        let proxy = proxy(engine, &to_routes(routes, &[("app", &origin)]));
        assert_eq!(proxy.client().send(GET).response().text(), "slow");
    });
}

#[track_caller]
fn assert_flag(proxy: &Proxy, flag: &str) {
    proxy.metrics_until(&format!("the flag is {flag}"), |metrics| {
        metrics.sum("outrigger_requests_total", &[("flag", flag)]) == 1.0
    });
}

/// An address that answers no SYN: a listener whose queue is full.
struct Deaf {
    address: Address,
    _listener: Socket,
    _queued: Vec<TcpStream>,
}

impl Deaf {
    fn new() -> Deaf {
        let address = Address::reserve();
        let listener = Socket::new(Domain::IPV4, Type::STREAM, None).expect("descriptors are left");
        listener.bind(&address.inet().into()).expect("the address is reserved");
        listener.listen(0).expect("it is bound");
        let queued = fill(address.inet());
        Deaf { address, _listener: listener, _queued: queued }
    }
}

/// Connects until a connect hangs.
fn fill(address: SocketAddr) -> Vec<TcpStream> {
    let patience = Duration::from_millis(100);
    std::iter::from_fn(|| TcpStream::connect_timeout(&address, patience).ok()).take(64).collect()
}
