//! Listeners that come, go and change their name while clients are at it.

use std::thread;

use tests::load::{ask, until_refused};
use tests::{Address, Gate, Load, Origin, Peer, Proxy, as_version, on_both_engines, origin};
use tests::{proxy, until, versioned};

const GET: &str = "GET / HTTP/1.1\r\nhost: test\r\n\r\n";

#[test]
fn a_removed_listener_finishes_what_is_in_flight_and_lets_idle_clients_go() {
    on_both_engines(|engine| {
        let (arrived, release) = (Gate::new(), Gate::new());
        let (at_origin, released) = (arrived.clone(), release.clone());
        let origin = Origin::answering(move |request| {
            if request.target() == "/held" {
                at_origin.open();
                released.wait();
            }
            origin::ok("ok")
        });
        let proxy = proxy(engine, &(versioned(&origin, 1) + &listener("more")));
        let load = Load::on(&proxy.address("in"));
        let mut idle = Peer::connect(&proxy.address("more"));
        assert_eq!(idle.send(GET).response().status(), 200);
        let mut held = Peer::connect(&proxy.address("more"));
        held.send("GET /held HTTP/1.1\r\nhost: test\r\n\r\n");
        arrived.wait();
        remove(&proxy, "more");
        idle.closed();
        until("nobody listens", || Peer::try_connect(&proxy.address("more")).err());
        release.open();
        let answer = held.response();
        assert_eq!((answer.text(), answer.field("connection")), ("ok", Some("close")));
        held.closed();
        load.finish();
    });
}

#[test]
fn clients_that_keep_coming_are_not_cut_when_their_listener_is_removed() {
    on_both_engines(|engine| {
        let origin = Origin::saying("ok");
        let proxy = proxy(engine, &(versioned(&origin, 1) + &listener("more")));
        let load = Load::on(&proxy.address("in"));
        let address = proxy.address("more");
        thread::scope(|scope| {
            let clients: Vec<_> = (0..8).map(|_| scope.spawn(|| until_refused(&address))).collect();
            proxy.metrics_until("all of them are at it", |metrics| {
                let listener = [("listener", "more"), ("code", "200")];
                metrics.sum("outrigger_requests_total", &listener) > 40.0
            });
            remove(&proxy, "more");
            let cut = clients.into_iter().filter_map(|client| client.join().expect("it ends"));
            let cut: Vec<_> = cut.collect();
            // As at the end of a drain: the kernel resets what completes while a socket closes.
            assert!(cut.len() <= 2, "{cut:?}");
        });
        load.finish();
    });
}

#[test]
fn an_added_listener_is_served_by_every_core() {
    on_both_engines(|engine| {
        let origin = Origin::saying("ok");
        let proxy = proxy(engine, &versioned(&origin, 1));
        let load = Load::on(&proxy.address("in"));
        let (text, new) = with_new_listener(&proxy.config().text());
        proxy.reload(text);
        let idle = active(&proxy);
        let mut clients: Vec<Peer> = (0..64).map(|_| Peer::connect(&new)).collect();
        for client in &mut clients {
            assert_eq!(client.send(GET).response().status(), 200);
        }
        let busy = active(&proxy);
        let more: Vec<f64> = busy.iter().zip(&idle).map(|(after, before)| after - before).collect();
        assert!(more.len() == 2 && more.iter().all(|&more| more > 0.0), "{more:?}");
        load.finish();
    });
}

#[test]
fn a_listener_whose_address_is_taken_refuses_the_whole_file() {
    on_both_engines(|engine| {
        let somebody = Origin::saying("mine");
        let origin = Origin::saying("ok");
        let proxy = proxy(engine, &versioned(&origin, 1));
        let load = Load::on(&proxy.address("in"));
        let taken = listener("more").replace("@more", &somebody.address().to_string());
        let free = listener("free").replace("@free", &Address::reserve().to_string());
        let changed = as_version(&proxy.config().text(), 2);
        proxy.config().replace(format!("{changed}{free}{taken}"));
        let answer = proxy.post("/reload");
        assert_eq!(answer.status(), 400, "{answer}");
        for told in [somebody.address().to_string().as_str(), "in use", "more"] {
            assert!(answer.text().contains(told), "{told:?} is not in {answer}");
        }
        assert_eq!(proxy.metrics().sum("outrigger_config_rejected", &[]), 1.0);
        assert_eq!(load.finish(), [1].into());
        drop(somebody);
        assert_eq!(proxy.post("/reload").text(), "applied, generation 2\n");
    });
}

/// The new sockets join the old ones before those close: somebody listens all the while.
#[test]
fn a_listener_that_changes_its_name_refuses_nobody() {
    on_both_engines(|engine| {
        let origin = Origin::saying("ok");
        let proxy = proxy(engine, &(versioned(&origin, 1) + &listener("more")));
        let address = proxy.address("more");
        let cut: usize = (0..4)
            .map(|turn| {
                let (from, to) = if turn % 2 == 0 { ("more", "other") } else { ("other", "more") };
                let named = |name: &str| format!("name = \"{name}\"");
                let text = proxy.config().text().replace(&named(from), &named(to));
                let mut cut = 0;
                proxy.config().replace(text);
                until("the other name is in force", || {
                    cut += usize::from(ask(&address).is_err());
                    let status = proxy.admin("/server_info");
                    status.text().contains(&format!("\"{to}\"")).then_some(())
                });
                cut
            })
            .sum();
        assert_eq!(cut, 0);
    });
}

fn listener(name: &str) -> String {
    format!("[[listeners]]\nname = \"{name}\"\nlisten = \"@{name}\"\nroutes = \"app\"\n")
}

/// The text with one more listener, and where that listens.
fn with_new_listener(text: &str) -> (String, Address) {
    let new = Address::reserve();
    (format!("{text}{}", listener("new").replace("@new", &new.to_string())), new)
}

/// Takes a listener that stands last out of the file, and waits until that is in force.
#[track_caller]
fn remove(proxy: &Proxy, name: &str) {
    let text = proxy.config().text();
    let at = text.find(&format!("[[listeners]]\nname = \"{name}\"")).expect("it is there");
    proxy.reload(&text[..at]);
}

/// Connections of each core.
fn active(proxy: &Proxy) -> Vec<f64> {
    let metrics = proxy.metrics();
    let cores = metrics.matching("outrigger_downstream_connections_active", &[]);
    cores.map(|sample| sample.value).collect()
}
