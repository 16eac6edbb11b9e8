//! The admin listener among many clients, some of which mean ill, while traffic goes on. Both
//! engines have the same: once is enough.

use std::time::{Duration, Instant};

use tests::wait::while_until;
use tests::{Engine, Load, Origin, Peer, Proxy, proxy, versioned};

/// More than it has open at once.
const MANY: usize = 100;

/// Of a configuration whose dump has some megabytes.
const ROUTES: usize = 3_000;

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

/// Each page is more than the sockets between hold.
#[test]
fn clients_that_never_read_a_large_page_keep_nobody_from_reading_it() {
    let origin = Origin::saying("ok");
    let long = "x".repeat(1_500);
    let route =
        |n| format!("[[routes.app]]\nmatch = {{ path = \"/{n}/{long}\" }}\nupstream = \"app\"\n");
    let routes: String = (0..ROUTES).map(route).collect();
    let config =
        versioned(&origin, 1).replace("[[routes.app]]", &format!("{routes}[[routes.app]]"));
    let proxy = proxy(Engine::Auto, &config);
    let load = Load::on(&proxy.address("in"));
    let whole = proxy.admin("/config_dump").body.len();
    assert!(whole > 4 << 20, "{whole} bytes");
    let deaf: Vec<Peer> = (0..MANY / 2).map(|_| asking(&proxy, "/config_dump")).collect();
    let asked = Instant::now();
    assert_eq!(proxy.admin("/ready").status(), 200);
    assert!(asked.elapsed() < Duration::from_secs(1), "{:?}", asked.elapsed());
    assert_eq!(proxy.admin("/config_dump").body.len(), whole);
    assert_eq!(proxy.metrics().sum("outrigger_task_panics_total", &[]), 0.0);
    load.finish();
    drop(deaf);
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
