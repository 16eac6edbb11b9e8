//! The demo's origins: servers that say who they are.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

/// Connections served at once; more are closed.
const CONNECTIONS_MAX: usize = 64;
const HEAD_BYTES_MAX: usize = 16 << 10;
const IDLE_MAX: Duration = Duration::from_secs(60);

/// Starts an origin that answers every request with `name`.
pub(super) fn start(name: &'static str) -> io::Result<SocketAddr> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?;
    let open = Arc::new(AtomicUsize::new(0));
    thread::Builder::new().name(format!("origin-{name}")).spawn(move || {
        for stream in listener.incoming().flatten() {
            if open.fetch_add(1, Ordering::Relaxed) >= CONNECTIONS_MAX {
                open.fetch_sub(1, Ordering::Relaxed);
                continue;
            }
            let open = Arc::clone(&open);
            thread::spawn(move || {
                // A client that goes away is no news.
                let _ = serve(stream, name);
                open.fetch_sub(1, Ordering::Relaxed);
            });
        }
    })?;
    Ok(address)
}

fn serve(mut stream: TcpStream, name: &str) -> io::Result<()> {
    stream.set_read_timeout(Some(IDLE_MAX))?;
    stream.set_nodelay(true)?;
    let body = format!("hello from {name}\n");
    let answer = format!(
        "HTTP/1.1 200 OK\r\nServer: demo-{name}\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    let mut received = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        while let Some(end) = received.windows(4).position(|four| four == b"\r\n\r\n") {
            received.drain(..end + 4);
            stream.write_all(answer.as_bytes())?;
        }
        let len = stream.read(&mut buffer)?;
        if len == 0 || received.len() + len > HEAD_BYTES_MAX {
            return Ok(());
        }
        received.extend_from_slice(&buffer[..len]);
    }
}
