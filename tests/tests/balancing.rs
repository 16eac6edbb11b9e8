//! How requests are spread over the endpoints of one upstream.

use std::collections::BTreeMap;

use tests::{Engine, Gate, Origin, Proxy, Setup, on_both_engines, origin, proxy};

#[test]
fn round_robin_takes_turns() {
    on_both_engines(|engine| {
        let origins = [Origin::saying("a"), Origin::saying("b"), Origin::saying("c")];
        let proxy = balanced(engine, "round-robin", &origins, &[1, 1, 1]);
        let answers = fetch_many(&proxy, 9);
        for turn in answers.chunks(3) {
            let mut names = turn.to_vec();
            names.sort_unstable();
            assert_eq!(names, ["a", "b", "c"], "{answers:?}");
        }
    });
}

#[test]
fn round_robin_honours_weights_smoothly() {
    on_both_engines(|engine| {
        let origins = [Origin::saying("heavy"), Origin::saying("light")];
        let proxy = balanced(engine, "round-robin", &origins, &[3, 1]);
        let answers = fetch_many(&proxy, 16);
        for turn in answers.chunks(4) {
            assert_eq!(turn.iter().filter(|name| *name == "heavy").count(), 3, "{answers:?}");
        }
    });
}

#[test]
fn random_reaches_every_endpoint_in_proportion() {
    on_both_engines(|engine| {
        let origins = [Origin::saying("a"), Origin::saying("b")];
        let proxy = balanced(engine, "random", &origins, &[3, 1]);
        let mut counts = BTreeMap::new();
        for name in fetch_many(&proxy, 800) {
            *counts.entry(name).or_insert(0) += 1;
        }
        // Five standard deviations of a fair quarter.
        assert!((139..=261).contains(&counts["b"]), "{counts:?}");
    });
}

#[test]
fn least_request_avoids_the_endpoint_that_is_busy() {
    on_both_engines(|engine| {
        let release = Gate::new();
        let busy = {
            let release = release.clone();
            Origin::scripted(move |peer, _| {
                while peer.next_request().is_some() {
                    release.wait();
                    peer.send(origin::ok("busy"));
                }
            })
        };
        let origins = [busy, Origin::saying("free")];
        let proxy = balanced(engine, "least-request", &origins, &[1, 1]);
        // Occupies the busy endpoint. With two endpoints, two choices see them both.
        let mut waiting = Vec::new();
        while origins[0].bytes_received() == 0 {
            let mut client = proxy.client();
            client.send("GET / HTTP/1.1\r\nhost: test\r\n\r\n");
            if !client.is_quiet_for(std::time::Duration::from_millis(50)) {
                continue; // the free one answered
            }
            waiting.push(client);
        }
        assert_eq!(fetch_many(&proxy, 20), vec!["free"; 20]);
        release.open();
        for client in &mut waiting {
            assert_eq!(client.response().text(), "busy");
        }
    });
}

#[test]
fn an_upstream_with_no_one_there_is_503() {
    on_both_engines(|engine| {
        let proxy = proxy(
            engine,
            &tests::to_routes(
                "[[routes.app]]\nupstream = \"app\"\n[upstreams.app]\nendpoints = [\"@nobody\"]\n",
                &[],
            ),
        );
        assert_eq!(proxy.fetch("/").status(), 503);
        let refused = [("code", "503"), ("flag", "UF")];
        proxy.metrics_until("the flag is UF", |metrics| {
            metrics.sum("outrigger_requests_total", &refused) == 1.0
        });
    });
}

fn balanced(engine: Engine, policy: &str, origins: &[Origin], weights: &[u32]) -> Proxy {
    let endpoint = |(origin, weight): (&Origin, &u32)| {
        format!("{{ address = \"{}\", weight = {weight} }}", origin.address())
    };
    let endpoints: Vec<_> = origins.iter().zip(weights).map(endpoint).collect();
    let routes = format!(
        "[[routes.app]]\nupstream = \"app\"\n\
         [upstreams.app]\nbalance = \"{policy}\"\nendpoints = [{}]\n",
        endpoints.join(", ")
    );
    Setup::new(engine).workers(1).start(&tests::to_routes(&routes, &[]))
}

fn fetch_many(proxy: &Proxy, count: usize) -> Vec<String> {
    let mut client = proxy.client();
    let fetch = |_| {
        let answer = client.send("GET / HTTP/1.1\r\nhost: test\r\n\r\n").response();
        assert_eq!(answer.status(), 200, "{answer}");
        answer.text().to_owned()
    };
    (0..count).map(fetch).collect()
}
