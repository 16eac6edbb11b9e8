//! A drain among clients that take their time, never read, or have said half a word.

use tests::{
    Origin, Peer, Proxy, Setup, on_both_engines, origin, proxy, to_origin, to_origin_with, until,
};

/// More than the sockets on the way hold.
const BODY: usize = 24 << 20;

const GET: &str = "GET / HTTP/1.1\r\nhost: test\r\n\r\n";

#[test]
fn a_reader_that_takes_its_time_gets_all_of_its_answer() {
    on_both_engines(|engine| {
        let origin = Origin::answering(|_| origin::ok(&"x".repeat(BODY)));
        let proxy = proxy(engine, &to_origin(&origin));
        let mut client = begin_to_read(&proxy);
        proxy.terminate();
        until("not ready", || (proxy.admin("/ready").status() == 503).then_some(()));
        assert_eq!(client.bytes(BODY).len(), BODY);
        client.closed();
        assert_eq!(proxy.wait().code, Some(0));
    });
}

#[test]
fn a_reader_that_reads_no_more_is_cut_at_the_drain_timeout() {
    on_both_engines(|engine| {
        let origin = Origin::scripted(|peer, _| {
            peer.request();
            // Cut in the middle.
            let _ = peer.try_send(&origin::ok(&"x".repeat(BODY)));
        });
        let keys = "pre_drain = \"0s\"\ndrain_timeout = \"300ms\"";
        let proxy = Setup::new(engine).process(keys).start(&to_origin(&origin));
        let _client = begin_to_read(&proxy);
        proxy.terminate();
        assert_eq!(proxy.wait().code, Some(0));
    });
}

#[test]
fn a_client_that_will_send_no_more_gets_its_answer() {
    on_both_engines(|engine| {
        let origin = Origin::saying("ok");
        let proxy = proxy(engine, &to_origin(&origin));
        let mut clients: Vec<Peer> = (0..8).map(|_| proxy.client()).collect();
        for client in &mut clients {
            client.send("GET / HTTP/1.1\r\nhost: ");
        }
        proxy.metrics_until("they are seen", |metrics| {
            metrics.sum("outrigger_downstream_connections_active", &[]) == 8.0
        });
        proxy.terminate();
        until("not ready", || (proxy.admin("/ready").status() == 503).then_some(()));
        for client in &mut clients {
            client.send("test\r\n\r\n").finish_sending();
            assert_eq!(client.response().text(), "ok");
        }
        assert_eq!(proxy.wait().code, Some(0));
    });
}

#[test]
fn clients_that_said_half_a_word_hold_up_the_end_for_their_head_timeout_at_most() {
    on_both_engines(|engine| {
        let origin = Origin::saying("ok");
        let keys = "head_timeout = \"500ms\"";
        let proxy = proxy(engine, &to_origin_with(&origin, keys, ""));
        let mut clients: Vec<Peer> = (0..8).map(|_| proxy.client()).collect();
        for client in &mut clients {
            client.send("GET / HTT");
        }
        proxy.metrics_until("they are seen", |metrics| {
            metrics.sum("outrigger_downstream_connections_active", &[]) == 8.0
        });
        proxy.terminate();
        // The harness waits for less than `drain_timeout`.
        assert_eq!(proxy.wait().code, Some(0));
    });
}

/// A client that has asked, and has seen the head of its answer.
fn begin_to_read(proxy: &Proxy) -> Peer {
    let mut client = proxy.client();
    assert_eq!(client.send(GET).head().status(), 200);
    client
}
