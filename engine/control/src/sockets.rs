//! Binding: every socket of a snapshot before any of it is published, so that a listener that
//! cannot be had rejects the whole file.
//!
//! TCP: one plain bind first, because with `SO_REUSEPORT` a second process of the same user would
//! silently take half of the traffic; then one `SO_REUSEPORT` socket per core, each with a queue of
//! its own. Unix: one socket, duplicated for every core.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::sync::Arc;

use config::snapshot::{Address, Listener};
use socket2::{Domain, SockAddr, Socket, Type};

use crate::core_link::BoundSocket;
use crate::unix_socket::{self, UnixFile};

/// The admin listener's backlog; its connections are few and short.
const ADMIN_BACKLOG: u32 = 128;

/// The listeners that the process has bound, by name. Dropped at exit: Unix paths are unlinked.
#[derive(Debug, Default)]
pub(crate) struct Held {
    listeners: Vec<HeldListener>,
}

/// One bound listener.
#[derive(Debug)]
pub(crate) struct HeldListener {
    pub(crate) name: Arc<str>,
    /// As configured.
    pub(crate) listen: Address,
    pub(crate) backlog: u32,
    /// As bound: differs from `listen` where the kernel chose the port.
    pub(crate) local: Address,
    /// Unlinks the path when dropped.
    _file: Option<UnixFile>,
}

/// Sockets that are bound and not yet handed to the cores.
#[derive(Debug)]
pub(crate) struct NewSockets {
    /// One list for each core.
    pub(crate) per_core: Vec<Vec<BoundSocket>>,
    held: Vec<HeldListener>,
}

/// Why a listener cannot be had. Its `Display` says what to do.
#[derive(Debug)]
pub struct BindError {
    /// The listener's name; `admin` for the admin listener.
    pub listener: Arc<str>,
    /// Where it was to listen.
    pub address: Address,
    /// What the kernel said.
    pub error: io::Error,
}

impl Held {
    /// Binds what `listeners` want and the process has not got, for `cores` cores.
    pub(crate) fn bind(
        &self,
        listeners: &[Arc<Listener>],
        cores: usize,
    ) -> Result<NewSockets, BindError> {
        let mut new =
            NewSockets { per_core: (0..cores).map(|_| Vec::new()).collect(), held: Vec::new() };
        for listener in listeners.iter().filter(|listener| !self.has(listener)) {
            let leaves = |held: &&HeldListener| {
                held.listen == listener.listen && listeners.iter().all(|one| one.name != held.name)
            };
            let before = self.listeners.iter().find(leaves).map(|held| &held.local);
            new.bind(listener, before).map_err(|error| BindError {
                listener: listener.name.clone(),
                address: listener.listen.clone(),
                error,
            })?;
        }
        Ok(new)
    }

    /// The sockets went to the cores, with a snapshot of these listeners.
    pub(crate) fn adopt(&mut self, listeners: &[Arc<Listener>], new: Vec<HeldListener>) {
        let replaced = |held: &HeldListener| new.iter().any(|new| new.name == held.name);
        let wanted = |held: &HeldListener| listeners.iter().any(|one| one.name == held.name);
        self.listeners.retain(|held| wanted(held) && !replaced(held));
        self.listeners.extend(new);
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &HeldListener> {
        self.listeners.iter()
    }

    /// The backlog that a listener was bound with.
    pub(crate) fn backlog_of(&self, name: &str) -> Option<u32> {
        self.iter().find(|held| &*held.name == name).map(|held| held.backlog)
    }

    fn has(&self, listener: &Listener) -> bool {
        self.iter().any(|held| held.name == listener.name && held.listen == listener.listen)
    }
}

impl NewSockets {
    /// The lists for the cores, and what [`Held::adopt`] wants once they are handed over.
    pub(crate) fn split(self) -> (Vec<Vec<BoundSocket>>, Vec<HeldListener>) {
        (self.per_core, self.held)
    }

