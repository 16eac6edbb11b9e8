//! Receiving on io_uring is flow-controlled per connection: who stalls holds little, and starves
//! nobody.

#![allow(clippy::unwrap_used)]

mod common;

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::mpsc::channel;
use std::time::Duration;

use common::{head, listen, on_core, pattern, recv_to_end, start};
use rt::{Batch, CoreGauges, EngineKind, Stream};

/// `inflight_chunks`: buffers that one connection may hold.
const CAP: u64 = 4;

fn blocking(address: std::net::SocketAddr) -> TcpStream {
    let socket = TcpStream::connect(address).unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    socket
}

/// Writes until the socket takes no more; how many bytes it took.
fn stuff(socket: &mut TcpStream) -> usize {
    socket.set_nonblocking(true).unwrap();
    let mut taken = 0;
    loop {
        match socket.write(&[7; 16 << 10]) {
            Ok(bytes) => taken += bytes,
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::WouldBlock);
                return taken;
            }
        }
    }
}

/// Asks until `held` is right; the gauge is written once a turn.
fn wait_for(gauges: &Arc<CoreGauges>, what: &str, right: impl Fn(u64) -> bool) {
    for _ in 0..2000 {
        if right(gauges.buffers_held.read()) {
            return;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    panic!("{what}: {} buffers held", gauges.buffers_held.read());
}

#[test]
fn a_hundred_stalled_uploads_hold_their_cap_and_starve_nobody() {
    const STALLED: usize = 100;
    let (tell, told) = channel();
    let (end, ended) = rt::mailbox::<()>(1);
    let core = start(EngineKind::Uring, move || async move {
        let mut ended = ended;
        let (stalls, stalls_at) = listen();
        let (echoes, echoes_at) = listen();
        tell.send((stalls_at, echoes_at)).unwrap();
        rt::spawn(async move {
            let mut stalled = Vec::new();
            while let Ok(stream) = stalls.accept().await {
                // Takes one chunk, keeps it, and never asks again.
                stalled.push((stream.recv().await.unwrap(), stream));
            }
        });
        rt::spawn(async move {
            while let Ok(stream) = echoes.accept().await {
                rt::spawn(async move {
                    while let Ok(chunk) = stream.recv().await {
                        if chunk.is_empty() || stream.send(chunk.into()).await.is_err() {
                            return;
                        }
                    }
                });
            }
        });
        ended.recv().await;
    });
    let (stalls_at, echoes_at) = told.recv().unwrap();
    let mut uploads: Vec<_> = (0..STALLED).map(|_| blocking(stalls_at)).collect();
    let mut echoes: Vec<_> = (0..10).map(|_| blocking(echoes_at)).collect();
    for round in 0..20 {
        let stuffed: usize = uploads.iter_mut().map(stuff).sum();
        let sent = pattern(round * 97 + 1);
        for echo in &mut echoes {
            echo.write_all(&sent).unwrap();
            let mut heard = vec![0; sent.len()];
            echo.read_exact(&mut heard).unwrap();
            assert_eq!(heard, sent, "round {round}");
        }
        let held = core.gauges().buffers_held.read();
        let most = STALLED as u64 * CAP + 1;
        assert!(held <= most, "{held} buffers held after {stuffed} more bytes");
    }
    wait_for(core.gauges(), "all uploads stalled", |held| held >= STALLED as u64);
    end.send(()).unwrap();
    core.join().unwrap();
}

#[test]
fn bytes_that_come_in_drops_pin_few_buffers_and_arrive_in_order() {
    on_core(EngineKind::Uring, || async {
        let (listener, address) = listen();
        let mut plain = blocking(address);
        plain.set_nodelay(true).unwrap();
        let stream = listener.accept().await.unwrap();
        plain.write_all(&[0]).unwrap();
        let first = stream.recv().await.unwrap();
        for drop in 1..200_u8 {
            plain.write_all(&[drop]).unwrap();
            rt::sleep(Duration::from_micros(100)).await;
        }
        drop(plain);
        let rest = recv_to_end(&stream).await;
        let all: Vec<_> = first.iter().chain(&rest).copied().collect();
        assert_eq!(all, (0..200).collect::<Vec<u8>>());
    });
}

#[test]
fn one_byte_copied_out_pins_no_buffer_and_an_idle_stream_holds_none() {
    let (tell, told) = channel();
    let (end, ended) = rt::mailbox::<()>(1);
    let core = start(EngineKind::Uring, move || async move {
        let mut ended = ended;
        let (listener, address) = listen();
        tell.send(address).unwrap();
        let mut partial = Vec::new();
        for _ in 0..50 {
            let stream = listener.accept().await.unwrap();
            let chunk = stream.recv().await.unwrap();
            partial.push((head(&chunk), stream));
        }
        ended.recv().await;
        assert!(partial.iter().all(|(bytes, _)| ***bytes == [7]));
    });
    let address = told.recv().unwrap();
    let clients: Vec<_> = (0..50)
        .map(|_| {
            let mut client = blocking(address);
            client.write_all(&[7]).unwrap();
            client
        })
        .collect();
    wait_for(core.gauges(), "fifty idle streams", |held| held == 0);
    end.send(()).unwrap();
    core.join().unwrap();
    drop(clients);
}

#[test]
fn a_slow_onward_send_stops_the_receiving_and_resumes_it() {
    const BYTES: usize = 8 << 20;
    let (tell, told) = channel();
    let core = start(EngineKind::Uring, move || async move {
        let (listener, address) = listen();
        tell.send(address).unwrap();
        let from = listener.accept().await.unwrap();
        let to = listener.accept().await.unwrap();
        from.hint_bulk(BYTES as u64);
        loop {
            let chunk = from.recv().await.unwrap();
            if chunk.is_empty() {
                return to.finish().await.unwrap();
            }
            to.send(Batch::from(chunk)).await.unwrap();
        }
    });
    let address = told.recv().unwrap();
    let mut from = blocking(address);
    let mut to = blocking(address);
    let sent = pattern(BYTES);
    let upload = sent.clone();
    let upload = std::thread::spawn(move || from.write_all(&upload).unwrap());
    // Nobody reads at the far end: the sockets fill, and the relay must hold no more than its cap.
    for _ in 0..20 {
        std::thread::sleep(Duration::from_millis(5));
        let held = core.gauges().buffers_held.read();
        assert!(held <= CAP, "{held} buffers held");
    }
    let mut received = Vec::new();
    to.read_to_end(&mut received).unwrap();
    assert!(received == sent, "{} of {BYTES} bytes, or wrong ones", received.len());
    upload.join().unwrap();
    core.join().unwrap();
}

const BURST: usize = 200;

/// Keeps the first chunk until told, then echoes.
async fn hold_one_then_echo(stream: Stream, hold: Arc<AtomicBool>) {
    let chunk = stream.recv().await.unwrap();
    while hold.load(Relaxed) {
        rt::sleep(Duration::from_millis(1)).await;
    }
    drop(chunk);
    while let Ok(chunk) = stream.recv().await {
        if chunk.is_empty() || stream.send(chunk.into()).await.is_err() {
            return;
        }
    }
}

#[test]
fn a_burst_of_uploads_grows_the_pool_and_peace_shrinks_it() {
    let (tell, told) = channel();
    let hold = Arc::new(AtomicBool::new(true));
    let holds = hold.clone();
    let (end, ended) = rt::mailbox::<()>(1);
    let core = start(EngineKind::Uring, move || async move {
        let mut ended = ended;
        let (listener, address) = listen();
        tell.send(address).unwrap();
        rt::spawn(async move {
            while let Ok(stream) = listener.accept().await {
                rt::spawn(hold_one_then_echo(stream, holds.clone()));
            }
        });
        ended.recv().await;
    });
    let address = told.recv().unwrap();
    let mut clients: Vec<_> = (0..BURST).map(|_| blocking(address)).collect();
    for client in &mut clients {
        client.write_all(&[7; 4096]).unwrap();
    }
    wait_for(core.gauges(), "the burst", |held| held == BURST as u64);
    hold.store(false, Relaxed);
    wait_for(core.gauges(), "the burst is over", |held| held == 0);
    let after_burst = core.gauges().buffers_total.read();
    assert!(after_burst >= BURST as u64, "{after_burst} buffers");
    // Light traffic over three trims; each use retires one that is above need.
    for _ in 0..35 {
        for client in &mut clients[..20] {
            client.write_all(b"?").unwrap();
            client.read_exact(&mut [0]).unwrap();
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    let in_peace = core.gauges().buffers_total.read();
    assert!(in_peace <= 64, "{in_peace} buffers in peace, {after_burst} after the burst");
    end.send(()).unwrap();
    core.join().unwrap();
}
