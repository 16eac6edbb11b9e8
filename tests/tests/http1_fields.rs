//! What happens to fields on their way: kept, removed, added, stripped; and interim responses.

use tests::{Message, Origin, on_both_engines, origin, proxy, to_origin, to_origin_with};

#[test]
fn names_keep_their_case_and_fields_their_order() {
    on_both_engines(|engine| {
        let origin = Origin::answering(|request| {
            let names: Vec<_> = request.fields.iter().map(|(name, _)| name.as_str()).collect();
            let body = names.join(" ");
            let length = body.len();
            let head = "HTTP/1.1 200 OK\r\nX-Zed: 1\r\nx-alpha: 2\r\nSET-Cookie: a\r\nx-alpha: 3";
            format!("{head}\r\nContent-Length: {length}\r\n\r\n{body}").into_bytes()
        });
        let proxy = proxy(engine, &to_origin(&origin));
        let fields = "Host: test\r\nX-Zed: 1\r\nx-alpha: 2\r\nAccept: */*\r\nX-ALPHA: 3\r\n";
        let answer = proxy.exchange(&format!("GET / HTTP/1.1\r\n{fields}\r\n"));
        let sent = ["Host", "X-Zed", "x-alpha", "Accept", "X-ALPHA"];
        let kept = answer.text().split(' ').filter(|name| sent.contains(name));
        assert_eq!(kept.collect::<Vec<_>>(), sent);
        let came = ["X-Zed", "x-alpha", "SET-Cookie", "x-alpha"];
        let names = answer.fields.iter().map(|(name, _)| name.as_str());
        assert_eq!(names.filter(|name| came.contains(name)).collect::<Vec<_>>(), came);
        assert_eq!(answer.all("x-alpha"), ["2", "3"]);
    });
}

#[test]
fn values_keep_their_bytes_and_lose_the_space_around() {
    on_both_engines(|engine| {
        let origin = Origin::echo();
        let proxy = proxy(engine, &to_origin(&origin));
        let fields =
            "host: test\r\nx-tab:\t a\tb \r\nx-empty:\r\nx-high: \u{e9}\r\nx-quote: \"a, b\"\r\n";
        let answer = proxy.exchange(&format!("GET / HTTP/1.1\r\n{fields}\r\n"));
        for line in ["x-tab: a\tb\n", "x-empty: \n", "x-high: \u{e9}\n", "x-quote: \"a, b\"\n"] {
            assert!(answer.text().contains(line), "{line:?} in {}", answer.text());
        }
    });
}

#[test]
fn a_head_just_below_the_limit_goes_both_ways() {
    on_both_engines(|engine| {
        let origin = Origin::answering(|request| {
            let value = request.field("x-large").unwrap_or_default();
            format!("HTTP/1.1 200 OK\r\nx-large: {value}\r\ncontent-length: 0\r\n\r\n").into()
        });
        let proxy = proxy(engine, &to_origin(&origin));
        let value = "y".repeat(60 * 1024 - 100);
        let request = format!("GET / HTTP/1.1\r\nhost: test\r\nx-large: {value}\r\n\r\n");
        let mut client = proxy.client();
        for _ in 0..3 {
            assert!(client.send(&request).response().field("x-large") == Some(&value));
        }
    });
}

