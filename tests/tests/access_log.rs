//! What stands in the access log: Envoy's format byte for byte, JSON, filters, and every request
//! once. The file itself, and what befalls it, is `access_log_file`'s.

use serde_json::Value;
use tests::lines::{Log, with_log};
use tests::{Engine, Origin, Peer, Proxy, Setup, on_both_engines, to_routes};

const ROUTES: &str = r#"
[[routes.app]]
match = { prefix = "/old/" }
upstream = "app"
rewrite = { prefix = "/new/" }
[[routes.app]]
name = "dead"
match = { prefix = "/dead" }
upstream = "dead"
[[routes.app]]
match = { prefix = "/direct" }
respond = { status = 200, body = "hello" }
[[routes.app]]
match = { prefix = "/error" }
respond = { status = 500, body = "sorry" }
[[routes.app]]
match = { prefix = "/app" }
upstream = "app"
[upstreams.dead]
endpoints = ["127.0.0.1:1"]
"#;

/// Requests, and the lines that Envoy 1.40 writes of the same between the same peers, but for the
/// status texts that are the bodies of the proxy's own answers. `T`, `N`, `ID` and `ORIGIN` stand
/// for a time, milliseconds, a made id and the origin's address.
const CASES: &[(&str, &str)] = &[
    (
        "GET /app HTTP/1.1\r\nhost: h\r\nuser-agent: t/1\r\nx-request-id: abc\r\n\
         x-forwarded-for: 1.2.3.4\r\n",
        r#"[T] "GET /app HTTP/1.1" 200 - 0 5 N N "1.2.3.4" "t/1" "abc" "h" "ORIGIN""#,
    ),
    (
        "POST /app?q=1 HTTP/1.1\r\nhost: h\r\ncontent-length: 7\r\n",
        r#"[T] "POST /app?q=1 HTTP/1.1" 200 - 7 5 N N "-" "-" "ID" "h" "ORIGIN""#,
    ),
    (
        "GET /none HTTP/1.1\r\nhost: h\r\n",
        r#"[T] "GET /none HTTP/1.1" 404 NR 0 9 N - "-" "-" "ID" "h" "-""#,
    ),
    (
        "GET /dead HTTP/1.1\r\nhost: h\r\n",
        r#"[T] "GET /dead HTTP/1.1" 503 UF 0 19 N - "-" "-" "ID" "h" "127.0.0.1:1""#,
    ),
    (
        "GET /old/x?y=1 HTTP/1.1\r\nhost: h\r\n",
        r#"[T] "GET /old/x?y=1 HTTP/1.1" 200 - 0 5 N N "-" "-" "ID" "h" "ORIGIN""#,
    ),
    (
        "HEAD /app/head HTTP/1.1\r\nhost: h\r\n",
        r#"[T] "HEAD /app/head HTTP/1.1" 200 - 0 0 N N "-" "-" "ID" "h" "ORIGIN""#,
    ),
    (
        "GET /app/204 HTTP/1.1\r\nhost: h\r\n",
        r#"[T] "GET /app/204 HTTP/1.1" 204 - 0 0 N N "-" "-" "ID" "h" "ORIGIN""#,
    ),
    (
        "GET /direct HTTP/1.1\r\nhost: h\r\n",
        r#"[T] "GET /direct HTTP/1.1" 200 - 0 5 N - "-" "-" "ID" "h" "-""#,
    ),
    (
        "HEAD /direct/head HTTP/1.1\r\nhost: h\r\n",
        r#"[T] "HEAD /direct/head HTTP/1.1" 200 - 0 0 N - "-" "-" "ID" "h" "-""#,
    ),
    (
        "GET /app/two HTTP/1.1\r\nhost: h\r\nx-forwarded-for: 1.1.1.1\r\n\
         x-forwarded-for: 2.2.2.2\r\n",
        r#"[T] "GET /app/two HTTP/1.1" 200 - 0 5 N N "1.1.1.1,2.2.2.2" "-" "ID" "h" "ORIGIN""#,
    ),
    ("GARBAGE\r\n", r#"[T] "- - HTTP/1.1" 400 DPE 0 11 N - "-" "-" "-" "-" "-""#),
];

#[test]
fn envoys_format_is_envoys_byte_for_byte() {
    on_both_engines(|engine| {
        let (log, proxy, origin) = start(engine, "");
        for (request, _) in CASES {
            exchange(&proxy, request);
        }
        let written: Vec<_> = log.at_the_end(proxy).iter().map(|line| masked(line)).collect();
        let expected: Vec<_> = CASES
            .iter()
            .map(|(_, line)| line.replace("ORIGIN", &origin.address().to_string()))
            .collect();
        assert_eq!(written, expected);
    });
}

#[test]
fn json_has_numbers_as_numbers_and_null_for_what_is_missing() {
    on_both_engines(|engine| {
        let (log, proxy, origin) = start(engine, "format = \"json\"");
        exchange(&proxy, "POST /app HTTP/1.1\r\nhost: h\r\ncontent-length: 7\r\n");
        exchange(&proxy, "GET /dead HTTP/1.1\r\nhost: h\r\n");
        let lines = json(&log.at_the_end(proxy));
        let (good, bad) = (&lines[0], &lines[1]);
        for (member, value) in [
            ("method", Value::from("POST")),
            ("response_code", Value::from(200)),
            ("response_flags", Value::Null),
            ("response_code_details", Value::from("via_upstream")),
            ("bytes_received", Value::from(7)),
            ("bytes_sent", Value::from(5)),
            ("user_agent", Value::Null),
            ("upstream_cluster", Value::from("app")),
            ("upstream_host", Value::from(origin.address().to_string())),
            ("route_name", Value::from("app[4]")),
        ] {
            assert_eq!(good[member], value, "{member} in {good}");
        }
        assert!(good["duration"].is_u64() && good["upstream_service_time"].is_u64(), "{good}");
        assert_eq!(bad["response_code_details"], "connect_refused", "{bad}");
        assert_eq!((&bad["response_flags"], &bad["route_name"]), (&"UF".into(), &"dead".into()));
        assert_eq!(bad["upstream_service_time"], Value::Null, "{bad}");
    });
}

#[test]
fn a_line_is_what_the_template_says() {
    on_both_engines(|engine| {
        let keys = "format = \"%RESPONSE_CODE% %REQ(X-A?X-B)% %RESP(X-SAYS)% %ROUTE_NAME% 100%% \
                    %UPSTREAM_REQUEST_ATTEMPT_COUNT% %DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%\"";
        let (log, proxy, _origin) = start(engine, keys);
        exchange(&proxy, "GET /app HTTP/1.1\r\nhost: h\r\nx-b: b\r\n");
        exchange(&proxy, "GET /direct HTTP/1.1\r\nhost: h\r\nx-a: a\r\nx-b: b\r\n");
        let lines = log.at_the_end(proxy);
        assert_eq!(lines[0], "200 b hello app[4] 100% 1 127.0.0.1");
        assert_eq!(lines[1], "200 a - app[2] 100% 0 127.0.0.1");
    });
}

#[test]
fn no_header_breaks_its_line() {
    on_both_engines(|engine| {
        for (keys, shown) in [
            ("", r#""a\x22 \x5C\x09é\x22""#),
            ("format = \"json\"", r#""user_agent":"a\" \\\u0009é\"""#),
        ] {
            let (log, proxy, _origin) = start(engine, keys);
            exchange(&proxy, "GET /app HTTP/1.1\r\nhost: h\r\nuser-agent: a\" \\\té\"\r\n");
            let lines = log.at_the_end(proxy);
            assert!(lines.len() == 1 && lines[0].contains(shown), "{lines:?}");
        }
    });
}

#[test]
fn who_left_has_a_line_with_flag_and_without_status() {
    on_both_engines(|engine| {
        let origin = Origin::scripted(|peer, _| {
            peer.request();
            peer.rest();
        });
        let log = Log::new();
        let proxy = one_core(engine, &with_log(&log, "", &to_routes(ROUTES, &[("app", &origin)])));
        let mut client = proxy.client();
        client.send("GET /app HTTP/1.1\r\nhost: h\r\nx-request-id: abc\r\n\r\n");
        proxy.metrics_until("it is in flight", |metrics| {
            metrics.sum("outrigger_requests_active", &[]) == 1.0
        });
        client.reset();
        proxy.metrics_until("it has ended", |metrics| {
            metrics.sum("outrigger_requests_active", &[]) == 0.0
        });
        let lines = log.at_the_end(proxy);
        assert!(lines[0].contains(r#""GET /app HTTP/1.1" 0 DC 0 0 "#), "{lines:?}");
    });
}

#[test]
fn a_request_that_the_end_cuts_has_its_line() {
    on_both_engines(|engine| {
        let origin = Origin::scripted(|peer, _| {
            peer.request();
            peer.rest();
        });
        let log = Log::new();
        let config = with_log(&log, "", &to_routes(ROUTES, &[("app", &origin)]));
        let keys = "pre_drain = \"0s\"\ndrain_timeout = \"1s\"\n";
        let proxy = Setup::new(engine).workers(1).process(keys).start(&config);
        let mut client = proxy.client();
        client.send("GET /app HTTP/1.1\r\nhost: h\r\n\r\n");
        proxy.metrics_until("it is in flight", |metrics| {
            metrics.sum("outrigger_requests_active", &[]) == 1.0
        });
        let lines = log.at_the_end(proxy);
        assert!(lines[0].contains(r#""GET /app HTTP/1.1" 0 LR 0 0 "#), "{lines:?}");
    });
}

#[test]
fn what_an_untrusted_peer_must_not_say_is_not_logged() {
    on_both_engines(|engine| {
        let log = Log::new();
        let origin = Origin::saying("hello");
        let config = with_log(&log, "", &to_routes(ROUTES, &[("app", &origin)]));
        let proxy = one_core(engine, &config);
        let claims = "x-request-id: mine\r\nx-forwarded-for: 6.6.6.6\r\n";
        exchange(&proxy, &format!("GET /app HTTP/1.1\r\nhost: h\r\n{claims}"));
        let line = masked(&log.at_the_end(proxy)[0]);
        assert!(line.contains(r#" N N "-" "-" "ID" "#), "{line}");
    });
}

#[test]
fn each_filter_lets_its_requests_through() {
    on_both_engines(|engine| {
        for (keys, paths) in [
            ("status_min = 500", &["/dead", "/error"][..]),
            ("flags = true", &["/dead", "/none"]),
            ("duration_min = \"1h\"", &[]),
            ("status_min = 500\nflags = true", &["/dead", "/error", "/none"]),
            ("sample = 1", &["/app", "/dead", "/error", "/none"]),
            ("sample = 0.0\nstatus_min = 503", &["/dead"]),
        ] {
            let (log, proxy, _origin) = start(engine, keys);
            for path in ["/app", "/dead", "/error", "/none"] {
                proxy.fetch(path);
            }
            let lines = log.at_the_end(proxy);
            let written: Vec<_> = lines.iter().map(|line| path_of(line)).collect();
            assert_eq!(written, paths, "{keys}");
        }
    });
}

#[test]
fn a_slow_request_passes_the_filter_of_duration() {
    on_both_engines(|engine| {
        let (log, proxy, _origin) = start(engine, "duration_min = \"100ms\"");
        proxy.fetch("/app");
        let mut slow = proxy.client();
        slow.send("GET /app/slow HTTP/1.1\r\n");
        assert!(slow.is_quiet_for(std::time::Duration::from_millis(150)));
        slow.send("host: h\r\n\r\n").response();
        let lines = log.at_the_end(proxy);
        assert_eq!(lines.iter().map(|line| path_of(line)).collect::<Vec<_>>(), ["/app/slow"]);
    });
}

#[test]
fn a_sample_is_about_its_share() {
    on_both_engines(|engine| {
        let (log, proxy, _origin) = start(engine, "sample = 0.2");
        let mut client = proxy.client();
        for _ in 0..1000 {
            client.send("GET /direct HTTP/1.1\r\nhost: h\r\n\r\n").response();
        }
        // More than six standard deviations either way.
        let lines = log.at_the_end(proxy).len();
        assert!((120..280).contains(&lines), "{lines} of 1,000");
    });
}

#[test]
fn a_listener_that_opts_out_has_no_lines() {
    on_both_engines(|engine| {
        let log = Log::new();
        let other = "[[listeners]]\nname = \"quiet\"\nlisten = \"@quiet\"\nroutes = \"app\"\n\
                     access_log = false\n";
        let origin = Origin::saying("hello");
        let config = to_routes(&format!("{other}{ROUTES}"), &[("app", &origin)]);
        let proxy = one_core(engine, &with_log(&log, "", &config));
        let mut quiet = Peer::connect(&proxy.address("quiet"));
        quiet.send("GET /app/quiet HTTP/1.1\r\nhost: h\r\n\r\n").response();
        drop(quiet);
        proxy.fetch("/app/heard");
        let lines = log.at_the_end(proxy);
        assert_eq!(lines.iter().map(|line| path_of(line)).collect::<Vec<_>>(), ["/app/heard"]);
    });
}

/// A proxy that trusts its peer, with a log of these keys, before an origin that says "hello".
fn start(engine: Engine, log_keys: &str) -> (Log, Proxy, Origin) {
    let origin = Origin::answering(|request| match request.target().ends_with("204") {
        true => b"HTTP/1.1 204 No Content\r\n\r\n".to_vec(),
        false if request.method() == "HEAD" => {
            b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n".to_vec()
        }
        false => b"HTTP/1.1 200 OK\r\nx-says: hello\r\ncontent-length: 5\r\n\r\nhello".to_vec(),
    });
    let log = Log::new();
    let trusting = format!("trust_peer = true\n{ROUTES}");
    let config = with_log(&log, log_keys, &to_routes(&trusting, &[("app", &origin)]));
    let proxy = one_core(engine, &config);
    (log, proxy, origin)
}

/// One core has its lines in the order of its requests.
fn one_core(engine: Engine, config: &str) -> Proxy {
    Setup::new(engine).workers(1).start(config)
}

/// One request on a connection of its own, with seven bytes of body if it announces a body.
fn exchange(proxy: &Proxy, head: &str) {
    let body = if head.contains("content-length") { "1234567" } else { "" };
    proxy.exchange(&format!("{head}connection: close\r\n\r\n{body}"));
}

fn json(lines: &[String]) -> Vec<Value> {
    let parse = |line: &String| {
        serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"))
    };
    lines.iter().map(parse).collect()
}

fn path_of(line: &str) -> &str {
    line.split(' ').nth(2).unwrap_or_default()
}

/// A line in Envoy's format without what differs each time.
fn masked(line: &str) -> String {
    let mut parts: Vec<String> = line.split('"').map(str::to_owned).collect();
    assert!(is_time(&parts[0]), "{line}");
    parts[0] = "[T] ".to_owned();
    let mut figures: Vec<&str> = parts[2].split(' ').collect();
    for at in [5, 6] {
        if figures[at].parse::<u64>().is_ok() {
            figures[at] = "N";
        }
    }
    parts[2] = figures.join(" ");
    if parts[7].len() == 36 {
        parts[7] = "ID".to_owned();
    }
    parts.join("\"")
}

/// `[2016-04-15T20:17:00.310Z] `
fn is_time(text: &str) -> bool {
    let shape: String = text.chars().map(|c| if c.is_ascii_digit() { '9' } else { c }).collect();
    shape == "[9999-99-99T99:99:99.999Z] "
}
