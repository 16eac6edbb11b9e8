//! Socket addresses: `127.0.0.1:8080`, `[::1]:8080`, `unix:/run/app.sock`.
//!
//! Host names are refused: no name is resolved here.

use std::net::{IpAddr, SocketAddr};
use std::path::Path;

use super::quote;
use crate::document::Wrong;
use crate::snapshot::Address;

/// What `sockaddr_un` holds on Linux, less its terminating NUL (unix(7)).
const UNIX_PATH_BYTES_MAX: usize = 107;

/// Where a listener accepts; port 0 lets the kernel choose.
pub(crate) fn listen(text: &str) -> Result<Address, Wrong> {
    if let Some(path) = text.strip_prefix("unix:") {
        return unix(path);
    }
    text.parse().map(Address::Inet).map_err(|_| no_address(text))
}

/// Where an endpoint listens.
pub(crate) fn endpoint(text: &str) -> Result<Address, Wrong> {
    let address = listen(text)?;
    match &address {
        Address::Inet(inet) if inet.port() == 0 => {
            Err(Wrong::new(format!("{} has port 0, to which nobody can connect", quote(text))))
        }
        Address::Inet(inet) if inet.ip().is_unspecified() => {
            let loopback = if inet.is_ipv4() { "127.0.0.1" } else { "[::1]" };
            Err(Wrong::new(format!("{} is every address of this host, not one", quote(text)))
                .help(format!("for this host write \"{loopback}:{}\"", inet.port())))
        }
        _ => Ok(address),
    }
}

fn unix(path: &str) -> Result<Address, Wrong> {
    let shown = quote(&format!("unix:{path}"));
    if !path.starts_with('/') {
        return Err(Wrong::new(format!("{shown} is not an absolute path"))
            .help("write \"unix:/run/app.sock\""));
    }
    if path.len() > UNIX_PATH_BYTES_MAX {
        let wrong = format!("{shown} has {} bytes", path.len());
        return Err(Wrong::new(wrong).help("a socket's path has at most 107 bytes"));
    }
    if path.contains('\0') || path.ends_with('/') {
        return Err(Wrong::new(format!("{shown} is not the path of a file")));
    }
    Ok(Address::Unix(Path::new(path).into()))
}

fn no_address(text: &str) -> Wrong {
    let wrong = Wrong::new(format!("{} is not an address", quote(text)));
    // The parser takes the port for the last group.
    if let Some((ip, port)) = text.rsplit_once(':')
        && let (Ok(ip @ IpAddr::V6(_)), Ok(port)) = (ip.parse(), port.parse())
    {
        return wrong.help(format!("write \"{}\"", SocketAddr::new(ip, port)));
    }
    if let Ok(ip) = text.parse::<IpAddr>() {
        return wrong.help(format!("name the port: \"{}\"", SocketAddr::new(ip, 8080)));
    }
    if let Some(port) = text.strip_prefix(':').filter(|port| port.parse::<u16>().is_ok()) {
        return wrong
            .help(format!("write \"127.0.0.1:{port}\", or \"0.0.0.0:{port}\" for all networks"));
    }
    if text.starts_with('/') {
        return wrong.help(format!("for a Unix socket write \"unix:{text}\""));
    }
    let port = text.rsplit_once(':').and_then(|(_, port)| port.parse::<u16>().ok());
    match text.rsplit_once(':') {
        Some((ip, port)) if ip.parse::<IpAddr>().is_ok() && !port.is_empty() => {
            wrong.help("a port is a number from 0 to 65535")
        }
        Some((host, _)) if port.is_some() && !host.contains("//") => {
            wrong.help("an address is an IP and a port; host names are not resolved")
        }
        _ => wrong.help("write \"ip:port\", \"[ipv6]:port\" or \"unix:/path\""),
    }
}
