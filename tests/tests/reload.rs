//! A new configuration while requests are under way: each ends by the one that it began with.

use tests::{Address, Engine, Origin, Peer, Proxy, Setup, on_both_engines, until};

#[test]
fn a_request_keeps_its_listeners_distrust_when_a_trusting_one_goes() {
    on_both_engines(|engine| {
        let origin = Origin::echo();
        let (trusting, wary) =
            (listener("a", "trust_peer = true"), listener("b", "trust_peer = false"));
        let proxy = start(engine, &format!("{trusting}{wary}"), &origin);
        let claims = "x-forwarded-for: 192.0.2.1\r\nx-envoy-internal: true\r\n\r\n";
        let begun = "GET / HTTP/1.1\r\nhost: test\r\n";
        let mut trusted = Peer::connect(&proxy.address("a"));
        let answer = trusted.send(format!("{begun}{claims}")).response();
        assert!(answer.text().contains("192.0.2.1"), "{answer}");
        drop(trusted);
        let mut client = begin(&proxy, "b", begun);
        reload(&proxy, |file| {
            let (before, rest) = file.split_once("[[listeners]]").expect("the first listener");
            let (_, after) = rest.split_once("[[listeners]]").expect("the second listener");
            format!("{before}[[listeners]]{after}")
        });
        until("a is gone", || Peer::try_connect(&proxy.address("a")).err());
        let answer = client.send(claims).response();
        assert_eq!(answer.status(), 200, "{answer}");
        let seen = answer.text().to_ascii_lowercase();
        assert!(!seen.contains("192.0.2.1") && !seen.contains("x-envoy-internal"), "{seen}");
        assert_eq!(proxy.metrics().sum("outrigger_task_panics_total", &[]), 0.0);
    });
}

#[test]
fn a_request_is_served_when_a_new_listener_takes_its_listeners_place() {
    on_both_engines(|engine| {
        let origin = Origin::saying("ok");
        let proxy = start(engine, &listener("b", ""), &origin);
        let mut client = begin(&proxy, "b", "GET / HTTP/1.1\r\nhost: te");
        let new = Address::reserve();
        reload(&proxy, |file| {
            let added = listener("a", "").replace("@a", &new.to_string());
            file.replacen("[[listeners]]", &format!("{added}[[listeners]]"), 1)
        });
        until("a is there", || Peer::try_connect(&new).ok());
        let answer = client.send("st\r\n\r\n").response();
        assert_eq!(answer.text(), "ok", "{answer}");
        assert_eq!(proxy.metrics().sum("outrigger_task_panics_total", &[]), 0.0);
    });
}

#[test]
fn the_log_tells_what_changed_and_that_a_bad_file_is_good_again() {
    let origin = Origin::saying("ok");
    let proxy = start(Engine::Epoll, &listener("a", ""), &origin);
    let says = |part: &str| until(part, || proxy.log().contains(part).then_some(()));
    let good = proxy.config().text();
    proxy.config().replace("nonsense");
    proxy.until_reloads("rejected", 1);
    proxy.config().replace(&good);
    says("INFO control::reload: the file is good again, nothing to change");
    proxy.config().replace(format!("{good}[upstreams.more]\nendpoints = [\"127.0.0.1:1\"]\n"));
    says("new configuration in force: upstreams: 1 added");
    proxy.config().replace(good.replace("workers = 1", "workers = 2"));
    says("WARN control::reload: this takes effect with the next start: process.workers");
}

/// One worker, so that a core that has taken a change is the core of the client.
fn start(engine: Engine, listeners: &str, origin: &Origin) -> Proxy {
    let upstream = format!("[upstreams.app]\nendpoints = [\"{}\"]\n", origin.address());
    let routes = "[[routes.app]]\nupstream = \"app\"\n";
    Setup::new(engine).workers(1).start(&format!("{listeners}{routes}{upstream}"))
}

fn listener(name: &str, keys: &str) -> String {
    format!("[[listeners]]\nname = \"{name}\"\nlisten = \"@{name}\"\nroutes = \"app\"\n{keys}\n")
}

/// A client of this listener whose request has begun to arrive.
#[track_caller]
fn begin(proxy: &Proxy, listener: &str, head: &str) -> Peer {
    let mut client = Peer::connect(&proxy.address(listener));
    client.send(head);
    proxy.metrics_until("the request has begun", |metrics| {
        metrics.sum("outrigger_requests_active", &[]) == 1.0
    });
    client
}

/// Edits the file, and waits until the result is in force.
#[track_caller]
fn reload(proxy: &Proxy, edit: impl Fn(&str) -> String) {
    proxy.reload(edit(&proxy.config().text()));
    proxy.metrics_until("the second generation", |metrics| {
        metrics.sum("outrigger_config_generation", &[]) == 2.0
    });
}