#[test]
fn fields_of_one_hop_end_here() {
    on_both_engines(|engine| {
        let origin = Origin::answering(|request| {
            let body = origin::described(request);
            let length = body.len();
            let hop = "Connection: X-Private, keep-alive\r\nX-Private: p\r\n\
                       Keep-Alive: timeout=5\r\nProxy-Connection: keep-alive\r\nUpgrade: h2c\r\n";
            format!("HTTP/1.1 200 OK\r\n{hop}content-length: {length}\r\n\r\n{body}").into_bytes()
        });
        let proxy = proxy(engine, &to_origin(&origin));
        let answer = proxy.exchange(
            "GET / HTTP/1.1\r\nhost: test\r\nConnection: x-secret, X-Other, keep-alive\r\n\
             X-Secret: s\r\nx-other: o\r\nKeep-Alive: timeout=9\r\n\
             Proxy-Connection: keep-alive\r\nTE: gzip\r\nUpgrade: websocket\r\n\
             x-stays: yes\r\n\r\n",
        );
        let arrived = answer.text().to_ascii_lowercase();
        assert!(arrived.contains("x-stays: yes\n"), "{arrived}");
        for gone in ["x-secret", "x-other", "keep-alive", "proxy-connection", "te:", "upgrade"] {
            assert!(!arrived.contains(gone), "{gone} in {arrived}");
        }
        for gone in ["x-private", "keep-alive", "proxy-connection", "upgrade"] {
            assert_eq!(answer.field(gone), None, "{answer}");
        }
    });
}

#[test]
fn te_trailers_alone_survives() {
    on_both_engines(|engine| {
        let origin = Origin::echo();
        let proxy = proxy(engine, &to_origin(&origin));
        let arrived = proxy.exchange(
            "GET / HTTP/1.1\r\nhost: test\r\nConnection: TE\r\nTE: gzip;q=0.5, trailers\r\n\r\n",
        );
        let lines: Vec<_> =
            arrived.text().lines().filter(|line| line.to_lowercase().starts_with("te:")).collect();
        assert_eq!(lines.len(), 1, "{arrived}");
        assert!(lines[0].to_lowercase().ends_with(": trailers"), "{arrived}");
    });
}

#[test]
fn connection_cannot_remove_what_the_proxy_relies_on() {
    on_both_engines(|engine| {
        let origin = Origin::echo();
        let proxy = proxy(engine, &to_origin_with(&origin, "forwarded = true", ""));
        let arrived = proxy.exchange(
            "POST / HTTP/1.1\r\nhost: test\r\nConnection: host, content-length, x-forwarded-for\r\n\
             content-length: 2\r\n\r\nhi",
        );
        for kept in ["host: test\n", "content-length: 2\n", "X-Forwarded-For: 127.0.0.1\n"] {
            assert!(arrived.text().contains(kept), "{kept} in {arrived}");
        }
    });
}

#[test]
fn via_is_added_both_ways_where_configured() {
    on_both_engines(|engine| {
        let origin = Origin::echo();
        let proxy = proxy(engine, &to_origin_with(&origin, "via = \"outrigger\"", ""));
        let answer = proxy.exchange("GET / HTTP/1.1\r\nhost: test\r\nvia: 1.0 before\r\n\r\n");
        let vias: Vec<_> = described(&answer, "via");
        assert_eq!(vias.join(", "), "1.0 before, 1.1 outrigger");
        assert_eq!(answer.all("via"), ["1.1 outrigger"]);
    });
}

#[test]
fn via_is_left_alone_by_default() {
    on_both_engines(|engine| {
        let origin = Origin::echo();
        let proxy = proxy(engine, &to_origin(&origin));
        let answer = proxy.fetch("/");
        assert_eq!(answer.field("via"), None);
        assert_eq!(described(&answer, "via"), [""; 0]);
    });
}

#[test]
fn an_untrusted_peer_cannot_speak_for_a_proxy() {
    on_both_engines(|engine| {
        let origin = Origin::echo();
        let proxy = proxy(engine, &to_origin_with(&origin, "forwarded = true", ""));
        let answer = proxy.exchange(
            "GET / HTTP/1.1\r\nhost: test\r\nX-Forwarded-For: 1.2.3.4\r\n\
             x-forwarded-proto: https\r\nX-Forwarded-Host: evil\r\nx-envoy-internal: true\r\n\
             x-forwarded-client-cert: By=me\r\nx-request-id: forged\r\n\r\n",
        );
        assert_eq!(described(&answer, "x-forwarded-for"), ["127.0.0.1"]);
        assert_eq!(described(&answer, "x-forwarded-proto"), ["http"]);
        for gone in ["x-forwarded-host", "x-envoy-internal", "x-forwarded-client-cert"] {
            assert_eq!(described(&answer, gone), [""; 0]);
        }
        assert!(!answer.text().contains("forged"), "{answer}");
    });
}

