//! The figures add up: every request has exactly one outcome, and nothing stays counted as open.

use tests::metrics::Metrics;
use tests::to_routes;
use tests::{Engine, Gate, Origin, Peer, Proxy, on_both_engines, origin, proxy, to_origin_with};

const ROUTES: &str = r#"
    [[routes.app]]
    name = "direct"
    match = { prefix = "/direct" }
    respond = { status = 200, body = "direct" }
    [[routes.app]]
    name = "dead"
    match = { prefix = "/dead" }
    upstream = "dead"
    [[routes.app]]
    name = "app"
    match = { prefix = "/app" }
    upstream = "app"
    [upstreams.dead]
    endpoints = ["@dead"]
"#;

#[test]
fn every_request_has_exactly_one_outcome() {
    on_both_engines(|engine| {
        let (proxy, _origin) = scene(engine);
        let wanted = [("/direct", 3, 200), ("/dead", 2, 503), ("/none", 4, 404), ("/app", 5, 200)];
        for (path, count, status) in wanted {
            for _ in 0..count {
                assert_eq!(proxy.fetch(path).status(), status);
            }
        }
        proxy.exchange("GET /app HTTP/1.1\r\nbad header: x\r\n\r\n");
        let metrics = settled(&proxy, 15.0);
        let count = |labels: &[(&str, &str)]| metrics.sum("outrigger_requests_total", labels);
        assert_eq!(count(&[("route", "direct"), ("code", "200")]), 3.0, "{metrics}");
        assert_eq!(
            count(&[("upstream", "dead"), ("code", "503"), ("flag", "UF")]),
            2.0,
            "{metrics}"
        );
        assert_eq!(count(&[("code", "404"), ("flag", "NR")]), 4.0, "{metrics}");
        assert_eq!(
            count(&[("route", "app"), ("upstream", "app"), ("code", "200")]),
            5.0,
            "{metrics}"
        );
        assert_eq!(count(&[("code", "400"), ("flag", "DPE")]), 1.0, "{metrics}");
        let durations = metrics.sum("outrigger_request_duration_seconds_count", &[]);
        assert_eq!(durations, 15.0, "one duration each\n{metrics}");
    });
}

#[test]
fn bytes_are_those_of_the_bodies() {
    on_both_engines(|engine| {
        let (proxy, _origin) = scene(engine);
        let request = "POST /app HTTP/1.1\r\nhost: test\r\ncontent-length: 1000\r\n\r\n";
        let answer = proxy.exchange(&format!("{request}{}", "x".repeat(1000)));
        let metrics = settled(&proxy, 1.0);
        let app = [("route", "app")];
        assert_eq!(metrics.sum("outrigger_request_bytes_total", &app), 1000.0, "{metrics}");
        let sent = metrics.sum("outrigger_response_bytes_total", &app);
        assert_eq!(sent, answer.body.len() as f64, "{metrics}");
    });
}

#[test]
fn a_client_that_leaves_is_an_outcome_too() {
    on_both_engines(|engine| {
        let origin = Origin::scripted(|peer, _| {
            peer.request();
            peer.rest();
        });
        let proxy = proxy(engine, &to_routes(ROUTES, &[("app", &origin)]));
        for _ in 0..3 {
            let mut client = proxy.client();
            client.send("GET /app HTTP/1.1\r\nhost: test\r\n\r\n");
            proxy.metrics_until("it is in flight", |metrics| {
                metrics.sum("outrigger_requests_active", &[]) == 1.0
            });
            client.reset();
            proxy.metrics_until("it has ended", |metrics| {
                metrics.sum("outrigger_requests_active", &[]) == 0.0
            });
        }
        let metrics = settled(&proxy, 3.0);
        let left = metrics.sum("outrigger_requests_total", &[("flag", "DC")]);
        assert_eq!(left, 3.0, "{metrics}");
    });
}

#[test]
fn a_connection_without_a_request_is_no_request() {
    on_both_engines(|engine| {
        let (proxy, _origin) = scene(engine);
        for _ in 0..3 {
            drop(proxy.client());
        }
        proxy.client().send("\r\n").finish_sending();
        assert_eq!(proxy.fetch("/direct").status(), 200);
        let metrics = settled(&proxy, 1.0);
        let opened = metrics.sum("outrigger_downstream_connections_total", &[("listener", "in")]);
        assert_eq!(opened, 5.0, "{metrics}");
    });
}

