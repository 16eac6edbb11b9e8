//! Tests of the whole program: once warm, a request allocates nothing on its core, and a connection
//! that waits for its next request holds little.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Duration;

use control::{Commands, Setup};
use rt::counting::{CountingAllocator, Counts, count_allocations_here};

#[global_allocator]
static ALLOCATOR: CountingAllocator = CountingAllocator;

const REQUEST: &[u8] = b"GET /some/path?q=1 HTTP/1.1\r\nHost: shop.example\r\nAccept: */*\r\n\r\n";
const UPLOAD: &[u8] = b"POST /up HTTP/1.1\r\nHost: shop.example\r\nContent-Length: 5\r\n\r\nhello";
const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";
/// A pool of buffers grows by one when the kernel takes longer than ever before to take a send.
/// What a request allocates shows a thousand times.
const POOL_GROWTH_MAX: u64 = 8;
/// Connections whose memory is taken together.
const CROWD: usize = 128;
/// Without the buffers of the kernel, and without an allocator's rounding.
const IDLE_BYTES_MAX: i64 = 1024;
const STEP_MAX: Duration = Duration::from_secs(10);

/// Every request has a line.
const ACCESS_LOG: &str =
    "access_log = { path = '/dev/null', format = 'json', duration_min = '1ms', sample = 1 }\n";

#[test]
fn a_warm_request_allocates_nothing_on_io_uring() {
    assert_allocates_nothing("uring", "");
}

#[test]
fn a_warm_request_allocates_nothing_on_epoll() {
    assert_allocates_nothing("epoll", "");
}

#[test]
fn a_warm_request_with_a_line_in_the_log_allocates_nothing() {
    assert_allocates_nothing("uring", ACCESS_LOG);
    assert_allocates_nothing("epoll", ACCESS_LOG);
}

#[test]
fn an_idle_connection_holds_little_on_io_uring() {
    assert_holds_little("uring");
}

#[test]
fn an_idle_connection_holds_little_on_epoll() {
    assert_holds_little("epoll");
}

/// All that its core allocated for it: task, registry, socket, timer.
fn assert_holds_little(io_engine: &'static str) {
    let (running, counts) = start(io_engine, "", origin());
    let connect = || {
        let mut client = TcpStream::connect(running.proxy).unwrap();
        client.set_read_timeout(Some(STEP_MAX)).unwrap();
        exchange(&mut client, REQUEST, 2);
        client
    };
    let few: Vec<TcpStream> = (0..CROWD).map(|_| connect()).collect();
    let before = counts.live_bytes();
    let many: Vec<TcpStream> = (0..CROWD).map(|_| connect()).collect();
    let each = (counts.live_bytes() - before) / i64::try_from(CROWD).unwrap();
    assert!((1..=IDLE_BYTES_MAX).contains(&each), "{each} bytes for each of {CROWD}");
    drop((few, many));
    running.process.terminate();
}

fn assert_allocates_nothing(io_engine: &'static str, log: &'static str) {
    let (running, counts) = start(io_engine, log, origin());
    let mut client = TcpStream::connect(running.proxy).unwrap();
    client.set_read_timeout(Some(STEP_MAX)).unwrap();
    for request in [REQUEST, UPLOAD] {
        exchange(&mut client, request, 500);
        let before = counts.allocations();
        exchange(&mut client, request, 1000);
        let allocated = counts.allocations() - before;
        let request = request.escape_ascii();
        assert!(allocated <= POOL_GROWTH_MAX, "{allocated} in 1,000 of {request}");
    }
    running.process.terminate();
}

struct Running {
    proxy: SocketAddr,
    process: Commands,
}

/// Starts the program with one core, and counts what that core allocates.
fn start(
    io_engine: &'static str,
    log: &'static str,
    origin: SocketAddr,
) -> (Running, &'static Counts) {
    let (is_counting, counting) = mpsc::channel();
    let (is_running, running) = mpsc::channel();
    thread::spawn(move || {
        let file = format!(
            "{log}process = {{ workers = 1, pin = false, io_engine = \"{io_engine}\", \
             pre_drain = \"0s\", drain_timeout = \"1s\" }}\n\
             admin = {{ listen = false }}\n\
             listeners = [{{ name = \"in\", listen = \"127.0.0.1:0\", routes = \"app\" }}]\n\
             routes.app = [{{ upstream = \"app\" }}]\n\
             upstreams.app = {{ endpoints = [\"{origin}\"] }}\n"
        );
        let snapshot = config::load("steady state", file.as_bytes(), None).unwrap().snapshot;
        let setup = Setup {
            file: None,
            snapshot: Arc::new(snapshot),
            version: "test",
            log: None,
            when_ready: Some(Box::new(move |ready| is_running.send(ready.clone()).unwrap())),
        };
        control::run(setup, |spec, boot| {
            let is_counting = is_counting.clone();
            rt::start_core(spec, move || {
                is_counting.send(count_allocations_here()).unwrap();
                crate::core::run(boot)
            })
        })
        .unwrap();
    });
    let ready = running.recv_timeout(STEP_MAX).unwrap();
    let bound = ready.listeners.iter().find(|(name, _)| **name == *"in").unwrap();
    let config::snapshot::Address::Inet(proxy) = bound.1 else { panic!("bound to TCP") };
    (Running { proxy, process: ready.commands }, counting.recv_timeout(STEP_MAX).unwrap())
}

/// An origin for one connection.
fn origin() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        let mut stream = listener.accept().unwrap().0;
        stream.set_nodelay(true).unwrap();
        let mut buffer = [0; 4096];
        let mut len = 0;
        while let Ok(received @ 1..) = stream.read(&mut buffer[len..]) {
            len += received;
            // The body may come behind the head.
            let end: &[u8] = if buffer.starts_with(b"POST") { b"hello" } else { b"\r\n\r\n" };
            if buffer[..len].ends_with(end) {
                stream.write_all(ANSWER).unwrap();
                len = 0;
            }
        }
    });
    address
}

fn exchange(client: &mut TcpStream, request: &[u8], times: usize) {
    let mut buffer = [0; 4096];
    for _ in 0..times {
        client.write_all(request).unwrap();
        let mut len = 0;
        while !buffer[..len].ends_with(b"\r\n\r\nhello") {
            let received = client.read(&mut buffer[len..]).unwrap();
            assert!(received > 0, "the proxy closed the connection");
            len += received;
        }
    }
}
