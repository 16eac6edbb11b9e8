//! A scripted origin: a listener whose every connection is a thread that runs the test's script.
//!
//! A script that panics fails the test when the origin is dropped, with the script's message.
//! Dropping it cuts whatever is still open, so that a script may wait for longer than its test.

use std::any::Any;
use std::collections::BTreeMap;
use std::net::{Shutdown, TcpListener};
use std::os::unix::net::UnixListener;
use std::panic::{self, AssertUnwindSafe};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};

use crate::address::Address;
use crate::message::Message;
use crate::peer::{Peer, Socket};

/// What an origin does with one connection; the number counts its connections from 0.
type Script = dyn Fn(&mut Peer, usize) + Send + Sync;

/// A listening origin.
pub struct Origin {
    address: Address,
    shared: Arc<Shared>,
    acceptor: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct Shared {
    stopping: AtomicBool,
    connections: AtomicUsize,
    received: Arc<AtomicUsize>,
    open: Mutex<BTreeMap<usize, Socket>>,
    failures: Mutex<Vec<String>>,
}

enum Listener {
    Tcp(TcpListener),
    Unix(UnixListener),
}

impl Origin {
    /// Runs `script` on each connection, on a port of its own.
    pub fn scripted(script: impl Fn(&mut Peer, usize) + Send + Sync + 'static) -> Origin {
        Origin::at(&Address::reserve(), script)
    }

    /// Runs `script` on each connection, on this address.
    #[track_caller]
    pub fn at(
        address: &Address,
        script: impl Fn(&mut Peer, usize) + Send + Sync + 'static,
    ) -> Self {
        let listener = match address {
            Address::Inet(address) => TcpListener::bind(address).map(Listener::Tcp),
            Address::Unix(path) => UnixListener::bind(path).map(Listener::Unix),
        };
        let listener = listener.unwrap_or_else(|error| panic!("origin at {address}: {error}"));
        let shared = Arc::new(Shared::default());
        let acceptor = {
            let shared = Arc::clone(&shared);
            let script: Arc<Script> = Arc::new(script);
            thread::spawn(move || accept_all(&listener, &shared, &script))
        };
        Origin { address: address.clone(), shared, acceptor: Some(acceptor) }
    }

    /// Answers each request through `answer`, for as long as the connection lasts.
    pub fn answering(answer: impl Fn(&Message) -> Vec<u8> + Send + Sync + 'static) -> Origin {
        Origin::scripted(move |peer, _| serve(peer, &answer))
    }

    /// Answers every request with 200 and this body.
    pub fn saying(body: &str) -> Origin {
        let answer = ok(body);
        Origin::answering(move |_| answer.clone())
    }

    /// Answers every request with 200 and, as its body, what arrived: see [`described`].
    pub fn echo() -> Origin {
        Origin::answering(|request| ok(&described(request)))
    }

    /// Where it listens.
    pub fn address(&self) -> &Address {
        &self.address
    }

    /// Connections accepted so far.
    pub fn connections(&self) -> usize {
        self.shared.connections.load(Ordering::SeqCst)
    }

    /// Bytes that scripts have read so far, over all connections.
    pub fn bytes_received(&self) -> usize {
        self.shared.received.load(Ordering::SeqCst)
    }

    /// Dies as by `kill -9`: cuts every connection and listens no more. Its address is free then.
    pub fn kill(self) {
        drop(self);
    }

    fn stop(&mut self) {
        let Some(acceptor) = self.acceptor.take() else { return };
        self.shared.stopping.store(true, Ordering::SeqCst);
        drop(Peer::try_connect(&self.address)); // wakes the acceptor
        acceptor.join().expect("the acceptor catches its scripts' panics");
    }
}

impl Drop for Origin {
    fn drop(&mut self) {
        self.stop();
        let failures = self.shared.failures.lock().expect("no holder panics");
        if !failures.is_empty() && !thread::panicking() {
            panic!("the origin's script failed: {}", failures.join("\n"));
        }
    }
}

/// Reads requests and writes answers until the peer closes.
pub fn serve(peer: &mut Peer, answer: &(impl Fn(&Message) -> Vec<u8> + ?Sized)) {
    while let Some(request) = peer.next_request() {
        if peer.try_send(&answer(&request)).is_err() {
            return;
        }
    }
}

/// A 200 with this body.
pub fn ok(body: &str) -> Vec<u8> {
    format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{body}", body.len()).into_bytes()
}

/// A request as text: its line, its fields, an empty line, its body, an empty line, its trailers.
pub fn described(request: &Message) -> String {
    let lines = |fields: &[(String, String)]| -> String {
        fields.iter().map(|(name, value)| format!("{name}: {value}\n")).collect()
    };
    let body = String::from_utf8_lossy(&request.body);
    let (fields, trailers) = (lines(&request.fields), lines(&request.trailers));
    format!("{}\n{fields}\n{body}\n{trailers}", request.start)
}

fn accept_all(listener: &Listener, shared: &Arc<Shared>, script: &Arc<Script>) {
    let mut threads = Vec::new();
    while let Some(socket) = accept(listener) {
        if shared.stopping.load(Ordering::SeqCst) {
            break;
        }
        let number = shared.connections.fetch_add(1, Ordering::SeqCst);
        let (shared, script) = (Arc::clone(shared), Arc::clone(script));
        threads.push(thread::spawn(move || run(socket, number, &shared, &*script)));
    }
    for socket in shared.open.lock().expect("no holder panics").values() {
        socket.shutdown(Shutdown::Both);
    }
    for thread in threads {
        thread.join().expect("run catches the script's panic");
    }
}

fn accept(listener: &Listener) -> Option<Socket> {
    match listener {
        Listener::Tcp(listener) => listener.accept().ok().map(|(stream, _)| Socket::Tcp(stream)),
        Listener::Unix(listener) => listener.accept().ok().map(|(stream, _)| Socket::Unix(stream)),
    }
}

fn run(socket: Socket, number: usize, shared: &Shared, script: &Script) {
    let mut open = shared.open.lock().expect("no holder panics");
    open.insert(number, socket.duplicate());
    drop(open);
    let mut peer = Peer::new(socket).counting(Arc::clone(&shared.received));
    let result = panic::catch_unwind(AssertUnwindSafe(|| script(&mut peer, number)));
    shared.open.lock().expect("no holder panics").remove(&number);
    let Err(panic) = result else { return };
    if !shared.stopping.load(Ordering::SeqCst) {
        let text = format!("connection {number}: {}", panic_text(&*panic));
        shared.failures.lock().expect("no holder panics").push(text);
    }
}

fn panic_text(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("a panic without text")
}