#[test]
fn pool_and_retries_are_counted() {
    on_both_engines(|engine| {
        let origin = Origin::scripted(|peer, number| {
            peer.request();
            peer.send(origin::ok("first"));
            if number == 0 {
                peer.head();
                peer.socket().reset_on_close();
            } else {
                peer.rest();
            }
        });
        let config = to_routes(ROUTES, &[("app", &origin)]);
        let proxy = tests::Setup::new(engine).workers(1).start(&config);
        let mut client: Peer = proxy.client();
        for _ in 0..2 {
            client.send("GET /app HTTP/1.1\r\nhost: test\r\n\r\n").response();
        }
        let metrics = settled(&proxy, 2.0);
        let app = [("upstream", "app")];
        assert_eq!(metrics.sum("outrigger_upstream_free_retries_total", &app), 1.0, "{metrics}");
        assert_eq!(metrics.sum("outrigger_pool_hits_total", &app), 1.0, "{metrics}");
        assert_eq!(metrics.sum("outrigger_pool_misses_total", &app), 2.0, "{metrics}");
        assert_eq!(metrics.sum("outrigger_upstream_connections_total", &app), 2.0, "{metrics}");
    });
}

#[test]
fn what_is_in_use_of_an_upstream_and_who_waits_is_shown() {
    on_both_engines(|engine| {
        let answers = Gate::new();
        let origin = {
            let answers = answers.clone();
            Origin::scripted(move |peer, _| {
                while peer.next_head().is_some() {
                    answers.wait();
                    peer.send(origin::ok("ok"));
                }
            })
        };
        let limits = "limits = { connections = 1, requests = 8 }\npending_timeout = \"1m\"";
        let config = to_origin_with(&origin, "", limits);
        let proxy = tests::Setup::new(engine).workers(1).start(&config);
        let mut clients = [proxy.client(), proxy.client()];
        for client in &mut clients {
            client.send("GET / HTTP/1.1\r\nhost: test\r\n\r\n");
        }
        let of = |metrics: &Metrics, name: &str, limit: &str| {
            metrics.sum(name, &[("upstream", "app"), ("limit", limit)])
        };
        let held = proxy.metrics_until("one is served, one waits", |metrics| {
            of(metrics, "outrigger_upstream_in_use", "requests") == 1.0
                && of(metrics, "outrigger_upstream_in_use", "pending") == 1.0
        });
        assert_eq!(of(&held, "outrigger_upstream_in_use", "connections"), 1.0, "{held}");
        assert_eq!(of(&held, "outrigger_upstream_limit", "requests"), 8.0, "{held}");
        assert_eq!(of(&held, "outrigger_upstream_limit_reached", "connections"), 1.0, "{held}");
        assert_eq!(of(&held, "outrigger_upstream_limit_reached", "requests"), 0.0, "{held}");
        assert_eq!(held.sum("outrigger_pool_connections_idle", &[]), 0.0, "{held}");
        answers.open();
        for client in &mut clients {
            assert_eq!(client.response().text(), "ok");
        }
        let after = settled(&proxy, 2.0);
        assert_eq!(after.sum("outrigger_pool_connections_idle", &[("upstream", "app")]), 1.0);
        assert_eq!(of(&after, "outrigger_upstream_in_use", "pending"), 0.0, "{after}");
        assert_eq!(after.sum("outrigger_pending_waits_total", &[]), 1.0, "{after}");
        assert!(after.sum("outrigger_pending_wait_seconds_total", &[]) > 0.0, "{after}");
    });
}

