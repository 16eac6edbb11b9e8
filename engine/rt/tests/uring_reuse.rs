//! A descriptor outlives its operations: however connections come and go, no byte of one client
//! reaches another.

#![allow(clippy::unwrap_used)]
mod common;

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::mpsc::channel;
use std::time::Duration;

use common::{listen, start};
use rt::{Address, EngineKind, Stream};
use socket2::SockRef;

const CLIENTS: u8 = 4;
const ROUNDS: usize = 400;
/// One message: a tag, repeated.
const MESSAGE: usize = 512;

/// Every byte a client gets must bear its tag; how many whole echoes it got.
fn client(tag: u8, address: SocketAddr) -> usize {
    let mut echoes = 0;
    for round in 0..ROUNDS {
        let Ok(mut socket) = TcpStream::connect(address) else { continue };
        socket.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        let tag = [tag ^ (round as u8) << 3; MESSAGE];
        if socket.write_all(&tag).is_err() {
            continue;
        }
        match round % 4 {
            // Gone before the answer, with a reset.
            0 => SockRef::from(&socket).set_linger(Some(Duration::ZERO)).unwrap(),
            // Gone in the middle of the answer.
            1 => {
                let mut part = [0; 7];
                if socket.read_exact(&mut part).is_ok() {
                    assert_eq!(part, tag[..7], "a stranger's byte");
                }
            }
            _ => {
                let mut echo = [0; MESSAGE];
                socket.read_exact(&mut echo).unwrap();
                assert!(echo == tag, "a stranger's bytes: {echo:?} for {}", tag[0]);
                echoes += 1;
            }
        }
    }
    echoes
}

#[test]
fn a_storm_of_connects_and_aborts_crosses_no_bytes() {
    let (tell, told) = channel();
    let (end, ended) = rt::mailbox::<()>(1);
    let core = start(EngineKind::Uring, move || async move {
        let mut ended = ended;
        let (front, front_at) = listen();
        let (back, back_at) = listen();
        tell.send(front_at).unwrap();
        // A relay between a front and a back on the same core: four descriptors a client, all of
        // them reused at once.
        rt::spawn(async move {
            while let Ok(stream) = front.accept().await {
                rt::spawn(relay(stream, Address::Inet(back_at)));
            }
        });
        rt::spawn(async move {
            while let Ok(stream) = back.accept().await {
                rt::spawn(echo(stream));
            }
        });
        ended.recv().await;
    });
    let address = told.recv().unwrap();
    let clients: Vec<_> =
        (0..CLIENTS).map(|tag| std::thread::spawn(move || client(tag, address))).collect();
    let echoes: usize = clients.into_iter().map(|client| client.join().unwrap()).sum();
    assert_eq!(echoes, CLIENTS as usize * ROUNDS / 2);
    end.send(()).unwrap();
    let gauges = core.gauges().clone();
    core.join().unwrap();
    assert_eq!(gauges.task_panics.read(), 0);
}

async fn relay(client: Stream, to: Address) {
    let Ok(upstream) = Stream::connect(&to).await else { return };
    loop {
        let Ok(request) = client.recv().await else { return };
        // A mixture would show here, before any client sees it.
        assert!(request.iter().all(|byte| *byte == request[0]), "two clients in one chunk");
        if request.is_empty() || upstream.send(request.into()).await.is_err() {
            return;
        }
        let Ok(answer) = upstream.recv().await else { return };
        if answer.is_empty() || client.send(answer.into()).await.is_err() {
            return;
        }
    }
}

async fn echo(stream: Stream) {
    while let Ok(chunk) = stream.recv().await {
        if chunk.is_empty() || stream.send(chunk.into()).await.is_err() {
            return;
        }
    }
}
