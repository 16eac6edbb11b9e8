//! Whatever is dropped, and whenever, every descriptor is closed. A binary of its own, as it counts
//! the descriptors of the whole process.

#![allow(clippy::unwrap_used)]

mod common;

use std::net::TcpListener;
use std::time::Duration;

use common::{descriptors, descriptors_settle, head, listen, on_both, on_core, pair};
use rt::{Address, Either, Stream};

/// Gives up after so many rounds of the other tasks.
async fn patience(rounds: usize) {
    for _ in 0..rounds {
        rt::yield_now().await;
    }
}

/// Descriptors are closed soon, not at once: io_uring first waits for what it cancelled.
async fn settles_at(before: usize, what: &str, rounds: usize) {
    for _ in 0..500 {
        if descriptors() == before {
            return;
        }
        rt::sleep(Duration::from_millis(2)).await;
    }
    panic!("{what}, dropped after {rounds} rounds: {before} became {} descriptors", descriptors());
}

#[test]
fn dropping_a_stream_at_any_moment_leaks_no_descriptor() {
    on_both(|engine| {
        on_core(engine, || async {
            drop(pair().await);
            let before = descriptors_settle().await;
            for rounds in 0..8 {
                let (a, b) = pair().await;
                let gave_up = rt::either(a.recv(), patience(rounds)).await;
                assert!(matches!(gave_up, Either::Right(())));
                drop((a, b));
                settles_at(before, "a receive", rounds).await;

                let (a, b) = pair().await;
                let large = async {
                    a.send(head(&vec![7; 16 << 20]).into()).await?;
                    a.flush().await
                };
                let gave_up = rt::either(large, patience(rounds)).await;
                assert!(matches!(gave_up, Either::Right(())));
                drop((a, b));
                settles_at(before, "a send", rounds).await;

                // Nobody accepts; the kernel connects nonetheless, at once or a turn later.
                let socket = TcpListener::bind("127.0.0.1:0").unwrap();
                let address = Address::Inet(socket.local_addr().unwrap());
                drop(rt::either(Stream::connect(&address), patience(rounds)).await);
                drop(socket);
                settles_at(before, "a connect", rounds).await;

                let (listener, address) = listen();
                let _ = rt::either(std::pin::pin!(listener.accept()), patience(rounds)).await;
                let client = std::net::TcpStream::connect(address).unwrap();
                patience(rounds).await;
                drop((listener, client));
                settles_at(before, "an accept", rounds).await;
            }
        });
    });
}
