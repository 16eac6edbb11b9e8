//! Dropping any future at any moment leaks neither a buffer nor a descriptor. One test, as it
//! counts the descriptors of the process.

#![allow(clippy::unwrap_used, unsafe_code)]

mod common;

use std::future::{Future, poll_fn};
use std::io::Write;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use common::{listen, start};
use rt::{Address, Batch, Chunk, EngineKind, Listener, Stream};

const TIMES: usize = 30;

fn descriptors() -> usize {
    std::fs::read_dir("/proc/self/fd").unwrap().count()
}

/// Polls `future` until it ends, but at most `times`; then drops it.
async fn poll_times<F: Future>(times: usize, future: F) -> Option<F::Output> {
    let mut future = pin!(future);
    for _ in 0..times {
        let polled = poll_fn(|cx| Poll::Ready(future.as_mut().poll(cx))).await;
        if let Poll::Ready(output) = polled {
            return Some(output);
        }
        rt::yield_now().await;
    }
    None
}

struct Place {
    listener: Listener,
    address: SocketAddr,
}

impl Place {
    async fn pair(&self) -> (Stream, TcpStream) {
        let theirs = TcpStream::connect(self.address).unwrap();
        (self.listener.accept().await.unwrap(), theirs)
    }

    /// Dropped while it waits, while bytes come in, and when they are there.
    async fn recv(&self, polls: usize) {
        let (stream, mut theirs) = self.pair().await;
        poll_times(polls, stream.recv()).await;
        theirs.write_all(&[7; 20_000]).unwrap();
        poll_times(polls, stream.recv()).await;
    }

    /// Dropped while it waits for the send before it, which nobody reads.
    async fn send(&self, polls: usize) {
        let (stream, _theirs) = self.pair().await;
        for _ in 0..TIMES {
            let big = vec![7; 1 << 20];
            let batch = Batch::from(common::head(&big)).push(Chunk::empty());
            if poll_times(polls, stream.send(batch)).await.is_none() {
                break;
            }
        }
        poll_times(polls, stream.flush()).await;
        poll_times(polls, stream.finish()).await;
    }

    /// A received buffer on its way out is dropped with the stream that sends it.
    async fn relay(&self, polls: usize) {
        let (from, mut theirs) = self.pair().await;
        let (to, _theirs) = self.pair().await;
        theirs.write_all(&[7; 50_000]).unwrap();
        while let Some(chunk) = poll_times(polls + 2, from.recv()).await {
            let chunk = chunk.unwrap();
            // An end: an earlier step's client, accepted late.
            if chunk.is_empty() || poll_times(polls, to.send(chunk.into())).await.is_none() {
                return;
            }
        }
    }

    async fn accept(&self, polls: usize) {
        poll_times(polls, self.listener.accept()).await;
        let _theirs = TcpStream::connect(self.address).unwrap();
        poll_times(polls, self.listener.accept()).await;
        self.accept_all().await;
    }

    /// What came while nobody accepted: the next step wants its own connection.
    async fn accept_all(&self) {
        while poll_times(5, self.listener.accept()).await.is_some() {}
    }

    /// Also to a listener whose queue is full, where the connect never ends.
    async fn connect(&self, polls: usize, full: SocketAddr) {
        poll_times(polls, Stream::connect(&Address::Inet(full))).await;
        poll_times(polls, Stream::connect(&Address::Inet(self.address))).await;
        self.accept_all().await;
    }
}

/// A listener that answers nobody any more, and what fills its queue.
fn full_listener() -> (TcpListener, Vec<TcpStream>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    socket2::SockRef::from(&listener).listen(0).unwrap();
    let address = listener.local_addr().unwrap();
    let filling =
        (0..2).map_while(|_| TcpStream::connect_timeout(&address, Duration::from_millis(200)).ok());
    let filling = filling.collect();
    (listener, filling)
}

#[test]
fn a_future_dropped_at_any_await_leaks_neither_buffer_nor_descriptor() {
    let core = start(EngineKind::Uring, move || async move {
        let (full, _filling) = full_listener();
        let full = full.local_addr().unwrap();
        let (listener, address) = listen();
        let place = Place { listener, address };
        let round = async |polls| {
            place.recv(polls).await;
            place.send(polls).await;
            place.relay(polls).await;
            place.accept(polls).await;
            place.connect(polls, full).await;
            let (_sender, mut inbox) = rt::mailbox::<()>(1);
            poll_times(polls, inbox.recv()).await;
        };
        round(2).await;
        settle().await;
        let before = descriptors();
        for _ in 0..TIMES {
            for polls in 0..4 {
                round(polls).await;
            }
        }
        settle().await;
        let after = descriptors();
        assert!(after <= before + 2, "{after} descriptors, {before} before {TIMES} rounds");
    });
    let gauges = core.gauges().clone();
    core.join().unwrap();
    assert_eq!(gauges.buffers_held.read(), 0, "buffers held");
}

/// Turns enough for every cancellation and close.
async fn settle() {
    for _ in 0..20 {
        rt::sleep(Duration::from_millis(2)).await;
    }
}