#[test]
fn nothing_forwarded_is_added_unless_configured_and_a_strangers_word_is_gone_all_the_same() {
    on_both_engines(|engine| {
        let origin = Origin::echo();
        let proxy = proxy(engine, &to_origin(&origin));
        let answer = proxy.exchange(
            "GET / HTTP/1.1\r\nhost: test\r\nX_Forwarded_For: 1.2.3.4\r\n\
             x-forwarded-for: 1.2.3.4\r\nx-forwarded-proto: https\r\n\r\n",
        );
        assert!(!answer.text().to_lowercase().contains("forwarded"), "{answer}");
    });
}

#[test]
fn a_trusted_peer_keeps_its_fields_and_is_appended() {
    on_both_engines(|engine| {
        let origin = Origin::echo();
        let proxy =
            proxy(engine, &to_origin_with(&origin, "trust_peer = true\nforwarded = true", ""));
        let answer = proxy.exchange(
            "GET / HTTP/1.1\r\nhost: test\r\nX-Forwarded-For: 1.2.3.4\r\n\
             x-forwarded-for: 5.6.7.8\r\nx-forwarded-proto: https\r\nx-request-id: kept\r\n\r\n",
        );
        assert_eq!(described(&answer, "x-forwarded-for").join(", "), "1.2.3.4, 5.6.7.8, 127.0.0.1");
        assert_eq!(described(&answer, "x-forwarded-proto"), ["https"]);
        assert_eq!(described(&answer, "x-request-id"), ["kept"]);
    });
}

#[test]
fn every_request_gets_a_request_id_of_its_own() {
    on_both_engines(|engine| {
        let origin = Origin::echo();
        let proxy = proxy(engine, &to_origin(&origin));
        let answers: Vec<_> = (0..4).map(|_| proxy.fetch("/")).collect();
        let ids: Vec<_> =
            answers.iter().flat_map(|answer| described(answer, "x-request-id")).collect();
        assert_eq!(ids.len(), 4);
        for (ix, id) in ids.iter().enumerate() {
            assert!(id.len() >= 32, "{id}");
            assert!(!ids[..ix].contains(id), "twice: {id}");
        }
    });
}

#[test]
fn a_request_id_is_not_made_where_it_is_switched_off() {
    on_both_engines(|engine| {
        let origin = Origin::echo();
        let proxy = proxy(engine, &to_origin_with(&origin, "request_id = false", ""));
        assert_eq!(described(&proxy.fetch("/"), "x-request-id"), [""; 0]);
    });
}

#[test]
fn an_absolute_target_names_the_host_and_loses_its_form() {
    on_both_engines(|engine| {
        let origin = Origin::echo();
        let proxy = proxy(engine, &to_origin(&origin));
        let answer = proxy
            .exchange("GET http://shop.example:81/a?b=c HTTP/1.1\r\nhost: other.example\r\n\r\n");
        assert!(answer.text().starts_with("GET /a?b=c HTTP/1.1\n"), "{answer}");
        assert_eq!(described(&answer, "host"), ["shop.example:81"]);
    });
}

#[test]
fn options_of_everything_is_passed_on() {
    on_both_engines(|engine| {
        let origin = Origin::echo();
        let proxy = proxy(engine, &to_origin(&origin));
        let answer = proxy.exchange("OPTIONS * HTTP/1.1\r\nhost: test\r\n\r\n");
        assert!(answer.text().starts_with("OPTIONS * HTTP/1.1\n"), "{answer}");
    });
}

