//! The admin listener among many clients, some of which mean ill, while traffic goes on. It knows
//! no engine: once is enough.

use std::time::{Duration, Instant};

use tests::wait::while_until;
use tests::{Engine, Load, Origin, Peer, Proxy, proxy, versioned};

/// More than it has open at once.
const MANY: usize = 100;

#[test]
fn a_hundred_clients_at_once_are_all_answered() {
    let (proxy, _origin) = served();
    for page in ["/ready", "/config_status", "/metrics", "/stats"] {
        let mut clients: Vec<Peer> = (0..MANY).map(|_| asking(&proxy, page)).collect();
        for (ix, client) in clients.iter_mut().enumerate() {
            let answer = client.response();
            assert_eq!(answer.status(), 200, "client {ix}: {answer}");
        }
    }
}

#[test]
fn a_client_that_sends_its_head_byte_by_byte_is_cut_after_five_seconds() {
    let (proxy, _origin) = served();
    let load = Load::on(&proxy.address("in"));
    let mut slow: Vec<Peer> = (0..8).map(|_| Peer::connect(&proxy.address("admin"))).collect();
    let began = Instant::now();
    while_until(began + Duration::from_secs(4), || {
        for client in &mut slow {
            client.send("x");
        }
        let asked = Instant::now();
        assert_eq!(proxy.admin("/ready").status(), 200);
        assert!(asked.elapsed() < Duration::from_secs(1), "{:?}", asked.elapsed());
    });
    for client in &mut slow {
        client.rest();
    }
    let held = began.elapsed();
    assert!(held < Duration::from_secs(7), "{held:?}");
    load.finish();
}

fn asking(proxy: &Proxy, page: &str) -> Peer {
    let mut client = Peer::connect(&proxy.address("admin"));
    client.send(format!("GET {page} HTTP/1.1\r\nhost: admin\r\n\r\n"));
    client
}

fn served() -> (Proxy, Origin) {
    let origin = Origin::saying("ok");
    (proxy(Engine::Auto, &versioned(&origin, 1)), origin)
}
