//! HTTP/1.1 as it is meant to be: connections kept, bodies of every framing, both versions.

use tests::message::Framing;
use tests::{Gate, Origin, Peer, Setup, on_both_engines, origin, proxy, to_origin};

#[test]
fn a_connection_serves_request_after_request_over_one_upstream_connection() {
    on_both_engines(|engine| {
        let origin = Origin::echo();
        let proxy = Setup::new(engine).workers(1).start(&to_origin(&origin));
        let mut client = proxy.client();
        for path in ["/first", "/second", "/third"] {
            let answer = client.send(get(path)).response();
            assert_eq!(answer.status(), 200);
            assert!(answer.text().starts_with(&format!("GET {path} HTTP/1.1\n")), "{answer}");
        }
        assert_eq!(origin.connections(), 1);
    });
}

#[test]
fn pipelined_requests_are_answered_in_order() {
    on_both_engines(|engine| {
        let origin = Origin::answering(|request| origin::ok(request.target()));
        let proxy = proxy(engine, &to_origin(&origin));
        let mut client = proxy.client();
        let paths: Vec<_> = (0..20).map(|ix| format!("/{ix}")).collect();
        let all: String = paths.iter().map(|path| get(path)).collect();
        client.send(all);
        for path in &paths {
            assert_eq!(client.response().text(), path);
        }
    });
}

#[test]
fn pipelined_requests_with_bodies_keep_their_own_bodies() {
    on_both_engines(|engine| {
        let origin = Origin::answering(|request| origin::ok(&format!("<{}>", request.text())));
        let proxy = proxy(engine, &to_origin(&origin));
        let mut client = proxy.client();
        let chunked = "transfer-encoding: chunked\r\n\r\n1\r\na\r\n2\r\nbc\r\n0\r\n\r\n";
        let requests =
            [post("content-length: 3\r\n\r\nxyz"), post(chunked), get("/"), post(chunked)];
        client.send(requests.concat());
        let bodies: Vec<_> = requests.iter().map(|_| client.response().text().to_owned()).collect();
        assert_eq!(bodies, ["<xyz>", "<abc>", "<>", "<abc>"]);
    });
}

#[test]
fn a_request_that_comes_byte_by_byte_is_the_same_request() {
    on_both_engines(|engine| {
        let origin = Origin::echo();
        let proxy = proxy(engine, &to_origin(&origin));
        let request =
            post("x-a: b\r\ntransfer-encoding: chunked\r\n\r\n3;e=f\r\nabc\r\n0\r\nt: u\r\n\r\n");
        let whole = proxy.client().send(&request).response();
        let mut client = proxy.client();
        for byte in request.as_bytes() {
            client.send([*byte]);
        }
        let answer = client.response();
        let without_id = |text: &str| -> String {
            text.lines().filter(|line| !line.starts_with("X-Request-Id")).collect()
        };
        assert_eq!(without_id(answer.text()), without_id(whole.text()));
    });
}

#[test]
fn empty_lines_before_a_request_are_forgiven() {
    on_both_engines(|engine| {
        let origin = Origin::saying("fine");
        let proxy = proxy(engine, &to_origin(&origin));
        let mut client = proxy.client();
        assert_eq!(client.send(format!("\r\n{}", get("/"))).response().text(), "fine");
        assert_eq!(client.send(format!("\r\n{}", get("/"))).response().text(), "fine");
    });
}

#[test]
fn a_body_of_known_length_arrives_whole_both_ways() {
    on_both_engines(|engine| {
        let origin = Origin::answering(|request| {
            let mut answer = head_with_length(request.body.len());
            answer.extend_from_slice(&request.body);
            answer
        });
        let proxy = proxy(engine, &to_origin(&origin));
        let body = pattern(1 << 20);
        let mut client = proxy.client();
        client.send(post(&format!("content-length: {}\r\n\r\n", body.len()))).send(&body);
        let answer = client.response();
        assert!(answer.body == body, "the body changed on its way");
        assert_eq!(answer.response_framing("POST"), Framing::Length(body.len()));
    });
}

#[test]
fn a_chunked_body_arrives_whole_both_ways() {
    on_both_engines(|engine| {
        let origin = Origin::answering(|request| {
            assert_eq!(request.request_framing(), Framing::Chunked);
            let head = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n".to_vec();
            [head, chunked(&request.body, 7919)].concat()
        });
        let proxy = proxy(engine, &to_origin(&origin));
        let body = pattern(1 << 18);
        let mut client = proxy.client();
        client.send(post("transfer-encoding: chunked\r\n\r\n")).send(chunked(&body, 1000));
        let answer = client.response();
        assert!(answer.body == body, "the body changed on its way");
        assert_eq!(answer.response_framing("POST"), Framing::Chunked);
    });
}

