//! Upstreams and endpoints that change under requests in flight and connections at rest.

use tests::load::CONNECTIONS;
use tests::{Gate, Load, Origin, Peer, Proxy, Setup, on_both_engines, origin, proxy};
use tests::{to_routes, until, versioned};

const GET: &str = "GET / HTTP/1.1\r\nhost: test\r\n\r\n";

#[test]
fn requests_at_a_removed_endpoint_are_finished_and_new_ones_go_elsewhere() {
    on_both_engines(|engine| {
        let release = Gate::new();
        let held = {
            let release = release.clone();
            Origin::answering(move |_| {
                release.wait();
                origin::ok("old")
            })
        };
        let new = Origin::saying("new");
        let proxy = proxy(engine, &versioned(&held, 1));
        let mut clients: Vec<Peer> = (0..8).map(|_| proxy.client()).collect();
        for client in &mut clients {
            client.send(GET);
        }
        until("all are at the origin", || (held.connections() == 8).then_some(()));
        reload(&proxy, |text| {
            text.replace(&held.address().to_string(), &new.address().to_string())
        });
        let load = Load::on(&proxy.address("in"));
        assert_eq!(proxy.fetch("/").text(), "new");
        release.open();
        for client in &mut clients {
            assert_eq!(client.response().text(), "old");
            assert_eq!(client.send(GET).response().text(), "new");
        }
        load.finish();
        assert_eq!(held.connections(), 8);
        until("the old connections are closed", || {
            (proxy.metrics().sum("outrigger_upstream_connections_active", &[])
                <= (new.connections() as f64))
                .then_some(())
        });
    });
}

#[test]
fn an_upstream_goes_while_its_routes_move_to_another_and_nothing_fails() {
    on_both_engines(|engine| {
        let (one, two) = (Origin::saying("one"), Origin::saying("two"));
        let file = |name: &str, origin: &Origin| {
            let route = format!("[[routes.app]]\nupstream = \"{name}\"\n");
            to_routes(&route, &[(name, origin)])
        };
        let (a, b) = (file("one", &one), file("two", &two));
        let proxy = proxy(engine, &a);
        let (a, b) = (placed(&proxy, &a), placed(&proxy, &b));
        let load = Load::on(&proxy.address("in"));
        for turn in 0..6 {
            reload(&proxy, |_| if turn % 2 == 0 { b.clone() } else { a.clone() });
            load.flows();
        }
        load.finish();
        assert_eq!(proxy.fetch("/").text(), "one");
        nothing_failed(&proxy);
    });
}

#[test]
fn balance_and_limits_change_under_load_and_nothing_fails() {
    on_both_engines(|engine| {
        let origin = Origin::saying("ok");
        let proxy = proxy(engine, &versioned(&origin, 1));
        let plain = proxy.config().text();
        let load = Load::on(&proxy.address("in"));
        let many = 4 * CONNECTIONS;
        for keys in [
            "balance = \"round-robin\"".to_owned(),
            format!("limits = {{ connections = {many}, requests = {many} }}"),
            "idle_per_core = 0".to_owned(),
            "balance = \"random\"\nrequests_per_connection = 3".to_owned(),
            String::new(),
        ] {
            reload(&proxy, |_| format!("{plain}{keys}\n"));
            load.flows();
        }
        load.finish();
        nothing_failed(&proxy);
    });
}

#[test]
fn a_change_leaves_the_idle_connections_of_other_upstreams_alone() {
    on_both_engines(|engine| {
        let (one, two) = (Origin::saying("one"), Origin::saying("two"));
        let routes = "[[routes.app]]\nmatch = { path = \"/two\" }\nupstream = \"two\"\n\
                      [[routes.app]]\nupstream = \"one\"\n";
        let config = to_routes(routes, &[("two", &two), ("one", &one)]);
        let proxy = Setup::new(engine).workers(1).start(&config);
        assert_eq!((proxy.fetch("/").text(), proxy.fetch("/two").text()), ("one", "two"));
        for count in 1..=5 {
            reload(&proxy, |text| format!("{text}requests_per_connection = {}\n", 100 * count));
            reload(&proxy, |text| {
                let (before, _) = text.rsplit_once("requests_per_connection").expect("just added");
                before.to_owned()
            });
            assert_eq!(proxy.fetch("/two").text(), "two");
        }
        assert_eq!(two.connections(), 1);
        let metrics = proxy.metrics();
        let two = [("upstream", "two")];
        assert_eq!(metrics.sum("outrigger_pool_hits_total", &two), 5.0, "{metrics}");
        assert_eq!(metrics.sum("outrigger_pool_misses_total", &two), 1.0, "{metrics}");
    });
}

/// The text as [`Setup::start`] would write it for this proxy.
fn placed(proxy: &Proxy, config: &str) -> String {
    let text = proxy.config().text();
    let (process, _) = text.split_once("[[listeners]]").expect("it has one");
    process.to_owned() + &config.replace("@in", &proxy.address("in").to_string())
}

/// Edits the file, and waits until the result is in force.
#[track_caller]
fn reload(proxy: &Proxy, edit: impl Fn(&str) -> String) {
    proxy.reload(edit(&proxy.config().text()));
}

#[track_caller]
fn nothing_failed(proxy: &Proxy) {
    let metrics = proxy.metrics();
    let all = metrics.sum("outrigger_requests_total", &[]);
    assert_eq!(metrics.sum("outrigger_requests_total", &[("code", "200")]), all, "{metrics}");
    assert_eq!(metrics.sum("outrigger_upstream_failures_total", &[]), 0.0, "{metrics}");
    assert_eq!(metrics.sum("outrigger_task_panics_total", &[]), 0.0, "{metrics}");
}
