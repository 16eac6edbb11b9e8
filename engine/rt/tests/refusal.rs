//! What becomes of clients when no descriptor is left. A binary of its own, as it lowers the limit
//! of the whole process.

#![allow(clippy::unwrap_used)]

mod common;

use std::io::Read;
use std::net::TcpStream;
use std::time::{Duration, Instant};

use common::{
    REFUSAL, allow_descriptors, descriptors_settle, fill_descriptors, head, listen, on_both,
    on_core,
};

#[test]
fn without_descriptors_clients_are_refused_politely_and_slowly_and_later_served_again() {
    allow_descriptors(128);
    on_both(|engine| {
        on_core(engine, || async {
            let (listener, address) = listen();
            let connect = |_| TcpStream::connect(address).unwrap();
            let clients: Vec<TcpStream> = (0..24).map(connect).collect();
            // The first in the queue is the first to be accepted or refused.
            let mut next = clients.iter();
            descriptors_settle().await;
            let mut filling = fill_descriptors();
            filling.truncate(filling.len() - 2);
            let first = (listener.accept().await.unwrap(), next.next());
            let second = (listener.accept().await.unwrap(), next.next());

            let begin = Instant::now();
            for round in 0..5 {
                let error = listener.accept().await.unwrap_err();
                assert_eq!(error.raw_os_error(), Some(libc::EMFILE), "{round}: {error}");
                let mut told = String::new();
                next.next().unwrap().read_to_string(&mut told).unwrap();
                assert_eq!(told.as_bytes(), REFUSAL, "round {round}");
            }
            let took = begin.elapsed();
            assert!(took >= Duration::from_millis(40), "five refusals in {took:?}");

            drop((first, second, filling));
            let served = loop {
                match listener.accept().await {
                    Ok(stream) => break stream,
                    // Those who came while the descriptors were being closed.
                    Err(_) => drop(next.next().expect("some are served")),
                }
            };
            served.send(head(b"welcome").into()).await.unwrap();
            served.flush().await.unwrap();
            let mut client = next.next().unwrap();
            let mut told = [0; 7];
            client.read_exact(&mut told).unwrap();
            assert_eq!(&told, b"welcome");
        });
    });
}
