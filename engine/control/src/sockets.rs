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
const ADMIN_BACKLOG: u32 = 64;

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
            let ours = self.listeners.iter().any(|held| held.listen == listener.listen);
            new.bind(listener, ours).map_err(|error| BindError {
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

    fn has(&self, listener: &Listener) -> bool {
        self.iter().any(|held| held.name == listener.name && held.listen == listener.listen)
    }
}

impl NewSockets {
    /// Whether there is nothing to hand over.
    pub(crate) fn is_empty(&self) -> bool {
        self.held.is_empty()
    }

    /// The lists for the cores, and what [`Held::adopt`] wants once they are handed over.
    pub(crate) fn split(self) -> (Vec<Vec<BoundSocket>>, Vec<HeldListener>) {
        (self.per_core, self.held)
    }

    /// `ours`: this process listens there already, under another name, so that a plain bind would
    /// only meet ourselves.
    fn bind(&mut self, listener: &Listener, ours: bool) -> io::Result<()> {
        let cores = self.per_core.len();
        let (sockets, local, file) = match &listener.listen {
            Address::Inet(address) => {
                let (sockets, local) = bind_inet(*address, listener.backlog, cores, ours)?;
                (sockets, Address::Inet(local), None)
            }
            Address::Unix(path) => {
                let (socket, file) = bind_unix(path, listener.backlog, ours)?;
                let copies = (0..cores).map(|_| socket.try_clone());
                (copies.collect::<io::Result<_>>()?, listener.listen.clone(), Some(file))
            }
        };
        for (core, socket) in self.per_core.iter_mut().zip(sockets) {
            core.push(BoundSocket { listener: listener.name.clone(), fd: OwnedFd::from(socket) });
        }
        let (name, listen) = (listener.name.clone(), listener.listen.clone());
        self.held.push(HeldListener { name, listen, local, _file: file });
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
            Ok((socket, HeldListener { name, listen: address.clone(), local, _file: file }))
        }
        Err(error) => Err(BindError { listener: name, address: address.clone(), error }),
    }
}

fn bind_inet(
    address: SocketAddr,
    backlog: u32,
    cores: usize,
    ours: bool,
) -> io::Result<(Vec<Socket>, SocketAddr)> {
    // The probe settles the port if the kernel is to choose it, and frees it again at once.
    let local = if ours { address } else { local_of(&bind_exclusive(address)?)? };
    let sockets = (0..cores).map(|_| {
        let socket = inet_socket(local)?;
        socket.set_reuse_port(true)?;
        socket.bind(&SockAddr::from(local))?;
        socket.listen(backlog.cast_signed())?;
        Ok(socket)
    });
    Ok((sockets.collect::<io::Result<_>>()?, local))
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