#[test]
fn series_of_a_route_that_is_gone_expire_and_those_of_others_stay() {
    on_both_engines(|engine| {
        let metrics = "[metrics]\nidle_expiry = \"1s\"\n";
        let config = to_routes(ROUTES, &[]).replace("upstream = \"app\"", "respond.status = 204");
        let proxy = proxy(engine, &format!("{metrics}{config}"));
        for path in ["/direct", "/app"] {
            proxy.fetch(path);
        }
        settled(&proxy, 2.0);
        proxy.config().write(proxy.config().text().replace("\"direct\"", "\"renamed\""));
        assert_eq!(proxy.post("/reload").status(), 200);
        let of = |metrics: &Metrics, route: &str| {
            metrics.sum("outrigger_requests_total", &[("route", route)])
        };
        let metrics =
            proxy.metrics_until("it is forgotten", |metrics| of(metrics, "direct") == 0.0);
        assert_eq!(of(&metrics, "app"), 1.0, "as idle, and configured\n{metrics}");
        let gone = metrics.sum("outrigger_series_expired_total", &[("reason", "gone")]);
        assert!(gone >= 4.0, "{metrics}");
    });
}

#[test]
fn no_more_series_are_kept_than_the_file_allows_until_it_allows_more() {
    on_both_engines(|engine| {
        let route = |number| {
            format!("[[routes.app]]\nmatch = {{ path = \"/{number}\" }}\nrespond.status = 204\n")
        };
        let routes: String = (0..40).map(route).collect();
        let few = "[metrics]\nmax_series = 100\n";
        let proxy = proxy(engine, &format!("{few}{}", to_routes(&routes, &[])));
        let all = || (0..40).for_each(|number| drop(proxy.fetch(&format!("/{number}"))));
        all();
        let metrics = settled(&proxy, 40.0);
        assert!(metrics.sum("outrigger_series", &[]) <= 100.0, "{metrics}");
        let other = metrics.sum("outrigger_requests_total", &[("route", "(other)")]);
        assert!(other > 0.0, "{metrics}");
        let dropped = metrics.sum("outrigger_series_dropped_total", &[("kind", "request")]);
        assert_eq!(dropped, other, "{metrics}");
        proxy.config().write(proxy.config().text().replace("= 100\n", "= 10000\n"));
        assert_eq!(proxy.post("/reload").status(), 200);
        proxy.metrics_until("the larger limit is in force", |metrics| {
            all();
            metrics.sum("outrigger_requests_total", &[("route", "app[39]")]) > 0.0
        });
    });
}

#[test]
fn a_path_or_host_from_outside_makes_no_new_series() {
    on_both_engines(|engine| {
        let (proxy, _origin) = scene(engine);
        for number in 0..50 {
            let request =
                format!("GET /x{number} HTTP/1.1\r\nhost: h{number}\r\nconnection: close\r\n\r\n");
            assert_eq!(proxy.exchange(&request).status(), 404);
        }
        let metrics = settled(&proxy, 50.0);
        assert_eq!(metrics.matching("outrigger_requests_total", &[]).count(), 1, "{metrics}");
    });
}

#[test]
fn the_local_application_is_told_why_and_a_stranger_is_not() {
    on_both_engines(|engine| {
        let config =
            to_routes(ROUTES, &[]).replace("upstream = \"app\"", "respond = { status = 204 }");
        let stranger = proxy(engine, &config);
        assert_eq!(stranger.fetch("/dead").field("x-outrigger-reason"), None);
        let outbound = config.replace("name = \"in\"", "name = \"in\"\ndirection = \"outbound\"");
        let local = proxy(engine, &outbound);
        let answer = local.fetch("/dead");
        let reason = answer.field("x-outrigger-reason").unwrap_or_default().to_owned();
        assert!(reason.contains("refused"), "{answer}");
    });
}

fn scene(engine: Engine) -> (Proxy, Origin) {
    let origin = Origin::echo();
    (proxy(engine, &to_routes(ROUTES, &[("app", &origin)])), origin)
}

/// The metrics once so many requests have ended and nothing is in flight.
#[track_caller]
fn settled(proxy: &Proxy, requests: f64) -> Metrics {
    proxy.metrics_until("all requests are counted", |metrics| {
        metrics.sum("outrigger_requests_total", &[]) >= requests
            && metrics.sum("outrigger_requests_active", &[]) == 0.0
    });
    let metrics = proxy.metrics();
    assert_eq!(metrics.sum("outrigger_requests_total", &[]), requests, "{metrics}");
    metrics
}