    /// `before`: where this process listens already, under a name that goes: the new sockets join
    /// the old ones, which a plain bind would meet.
    fn bind(&mut self, listener: &Listener, before: Option<&Address>) -> io::Result<()> {
        let cores = self.per_core.len();
        let (sockets, local, file) = match &listener.listen {
            Address::Inet(address) => {
                let local = match before {
                    Some(Address::Inet(before)) => *before,
                    _ => probe(*address)?,
                };
                let sockets = bind_inet(local, listener.backlog, cores)?;
                (sockets, Address::Inet(local), None)
            }
            Address::Unix(path) => {
                let (socket, file) = bind_unix(path, listener.backlog, before.is_some())?;
                let copies = (0..cores).map(|_| socket.try_clone());
                (copies.collect::<io::Result<_>>()?, listener.listen.clone(), Some(file))
            }
        };
        for (core, socket) in self.per_core.iter_mut().zip(sockets) {
            core.push(BoundSocket { listener: listener.name.clone(), fd: OwnedFd::from(socket) });
        }
        let Listener { name, listen, backlog, .. } = listener;
        let (name, listen, backlog) = (name.clone(), listen.clone(), *backlog);
        self.held.push(HeldListener { name, listen, backlog, local, _file: file });
        Ok(())
    }
}

/// The admin listener's socket: never shared, on the control thread alone.
pub(crate) fn bind_admin(address: &Address) -> Result<(Socket, HeldListener), BindError> {
    let bound = match address {
        Address::Inet(inet) => bind_exclusive(*inet).and_then(|socket| {
            socket.listen(ADMIN_BACKLOG.cast_signed())?;
            Ok((Address::Inet(local_of(&socket)?), socket, None))
        }),
        Address::Unix(path) => bind_unix(path, ADMIN_BACKLOG, false)
            .map(|(socket, file)| (address.clone(), socket, Some(file))),
    };
    let name: Arc<str> = Arc::from("admin");
    match bound {
        Ok((local, socket, file)) => {
            let (listen, backlog) = (address.clone(), ADMIN_BACKLOG);
            Ok((socket, HeldListener { name, listen, backlog, local, _file: file }))
        }
        Err(error) => Err(BindError { listener: name, address: address.clone(), error }),
    }
}

/// An address that is taken for as long as this lives.
pub(crate) struct Taken {
    _socket: Socket,
    _file: Option<UnixFile>,
}

/// Takes an address as the start would, to see whether it can be had. No queue is opened on a port:
/// who connects meanwhile is refused as before.
pub(crate) fn try_bind(listener: &Arc<str>, address: &Address) -> Result<Taken, BindError> {
    let taken = match address {
        Address::Inet(inet) => bind_exclusive(*inet).map(|socket| (socket, None)),
        Address::Unix(path) => bind_unix(path, 1, false).map(|(socket, file)| (socket, Some(file))),
    };
    let (listener, address) = (listener.clone(), address.clone());
    match taken {
        Ok((socket, file)) => Ok(Taken { _socket: socket, _file: file }),
        Err(error) => Err(BindError { listener, address, error }),
    }
}

/// Sockets on one port for all cores.
fn bind_inet(local: SocketAddr, backlog: u32, cores: usize) -> io::Result<Vec<Socket>> {
    let sockets = (0..cores).map(|_| {
        let socket = inet_socket(local)?;
        socket.set_reuse_port(true)?;
        socket.bind(&SockAddr::from(local))?;
        socket.listen(backlog.cast_signed())?;
        Ok(socket)
    });
    sockets.collect()
}

/// Settles the port, if the kernel is to choose it, and that nobody else is bound there.
fn probe(address: SocketAddr) -> io::Result<SocketAddr> {
    local_of(&bind_exclusive(address)?)
}

fn bind_exclusive(address: SocketAddr) -> io::Result<Socket> {
    let socket = inet_socket(address)?;
    socket.bind(&SockAddr::from(address))?;
    Ok(socket)
}

/// `SO_REUSEADDR`, so that connections in TIME_WAIT of a process before us are in nobody's way.
fn inet_socket(address: SocketAddr) -> io::Result<Socket> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, None)?;
    socket.set_nonblocking(true)?;
    socket.set_reuse_address(true)?;
    Ok(socket)
}

fn bind_unix(path: &Path, backlog: u32, ours: bool) -> io::Result<(Socket, UnixFile)> {
    let address = SockAddr::unix(path)?;
    unix_socket::make_way(path, &address, ours)?;
    let socket = Socket::new(Domain::UNIX, Type::STREAM, None)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address)?;
    let file = UnixFile::of_bound(path)?;
    socket.listen(backlog.cast_signed())?;
    Ok((socket, file))
}

fn local_of(socket: &Socket) -> io::Result<SocketAddr> {
    let local = socket.local_addr()?.as_socket();
    Ok(local.expect("a socket of an internet domain has an internet address"))
}

