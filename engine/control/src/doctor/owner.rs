//! Who listens on an address: the kernel's tables of sockets, and the descriptors of those
//! processes that this one may look into. Asked only for an address that could not be had.

use std::ffi::OsStr;
use std::fs;
use std::net::{IpAddr, SocketAddr};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use config::snapshot::Address;

use super::facts::Owner;

/// The name that a running Outrigger has in `/proc/PID/comm`.
const OURSELVES: &str = "outrigger";

/// The state TCP_LISTEN in `/proc/net/tcp`.
const LISTEN: &str = "0A";

/// The process that listens on `address`, if it can be seen, and whether it runs with `file`.
pub(super) fn of(address: &Address, file: &Path) -> Option<Owner> {
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
    let pid = holder(&format!("socket:[{}]", inode?))?;
    let name = fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
    let name = name.trim().to_owned();
    let runs_the_file = name == OURSELVES && has_argument(pid, file);
    Some(Owner { pid, name, runs_the_file })
}

/// The process with a descriptor on this socket.
fn holder(socket: &str) -> Option<u32> {
    let numbers = fs::read_dir("/proc").ok()?.flatten();
    let pids = numbers.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    let holds = |pid: &u32| {
        let descriptors = fs::read_dir(format!("/proc/{pid}/fd")).into_iter().flatten().flatten();
        descriptors
            .filter_map(|entry| fs::read_link(entry.path()).ok())
            .any(|target| target.as_os_str() == socket)
    };
    { pids }.find(holds)
}

/// Whether an argument of the process is the path of `file`, seen from where the process stands.
fn has_argument(pid: u32, file: &Path) -> bool {
    let Ok(file) = file.canonicalize() else { return false };
    let stands = Path::new("/proc").join(pid.to_string()).join("cwd");
    let stands = fs::read_link(stands).unwrap_or_default();
    let arguments = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    let mut arguments = arguments.split(|byte| *byte == 0).skip(1);
    let is_file = |argument: &[u8]| {
        let path = stands.join(OsStr::from_bytes(argument));
        path.canonicalize().is_ok_and(|path| path == file)
    };
    arguments.any(is_file)
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
        let file = Path::new("a.toml");
        let owner = of(&Address::Inet(address), file).expect("it is this process");
        assert_eq!((owner.pid, owner.runs_the_file), (std::process::id(), false));
        let anywhere = SocketAddr::new("0.0.0.0".parse().expect("an address"), address.port());
        assert_eq!(of(&Address::Inet(anywhere), file), Some(owner));
    }

    #[test]
    fn a_port_that_nobody_holds_has_no_owner() {
        let free = TcpListener::bind("127.0.0.1:0").and_then(|free| free.local_addr());
        let free = Address::Inet(free.expect("a port is free"));
        assert_eq!(of(&free, Path::new("a.toml")), None);
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