#[test]
fn a_method_nobody_knows_is_passed_on() {
    on_both_engines(|engine| {
        let origin = Origin::echo();
        let proxy = proxy(engine, &to_origin(&origin));
        let answer = proxy.exchange("BREW /pot HTTP/1.1\r\nhost: test\r\n\r\n");
        assert!(answer.text().starts_with("BREW /pot HTTP/1.1\n"), "{answer}");
    });
}

#[test]
fn connect_is_not_allowed() {
    on_both_engines(|engine| {
        let origin = Origin::saying("never");
        let proxy = proxy(engine, &to_origin(&origin));
        let mut client = proxy.client();
        client.send("CONNECT test:443 HTTP/1.1\r\nhost: test:443\r\n\r\n");
        assert_eq!(client.response().status(), 405);
        assert_eq!(origin.bytes_received(), 0);
    });
}

#[test]
fn a_client_that_waits_for_100_hears_it_from_the_origin() {
    on_both_engines(|engine| {
        let origin = Origin::scripted(|peer, _| {
            assert_eq!(peer.head().field("expect"), Some("100-continue"));
            peer.send("HTTP/1.1 100 Continue\r\n\r\n");
            assert_eq!(peer.bytes(4), b"body");
            peer.send(origin::ok("thanks"));
        });
        let proxy = proxy(engine, &to_origin(&origin));
        let mut client = proxy.client();
        client.send(
            "PUT / HTTP/1.1\r\nhost: test\r\nexpect: 100-continue\r\ncontent-length: 4\r\n\r\n",
        );
        assert_eq!(client.head().status(), 100);
        assert_eq!(client.send("body").response().text(), "thanks");
    });
}

#[test]
fn an_origin_may_refuse_instead_of_100() {
    on_both_engines(|engine| {
        let origin = Origin::scripted(|peer, _| {
            peer.head();
            peer.send("HTTP/1.1 403 Forbidden\r\nconnection: close\r\ncontent-length: 2\r\n\r\nno");
        });
        let proxy = proxy(engine, &to_origin(&origin));
        let mut client = proxy.client();
        client.send(
            "PUT / HTTP/1.1\r\nhost: test\r\nexpect: 100-continue\r\ncontent-length: 4\r\n\r\n",
        );
        let answer = client.response();
        assert_eq!((answer.status(), answer.text()), (403, "no"));
    });
}

#[test]
fn early_hints_are_passed_on_before_the_answer() {
    on_both_engines(|engine| {
        let origin = Origin::answering(|_| {
            let hints = "HTTP/1.1 103 Early Hints\r\nlink: </a.css>\r\n\r\n";
            [hints.as_bytes(), hints.as_bytes(), &origin::ok("page")].concat()
        });
        let proxy = proxy(engine, &to_origin(&origin));
        let mut client = proxy.client();
        client.send("GET / HTTP/1.1\r\nhost: test\r\n\r\n");
        for _ in 0..2 {
            let hints = client.head();
            assert_eq!((hints.status(), hints.field("link")), (103, Some("</a.css>")));
        }
        assert_eq!(client.response().text(), "page");
    });
}

#[test]
fn an_http10_client_hears_no_interim_response() {
    on_both_engines(|engine| {
        let origin = Origin::answering(|_| {
            let hints = b"HTTP/1.1 103 Early Hints\r\nlink: </a.css>\r\n\r\n".as_slice();
            [hints, &origin::ok("page")].concat()
        });
        let proxy = proxy(engine, &to_origin(&origin));
        let answer = proxy.client().send("GET / HTTP/1.0\r\n\r\n").response();
        assert_eq!((answer.status(), answer.text()), (200, "page"));
    });
}

/// The values of a field, as the echoing origin described them.
fn described<'a>(answer: &'a Message, name: &str) -> Vec<&'a str> {
    let lines = answer.text().lines().skip(1).take_while(|line| !line.is_empty());
    let fields = lines.filter_map(|line| line.split_once(": "));
    fields.filter(|(found, _)| found.eq_ignore_ascii_case(name)).map(|(_, value)| value).collect()
}