impl fmt::Display for BindError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { listener, address, error } = self;
        write!(out, "listener `{listener}` cannot listen on {address}: {error}")?;
        match (error.kind(), address) {
            (io::ErrorKind::AddrInUse, Address::Inet(address)) => write!(
                out,
                "\n  another process, perhaps a second Outrigger, is bound there; \
                 `ss -ltnp sport = :{}` names it: end it, or change `listen`",
                address.port()
            ),
            (io::ErrorKind::AddrInUse, Address::Unix(_)) => {
                write!(out, "\n  another process answers there: end it, or change `listen`")
            }
            (io::ErrorKind::PermissionDenied, Address::Inet(_)) => write!(
                out,
                "\n  ports below 1024 need CAP_NET_BIND_SERVICE, or a lower sysctl \
                 net.ipv4.ip_unprivileged_port_start"
            ),
            (io::ErrorKind::AddrNotAvailable, _) => {
                write!(out, "\n  no interface of this host has that address")
            }
            _ => Ok(()),
        }
    }
}

impl std::error::Error for BindError {}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::{TcpListener, TcpStream};
    use std::os::unix::fs::PermissionsExt;
    use std::os::unix::net::{UnixListener, UnixStream};
    use std::path::PathBuf;

    /// A listener of this name, with defaults for all but its address.
    fn listener(name: &str, address: &str) -> Arc<Listener> {
        let text = format!(
            "[[listeners]]\nname = \"{name}\"\nlisten = \"{address}\"\nroutes = \"t\"\n\
             [[routes.t]]\nrespond = {{ status = 200 }}\n"
        );
        let loaded = config::load("test.toml", text.as_bytes(), None);
        let snapshot = loaded.unwrap_or_else(|problems| panic!("{problems}")).snapshot;
        snapshot.listeners[0].clone()
    }

    fn bind(listeners: &[Arc<Listener>], cores: usize) -> (Held, Vec<Vec<BoundSocket>>) {
        let mut held = Held::default();
        let new = held.bind(listeners, cores).unwrap_or_else(|error| panic!("{error}"));
        let (per_core, new) = new.split();
        held.adopt(listeners, new);
        (held, per_core)
    }

    fn local(held: &Held) -> SocketAddr {
        match &held.iter().next().expect("one listener").local {
            Address::Inet(address) => *address,
            Address::Unix(path) => panic!("{}", path.display()),
        }
    }

    /// A directory of its own, removed when dropped.
    struct Directory(PathBuf);

    impl Directory {
        fn new(test: &str) -> Self {
            let name = format!("outrigger-sockets-{}-{test}", std::process::id());
            let directory = std::env::temp_dir().join(name);
            std::fs::create_dir_all(&directory).expect("the temporary directory is writable");
            Self(directory)
        }

        fn path(&self) -> PathBuf {
            self.0.join("a.sock")
        }

        fn listener(&self) -> Arc<Listener> {
            listener("in", &format!("unix:{}", self.path().display()))
        }
    }

    impl Drop for Directory {
        fn drop(&mut self) {
            let _ = std::fs::remove_dir_all(&self.0);
        }
    }

    #[test]
    fn every_core_has_a_socket_of_its_own_on_the_same_port() {
        let (held, per_core) = bind(&[listener("in", "127.0.0.1:0")], 3);
        let inode = |socket: &BoundSocket| {
            let socket = Socket::from(socket.fd.try_clone().expect("a descriptor is free"));
            (socket.local_addr().expect("bound").as_socket(), socket.cookie().expect("Linux"))
        };
        let sockets: Vec<_> = per_core.iter().map(|core| inode(&core[0])).collect();
        assert!(sockets.iter().all(|(address, _)| *address == Some(local(&held))), "{sockets:?}");
        assert_ne!(sockets[0].1, sockets[1].1);
        TcpStream::connect(local(&held)).expect("it listens");
    }

    #[test]
    fn a_port_of_another_process_is_an_error_that_says_what_to_do() {
        let other = TcpListener::bind("127.0.0.1:0").expect("a port is free");
        let address = other.local_addr().expect("bound").to_string();
        let error = Held::default().bind(&[listener("in", &address)], 2).expect_err("in use");
        let text = error.to_string();
        for part in ["listener `in`", &address, "in use", "change `listen`"] {
            assert!(text.contains(part), "{part:?} is not in: {text}");
        }
    }

    #[test]
    fn a_port_of_a_second_outrigger_is_an_error_though_both_would_share_it() {
        let (first, _sockets) = bind(&[listener("in", "127.0.0.1:0")], 2);
        let address = local(&first).to_string();
        let error = Held::default().bind(&[listener("in", &address)], 2).expect_err("in use");
        assert_eq!(error.error.kind(), io::ErrorKind::AddrInUse);
    }

    #[test]
    fn what_is_bound_already_is_not_bound_again() {
        let listeners = [listener("in", "127.0.0.1:0")];
        let (held, _sockets) = bind(&listeners, 1);
        let new = held.bind(&listeners, 1).expect("nothing to do");
        assert!(new.per_core[0].is_empty());
    }

    #[test]
    fn a_renamed_listener_binds_beside_its_old_sockets() {
        let (mut held, _old) = bind(&[listener("old", "127.0.0.1:0")], 2);
        let address = local(&held);
        let renamed = [listener("new", "127.0.0.1:0")];
        let (per_core, new) = held.bind(&renamed, 2).expect("the port is ours").split();
        assert_eq!(per_core.iter().map(Vec::len).sum::<usize>(), 2);
        held.adopt(&renamed, new);
        assert_eq!(held.iter().map(|held| &*held.name).collect::<Vec<_>>(), ["new"]);
        assert_eq!(local(&held), address);
    }

    #[test]
    fn a_listener_on_an_address_of_another_one_is_in_use() {
        let (held, _sockets) = bind(&[listener("a", "127.0.0.1:0")], 1);
        let address = local(&held).to_string();
        let both = [listener("a", &address), listener("b", &address)];
        let error = held.bind(&both, 1).expect_err("in use");
        assert_eq!(error.error.kind(), io::ErrorKind::AddrInUse);
    }

    #[test]
    fn one_bad_listener_leaves_nothing_bound() {
        let directory = Directory::new("one-bad");
        let other = TcpListener::bind("127.0.0.1:0").expect("a port is free");
        let taken = other.local_addr().expect("bound").to_string();
        let listeners = [directory.listener(), listener("taken", &taken)];
        Held::default().bind(&listeners, 1).expect_err("the second is in use");
        assert!(!directory.path().exists());
    }

    #[test]
    fn all_cores_share_the_queue_of_a_unix_socket_and_its_path_goes_with_the_process() {
        let directory = Directory::new("unix");
        let (held, per_core) = bind(&[directory.listener()], 2);
        UnixStream::connect(directory.path()).expect("it listens");
        let mode = std::fs::metadata(directory.path()).expect("it is there").permissions().mode();
        assert_eq!(mode & 0o777, 0o660);
        let accept = |core: usize| {
            let fd = per_core[core][0].fd.try_clone().expect("a descriptor is free");
            Socket::from(fd).accept()
        };
        accept(1).expect("the one connection");
        assert_eq!(accept(0).expect_err("the queue is empty").kind(), io::ErrorKind::WouldBlock);
        drop(held);
        assert!(!directory.path().exists());
    }

    #[test]
    fn a_path_that_nobody_answers_on_is_taken_over() {
        let directory = Directory::new("stale");
        drop(UnixListener::bind(directory.path()).expect("the directory is writable"));
        let (_held, _sockets) = bind(&[directory.listener()], 1);
        UnixStream::connect(directory.path()).expect("it listens");
    }

    #[test]
    fn a_path_that_somebody_answers_on_is_in_use() {
        let directory = Directory::new("in-use");
        let _other = UnixListener::bind(directory.path()).expect("the directory is writable");
        let error = Held::default().bind(&[directory.listener()], 1).expect_err("in use");
        assert_eq!(error.error.kind(), io::ErrorKind::AddrInUse);
        UnixStream::connect(directory.path()).expect("the other one is unharmed");
    }

    #[test]
    fn a_file_that_is_no_socket_is_never_removed() {
        let directory = Directory::new("file");
        std::fs::write(directory.path(), "precious").expect("the directory is writable");
        Held::default().bind(&[directory.listener()], 1).expect_err("it is no socket");
        assert_eq!(std::fs::read(directory.path()).expect("still there"), b"precious");
    }

    #[test]
    fn a_path_taken_over_by_another_is_left_alone_at_the_end() {
        let directory = Directory::new("taken-over");
        let (held, _sockets) = bind(&[directory.listener()], 1);
        std::fs::remove_file(directory.path()).expect("it is there");
        let _other = UnixListener::bind(directory.path()).expect("the path is free");
        drop(held);
        UnixStream::connect(directory.path()).expect("the other one is unharmed");
    }
}
