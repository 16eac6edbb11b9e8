//! One stalled client must cost the others nothing: DESIGN §3's first rule.
//!
//! Alone in its file, as it measures: cargo runs test files one after another.

use std::time::Duration;

use tests::load::closed_loop;
use tests::{Origin, Peer, Proxy, Setup, on_both_engines, origin, to_origin};

/// FEATURES: p99 of the other clients.
const RATIO_MAX: f64 = 1.5;
/// Rounds; the median is judged.
const ROUNDS: usize = 3;
const STALLED: usize = 100;

#[test]
fn a_hundred_stalled_uploads_leave_the_other_clients_p99_alone() {
    on_both_engines(|engine| {
        let origin = Origin::scripted(|peer, _| {
            while let Some(head) = peer.next_head() {
                if head.method() == "POST" {
                    return peer.hold(); // reads nothing of the body
                }
                peer.send(origin::ok("ok"));
            }
        });
        let proxy = Setup::new(engine).workers(1).start(&to_origin(&origin));
        let mut ratios: Vec<f64> = (0..ROUNDS).map(|_| ratio(&proxy)).collect();
        ratios.sort_by(f64::total_cmp);
        assert!(ratios[ROUNDS / 2] <= RATIO_MAX, "p99 with stalls / without: {ratios:?}");
    });
}

/// p99 beside stalled uploads, as a multiple of p99 without them.
fn ratio(proxy: &Proxy) -> f64 {
    let p99 = || closed_loop(&proxy.address("in"), 4, 400).quantile(0.99).as_secs_f64();
    let alone = p99();
    let stalled: Vec<Peer> = (0..STALLED).map(|_| stalled_upload(proxy)).collect();
    let beside = p99();
    drop(stalled);
    beside / alone
}

/// A client that has sent until nobody took more.
fn stalled_upload(proxy: &Proxy) -> Peer {
    let mut client = proxy.client();
    let options = client.socket().options();
    let _ = options.set_send_buffer_size(64 << 10);
    let _ = options.set_write_timeout(Some(Duration::from_millis(20)));
    client.send("POST / HTTP/1.1\r\nhost: test\r\ncontent-length: 1000000000\r\n\r\n");
    while client.try_send(&[b'x'; 64 << 10]).is_ok() {}
    client
}
