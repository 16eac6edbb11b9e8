//! A core's life on io_uring: it sleeps when there is nothing to do, wakes in time, survives its
//! tasks' panics and its tasks' greed, and ends at once.

#![allow(clippy::unwrap_used)]

mod common;

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::mpsc::channel;
use std::time::{Duration, Instant};

use common::{head, listen, on_core, pair, start};
use rt::EngineKind;

#[test]
fn an_idle_core_makes_no_turns() {
    let (tell, told) = channel();
    let (end, ended) = rt::mailbox::<()>(1);
    let core = start(EngineKind::Uring, move || async move {
        let mut ended = ended;
        let (listener, address) = listen();
        tell.send(address).unwrap();
        let mut idle = Vec::new();
        for _ in 0..20 {
            let stream = listener.accept().await.unwrap();
            stream.recv().await.unwrap();
            idle.push(stream);
        }
        for stream in idle {
            rt::spawn(async move {
                stream.recv().await.unwrap();
            });
        }
        rt::spawn(async move {
            listener.accept().await.unwrap();
        });
        ended.recv().await;
    });
    let address = told.recv().unwrap();
    let clients: Vec<_> = (0..20)
        .map(|_| {
            let mut client = TcpStream::connect(address).unwrap();
            client.write_all(b"once").unwrap();
            client
        })
        .collect();
    // The turns of the beginning, and a trim of the buffers, come to an end.
    let turns = || core.gauges().turns.read();
    let quiet = (0..10).any(|_| {
        let before = turns();
        std::thread::sleep(Duration::from_secs(1));
        turns() == before
    });
    assert!(quiet, "{} turns and counting", turns());
    end.send(()).unwrap();
    core.join().unwrap();
    drop(clients);
}

#[test]
fn a_timer_of_an_idle_core_fires_within_two_milliseconds() {
    on_core(EngineKind::Uring, || async {
        let mut late: Vec<_> = Vec::new();
        for round in 0..50_u64 {
            let due = Instant::now() + Duration::from_micros(500 + round * 137);
            rt::sleep_until(due).await;
            let now = Instant::now();
            assert!(now >= due, "early by {:?}", due - now);
            late.push(now - due);
        }
        late.sort();
        // The best quarter: on a busy machine the others wait for a processor.
        assert!(late[12] < Duration::from_millis(2), "late by {late:?}");
    });
}

#[test]
fn a_panic_ends_its_task_only() {
    let (tell, told) = channel();
    let core = start(EngineKind::Uring, move || async move {
        let (listener, address) = listen();
        tell.send(address).unwrap();
        for _ in 0..2 {
            let stream = listener.accept().await.unwrap();
            rt::spawn(async move {
                let chunk = stream.recv().await.unwrap();
                assert_ne!(&*chunk, b"bad", "on purpose");
                stream.send(chunk.into()).await.unwrap();
                stream.finish().await.unwrap();
            });
        }
        // Holds the core until both tasks have ended.
        while listener.drain().await.unwrap().is_none() {
            rt::sleep(Duration::from_millis(1)).await;
        }
    });
    let address = told.recv().unwrap();
    let answer = |words: &[u8]| {
        let mut client = TcpStream::connect(address).unwrap();
        client.write_all(words).unwrap();
        let mut text = Vec::new();
        let _ = client.read_to_end(&mut text);
        text
    };
    assert_eq!(answer(b"bad"), b"", "the connection of the panic is closed");
    assert_eq!(answer(b"good"), b"good");
    drop(TcpStream::connect(address).unwrap());
    let gauges = core.gauges().clone();
    core.join().unwrap();
    assert_eq!((gauges.task_panics.read(), gauges.buffers_held.read()), (1, 0));
}

#[test]
fn the_core_does_not_sleep_over_a_task_that_can_run() {
    on_core(EngineKind::Uring, || async {
        for _ in 0..1000 {
            rt::yield_now().await;
        }
    });
}

#[test]
fn work_done_inside_the_ring_counts_as_busy() {
    static BYTES: [u8; 1 << 20] = [7; 1 << 20];
    let (tell, told) = channel();
    let core = start(EngineKind::Uring, || async move {
        let (client, server) = pair().await;
        rt::spawn(async move { while server.recv().await.is_ok_and(|chunk| !chunk.is_empty()) {} });
        let began = Instant::now();
        while began.elapsed() < Duration::from_millis(300) {
            client.send(BYTES.as_slice().into()).await.unwrap();
        }
        let used = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap();
        let nanoseconds = used.split(' ').next().unwrap().parse().unwrap();
        tell.send(Duration::from_nanos(nanoseconds)).unwrap();
    });
    let gauges = core.gauges().clone();
    core.join().unwrap();
    let (used, busy) = (told.recv().unwrap(), Duration::from_micros(gauges.busy_us.read()));
    // Told every 10 ms.
    assert!(busy + Duration::from_millis(20) > used, "busy for {busy:?}, {used:?} used");
}

#[test]
fn a_task_that_wakes_itself_starves_nobody() {
    on_core(EngineKind::Uring, || async {
        for _ in 0..2 {
            rt::spawn(async {
                loop {
                    rt::yield_now().await;
                }
            });
        }
        let (client, server) = pair().await;
        let began = Instant::now();
        for _ in 0..100 {
            client.send(head(b"ping").into()).await.unwrap();
            let ping = server.recv().await.unwrap();
            server.send(ping.into()).await.unwrap();
            assert_eq!(&*client.recv().await.unwrap(), b"ping");
        }
        rt::sleep(Duration::from_millis(5)).await;
        assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
    });
}
