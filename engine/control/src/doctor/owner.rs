//! Who listens on an address: the kernel's tables of sockets, and the descriptors of those
//! processes that this one may look into. Asked only for an address that could not be had.

use std::fs;
use std::net::{IpAddr, SocketAddr};

use config::snapshot::Address;

use super::facts::Owner;

/// The state TCP_LISTEN in `/proc/net/tcp`.
const LISTEN: &str = "0A";

/// The process that listens on `address`, if it can be seen.
pub(super) fn of(address: &Address) -> Option<Owner> {
    let table = |name| fs::read_to_string(format!("/proc/net/{name}")).unwrap_or_default();
    let inode = match address {
        Address::Inet(inet) => [table("tcp"), table("tcp6")].iter().find_map(|table| {
            table.lines().find_map(|line| inet_inode(line, inet)).map(str::to_owned)
        }),
        Address::Unix(path) => {
            let path = path.to_string_lossy();
            table("unix").lines().find_map(|line| unix_inode(line, &path)).map(str::to_owned)
        }
    };
    holder(&format!("socket:[{}]", inode?))
}

/// The process with a descriptor on this socket.
fn holder(socket: &str) -> Option<Owner> {
    let numbers = fs::read_dir("/proc").ok()?.flatten();
    let pids = numbers.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    let holds = |pid: &u32| {
        let descriptors = fs::read_dir(format!("/proc/{pid}/fd")).into_iter().flatten().flatten();
        descriptors
            .filter_map(|entry| fs::read_link(entry.path()).ok())
            .any(|target| target.as_os_str() == socket)
    };
    let pid = { pids }.find(holds)?;
    let name = fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
    Some(Owner { pid, name: name.trim().to_owned() })
}

/// The inode of a socket that listens on this port, on this address or on all. proc_net_tcp(5):
/// `sl local_address rem_address st tx:rx tr:when retrnsmt uid timeout inode`.
fn inet_inode<'l>(line: &'l str, wanted: &SocketAddr) -> Option<&'l str> {
    let fields: Vec<&str> = line.split_whitespace().collect();
    let (address, port) = fields.get(1)?.split_once(':')?;
    let listens = *fields.get(3)? == LISTEN && u16::from_str_radix(port, 16) == Ok(wanted.port());
    let all = address.bytes().all(|digit| digit == b'0') || wanted.ip().is_unspecified();
    (listens && (all || address == hex(wanted.ip()))).then(|| fields.get(9).copied())?
}

/// As `/proc/net/tcp` writes it: words of the machine's byte order, in hexadecimal.
fn hex(address: IpAddr) -> String {
    let words = |octets: &[u8]| {
        let words = octets.chunks_exact(4).map(|word| {
            let word: [u8; 4] = word.try_into().expect("chunks of four");
            format!("{:08X}", u32::from_ne_bytes(word))
        });
        words.collect::<String>()
    };
    match address {
        IpAddr::V4(address) => words(&address.octets()),
        IpAddr::V6(address) => words(&address.octets()),
    }
}

/// The inode of the socket bound to this path: `Num RefCount Protocol Flags Type St Inode Path`.
fn unix_inode<'l>(line: &'l str, wanted: &str) -> Option<&'l str> {
    let mut fields = line.split_whitespace();
    let inode = fields.nth(6)?;
    (fields.next()? == wanted).then_some(inode)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpListener;

    #[test]
    fn the_holder_of_a_port_is_found() {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
        let address = listener.local_addr().expect("bound");
        let owner = of(&Address::Inet(address)).expect("it is this process");
        assert_eq!(owner.pid, std::process::id());
        let anywhere = SocketAddr::new("0.0.0.0".parse().expect("an address"), address.port());
        assert_eq!(of(&Address::Inet(anywhere)), Some(owner));
    }

    #[test]
    fn a_port_that_nobody_holds_has_no_owner() {
        let free = TcpListener::bind("127.0.0.1:0").and_then(|free| free.local_addr());
        assert_eq!(of(&Address::Inet(free.expect("a port is free"))), None);
    }

    #[test]
    fn a_connection_on_the_port_is_not_its_listener() {
        let line = "1: 0100007F:3A9E 0100007F:C350 01 0:0 0:0 0 0 0 42 1 0";
        let wanted = "127.0.0.1:15006".parse().expect("an address");
        assert_eq!(inet_inode(line, &wanted), None);
        assert_eq!(inet_inode(&line.replace(" 01 ", " 0A "), &wanted), Some("42"));
    }

    #[test]
    fn a_path_is_found_by_its_whole_name() {
        let line = "0000000000000000: 00000002 00000000 00010000 0001 01 1234 /run/a.sock";
        assert_eq!(unix_inode(line, "/run/a.sock"), Some("1234"));
        assert_eq!(unix_inode(line, "/run/a"), None);
    }
}
