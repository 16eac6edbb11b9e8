//! At the limit of descriptors an accept fails even if nobody waits: a core must sleep then, not
//! ask again and again. A binary of its own, as it lowers the limit of the whole process.

#![allow(clippy::unwrap_used)]

mod common;

use std::net::TcpStream;
use std::sync::mpsc::channel;
use std::time::Duration;

use common::{allow_descriptors, descriptors_settle, fill_descriptors, listen, on_both, start};

#[test]
fn without_descriptors_and_without_clients_nobody_is_refused_and_a_core_sleeps() {
    allow_descriptors(128);
    on_both(|engine| {
        let (tell, told) = channel();
        let (go, mut wait) = rt::mailbox::<()>(1);
        let core = start(engine, move || async move {
            let (listener, address) = listen();
            let client = TcpStream::connect(address).unwrap();
            let (empty, _) = listen();
            descriptors_settle().await;
            let filling = fill_descriptors();
            assert!(empty.drain().await.unwrap().is_none());
            listener.accept().await.unwrap_err();
            let accepting = async {
                // An error only for a client, and there is none any more.
                let _ = listener.accept().await;
                panic!("nobody was there to be refused");
            };
            tell.send(()).unwrap();
            rt::either(wait.recv(), accepting).await;
            drop((client, filling));
        });
        told.recv().unwrap();
        let before = core.gauges().turns.read();
        std::thread::sleep(Duration::from_secs(1));
        let turns = core.gauges().turns.read() - before;
        go.send(()).unwrap();
        core.join().unwrap();
        assert!(turns < 10, "{turns} turns in a second of waiting for nobody on {engine:?}");
    });
}
