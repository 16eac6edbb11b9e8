//! The steady state allocates nothing. A binary of its own, as it has an allocator of
//! its own.

#![allow(clippy::unwrap_used)]

mod common;

use std::time::Duration;

use common::{on_both, on_core, pair};
use rt::counting::{CountingAllocator, count_allocations_here};
use rt::{Batch, HeadBuf, Pool, Stream, Timer};

#[global_allocator]
static ALLOCATOR: CountingAllocator = CountingAllocator;

/// One request as the engine will make it: a head and a body one way, a chunk relayed back.
async fn request(client: &Stream, server: &Stream, scratch: &Pool<Vec<u8>>) {
    let mut head = HeadBuf::take();
    head.extend_from_slice(b"head of a request");
    let batch = Batch::new().push(head).push(b" and its body".as_slice());
    client.send(batch).await.unwrap();
    let mut chunk = server.recv().await.unwrap();
    scratch.take().extend_from_slice(&chunk[..4]);
    assert_eq!(&*chunk.split_off(17), b" and its body");
    server.send(chunk.into()).await.unwrap();
    drop(client.recv().await.unwrap());
}

async fn rounds(n: usize, client: &Stream, server: &Stream, scratch: &Pool<Vec<u8>>) {
    let timer = Timer::new();
    for _ in 0..n {
        timer.set(rt::now() + Duration::from_secs(15));
        timer.race(rt::pooled(request(client, server, scratch))).await.unwrap();
        timer.set(rt::now() + Duration::from_secs(60));
        let _ = rt::both(rt::yield_now(), rt::either(rt::yield_now(), rt::yield_now())).await;
    }
}

#[test]
fn a_request_on_warm_connections_allocates_nothing() {
    on_both(|engine| {
        on_core(engine, move || async move {
            let counts = count_allocations_here();
            let (client, server) = pair().await;
            let scratch = Pool::new(4, Vec::new, Vec::clear);
            rounds(300, &client, &server, &scratch).await;
            let before = counts.allocations();
            rounds(1_000, &client, &server, &scratch).await;
            let allocated = counts.allocations() - before;
            assert_eq!(allocated, 0, "allocations in 1,000 requests on {engine:?}");
        });
    });
}

#[test]
fn a_large_body_on_warm_connections_allocates_nothing() {
    const PIECE: usize = 64 << 10;
    on_both(|engine| {
        on_core(engine, move || async move {
            let counts = count_allocations_here();
            let (client, server) = pair().await;
            static BODY: [u8; PIECE] = [7; PIECE];
            let relay = async |n: usize| {
                for _ in 0..n {
                    server.hint_bulk(PIECE as u64);
                    let send = async {
                        client.send(BODY.as_slice().into()).await.unwrap();
                        client.flush().await.unwrap();
                    };
                    let receive = async {
                        let mut left = PIECE;
                        while left > 0 {
                            left -= server.recv().await.unwrap().len();
                        }
                    };
                    rt::both(send, receive).await;
                }
            };
            relay(300).await;
            let before = counts.allocations();
            relay(100).await;
            let allocated = counts.allocations() - before;
            assert_eq!(allocated, 0, "allocations in 100 bodies on {engine:?}");
        });
    });
}

#[test]
fn a_task_that_has_ended_leaves_nothing() {
    on_both(|engine| {
        on_core(engine, move || async move {
            let counts = count_allocations_here();
            let spawn_all = async || {
                for _ in 0..1000 {
                    rt::spawn(rt::yield_now());
                    rt::yield_now().await;
                }
                rt::sleep(Duration::from_millis(5)).await;
            };
            spawn_all().await;
            let before = counts.live();
            spawn_all().await;
            let left = counts.live() - before;
            assert!(left <= 10, "{left} allocations of 1,000 ended tasks on {engine:?}");
        });
    });
}