#[test]
fn trailers_go_both_ways() {
    on_both_engines(|engine| {
        let origin = Origin::answering(|request| {
            let told = format!("{:?}", request.trailers);
            let head = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\ntrailer: X-End\r\n\r\n";
            format!("{head}{:x}\r\n{told}\r\n0\r\nX-End: yes\r\n\r\n", told.len()).into_bytes()
        });
        let proxy = proxy(engine, &to_origin(&origin));
        let mut client = proxy.client();
        let fields = "te: trailers\r\ntrailer: X-Sum\r\ntransfer-encoding: chunked\r\n\r\n";
        client.send(post(&format!("{fields}2\r\nhi\r\n0\r\nX-Sum: 42\r\n\r\n")));
        let answer = client.response();
        assert_eq!(answer.text(), r#"[("X-Sum", "42")]"#);
        assert_eq!(answer.trailers, [("X-End".to_owned(), "yes".to_owned())]);
    });
}

#[test]
fn head_is_answered_with_a_length_and_no_body() {
    on_both_engines(|engine| {
        let origin = Origin::answering(|request| match request.method() {
            "HEAD" => head_with_length(5),
            _ => origin::ok("after"),
        });
        let proxy = proxy(engine, &to_origin(&origin));
        let mut client = proxy.client();
        let answer = client.send("HEAD / HTTP/1.1\r\nhost: test\r\n\r\n").response_to("HEAD");
        assert_eq!((answer.status(), answer.field("content-length")), (200, Some("5")));
        assert_eq!(client.send(get("/")).response().text(), "after");
    });
}

#[test]
fn answers_without_a_body_leave_the_connection_usable() {
    on_both_engines(|engine| {
        let origin = Origin::answering(|request| match request.target() {
            "/204" => b"HTTP/1.1 204 No Content\r\nx-a: b\r\n\r\n".to_vec(),
            "/304" => {
                b"HTTP/1.1 304 Not Modified\r\netag: \"e\"\r\ncontent-length: 9\r\n\r\n".to_vec()
            }
            _ => origin::ok(""),
        });
        let proxy = Setup::new(engine).workers(1).start(&to_origin(&origin));
        let mut client = proxy.client();
        for (path, status) in [("/204", 204), ("/304", 304), ("/empty", 200), ("/204", 204)] {
            let answer = client.send(get(path)).response();
            assert_eq!((answer.status(), answer.body.len()), (status, 0));
        }
        assert_eq!(origin.connections(), 1, "the upstream connection was kept too");
    });
}

#[test]
fn a_body_that_ends_with_its_connection_is_chunked_for_the_client() {
    on_both_engines(|engine| {
        let origin = Origin::scripted(|peer, _| {
            peer.request();
            peer.send("HTTP/1.1 200 OK\r\n\r\nuntil the end");
        });
        let proxy = proxy(engine, &to_origin(&origin));
        let mut client = proxy.client();
        for _ in 0..2 {
            let answer = client.send(get("/")).response();
            assert_eq!(answer.response_framing("GET"), Framing::Chunked);
            assert_eq!(answer.text(), "until the end");
        }
    });
}

#[test]
fn a_client_that_says_close_gets_its_answer_and_the_close() {
    on_both_engines(|engine| {
        let origin = Origin::saying("bye");
        let proxy = proxy(engine, &to_origin(&origin));
        let mut client = proxy.client();
        client.send("GET / HTTP/1.1\r\nhost: test\r\nconnection: close\r\n\r\n");
        let answer = client.response();
        assert_eq!((answer.text(), answer.field("connection")), ("bye", Some("close")));
        client.closed();
    });
}

#[test]
fn an_origin_that_says_close_ends_its_own_connection_only() {
    on_both_engines(|engine| {
        let origin = Origin::scripted(|peer, number| {
            peer.request();
            let body = number.to_string();
            let length = body.len();
            peer.send(format!(
                "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n{body}"
            ));
        });
        let proxy = Setup::new(engine).workers(1).start(&to_origin(&origin));
        let mut client = proxy.client();
        for number in ["0", "1", "2"] {
            let answer = client.send(get("/")).response();
            assert_eq!((answer.text(), answer.field("connection")), (number, None));
        }
    });
}

#[test]
fn an_http10_client_is_served_without_host_and_closed() {
    on_both_engines(|engine| {
        let origin = Origin::echo();
        let proxy = proxy(engine, &to_origin(&origin));
        let mut client = proxy.client();
        let answer = client.send("GET /old HTTP/1.0\r\n\r\n").response();
        assert!(answer.text().starts_with("GET /old HTTP/1.1\n"), "{answer}");
        client.closed();
    });
}

#[test]
fn an_http10_client_never_sees_chunks() {
    on_both_engines(|engine| {
        let origin = Origin::answering(|_| {
            b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n".to_vec()
        });
        let proxy = proxy(engine, &to_origin(&origin));
        let mut client = proxy.client();
        client.send("GET / HTTP/1.0\r\nhost: test\r\nconnection: keep-alive\r\n\r\n");
        let answer = client.response();
        assert_eq!(answer.response_framing("GET"), Framing::UntilClose);
        assert_eq!(answer.text(), "abc");
    });
}

#[test]
fn an_http10_client_may_keep_its_connection_for_answers_of_known_length() {
    on_both_engines(|engine| {
        let origin = Origin::saying("kept");
        let proxy = proxy(engine, &to_origin(&origin));
        let mut client = proxy.client();
        for _ in 0..2 {
            client.send("GET / HTTP/1.0\r\nhost: test\r\nconnection: keep-alive\r\n\r\n");
            let answer = client.response();
            assert_eq!(answer.text(), "kept");
            assert_eq!(answer.field("connection"), Some("keep-alive"));
        }
    });
}

#[test]
fn an_http10_origin_is_not_asked_twice_on_one_connection() {
    on_both_engines(|engine| {
        let origin = Origin::scripted(|peer, _| {
            peer.request();
            peer.send("HTTP/1.0 200 OK\r\ncontent-length: 3\r\n\r\nold");
            peer.closed();
        });
        let proxy = Setup::new(engine).workers(1).start(&to_origin(&origin));
        let mut client = proxy.client();
        for _ in 0..2 {
            assert_eq!(client.send(get("/")).response().text(), "old");
        }
        assert_eq!(origin.connections(), 2);
    });
}

#[test]
fn a_response_is_passed_on_while_it_is_still_being_written() {
    on_both_engines(|engine| {
        let gate = Gate::new();
        let origin = {
            let gate = gate.clone();
            Origin::scripted(move |peer, _| {
                peer.request();
                peer.send("HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nfirst");
                gate.wait();
                peer.send("later");
            })
        };
        let proxy = proxy(engine, &to_origin(&origin));
        let mut client = proxy.client();
        client.send(get("/")).head();
        assert_eq!(client.bytes(5), b"first");
        gate.open();
        assert_eq!(client.bytes(5), b"later");
    });
}

#[test]
fn a_request_is_passed_on_while_it_is_still_being_written() {
    on_both_engines(|engine| {
        let arrived = Gate::new();
        let origin = {
            let arrived = arrived.clone();
            Origin::scripted(move |peer, _| {
                peer.head();
                assert_eq!(peer.bytes(5), b"first");
                arrived.open();
                assert_eq!(peer.bytes(5), b"later");
                peer.send(origin::ok("both"));
            })
        };
        let proxy = proxy(engine, &to_origin(&origin));
        let mut client = proxy.client();
        client.send(post("content-length: 10\r\n\r\nfirst"));
        arrived.wait();
        assert_eq!(client.send("later").response().text(), "both");
    });
}

#[test]
fn a_client_that_stops_sending_after_its_request_still_gets_the_answer() {
    on_both_engines(|engine| {
        let origin = Origin::saying("for the half-closed");
        let proxy = proxy(engine, &to_origin(&origin));
        let mut client: Peer = proxy.client();
        client.send(get("/"));
        client.finish_sending();
        assert_eq!(client.response().text(), "for the half-closed");
        client.closed();
    });
}

fn get(path: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nhost: test\r\n\r\n")
}

/// `rest`: further fields, the empty line, the body.
fn post(rest: &str) -> String {
    format!("POST / HTTP/1.1\r\nhost: test\r\n{rest}")
}

fn head_with_length(length: usize) -> Vec<u8> {
    format!("HTTP/1.1 200 OK\r\ncontent-length: {length}\r\n\r\n").into_bytes()
}

/// Bytes that show a shift or a swap.
fn pattern(length: usize) -> Vec<u8> {
    (0..length).map(|ix| (ix % 251) as u8).collect()
}

fn chunked(body: &[u8], size: usize) -> Vec<u8> {
    let mut out = Vec::new();
    for chunk in body.chunks(size) {
        out.extend(format!("{:x}\r\n", chunk.len()).into_bytes());
        out.extend_from_slice(chunk);
        out.extend_from_slice(b"\r\n");
    }
    out.extend_from_slice(b"0\r\n\r\n");
    out
}
