//! A relay of one upstream connection for each client, on one core: the runtime seam's smoke bench.
//! Not a proxy.
//!
//! `relay PORT UPSTREAM uring|epoll`: listens on 127.0.0.1:PORT and relays bytes to UPSTREAM
//! (ip:port) and back.

use std::net::{SocketAddr, TcpListener};
use std::rc::Rc;

use rt::{Address, CoreId, CoreSpec, EngineKind, Listener, Stream};

fn main() {
    let mut arguments = std::env::args().skip(1);
    let mut argument = || arguments.next().expect("relay PORT UPSTREAM uring|epoll");
    let port: u16 = argument().parse().expect("a port");
    let upstream: SocketAddr = argument().parse().expect("an address, ip:port");
    let engine = if argument() == "epoll" { EngineKind::Epoll } else { EngineKind::Uring };
    let socket = TcpListener::bind(("127.0.0.1", port)).expect("a free port");
    let spec = CoreSpec { id: CoreId(0), engine, cpu: None };
    let core = rt::start_core(spec, move || async move {
        let listener = Listener::new(socket.into(), b"").expect("a listening socket");
        while let Ok(client) = listener.accept().await {
            rt::spawn(relay(client, Address::Inet(upstream)));
        }
    });
    core.expect("the engine starts").join().expect("the core does not panic");
}

/// Both ways at once, until both sides have ended.
async fn relay(client: Stream, to: Address) {
    let Ok(upstream) = Stream::connect(&to).await else { return };
    let (client, upstream) = (Rc::new(client), Rc::new(upstream));
    rt::spawn(pump(client.clone(), upstream.clone()));
    pump(upstream, client).await;
}

async fn pump(from: Rc<Stream>, to: Rc<Stream>) {
    while let Ok(chunk) = from.recv().await {
        let ended = chunk.is_empty();
        let passed = if ended { to.finish().await } else { to.send(chunk.into()).await };
        if ended || passed.is_err() {
            return;
        }
    }
}
