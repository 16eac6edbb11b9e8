//! System calls on stream sockets, TCP and Unix alike, one safe function each. None blocks.

use std::io;
use std::mem::MaybeUninit;
use std::net::Shutdown;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::time::Duration;

use socket2::{Domain, SockAddr, SockRef, Socket, Type};

use crate::buffers::Buffer;
use crate::sys::checked;
use crate::{Address, Batch, Chunk, Peer};

/// Begins to connect a non-blocking socket; it has been decided when the socket is writable
/// (`outcome`).
pub(crate) fn start_connect(to: &Address) -> io::Result<OwnedFd> {
    let socket = fresh(to, true)?;
    match socket.connect(&socket_address(to)?) {
        Ok(()) => {}
        Err(error) if error.raw_os_error() == Some(libc::EINPROGRESS) => {}
        Err(error) => return Err(error),
    }
    Ok(socket.into())
}

/// A socket to be connected to `to`, with TCP_NODELAY where that is a thing.
pub(crate) fn fresh(to: &Address, nonblocking: bool) -> io::Result<Socket> {
    let domain = match to {
        Address::Inet(address) => Domain::for_address(*address),
        Address::Unix(_) => Domain::UNIX,
    };
    let kind = if nonblocking { Type::STREAM.nonblocking() } else { Type::STREAM };
    let socket = Socket::new(domain, kind.cloexec(), None)?;
    if domain != Domain::UNIX {
        socket.set_tcp_nodelay(true)?;
    }
    Ok(socket)
}

/// `to` as the kernel wants it; fails for a path longer than 107 bytes.
pub(crate) fn socket_address(to: &Address) -> io::Result<SockAddr> {
    match to {
        Address::Inet(address) => Ok((*address).into()),
        Address::Unix(path) => SockAddr::unix(path),
    }
}

/// What became of a connect.
pub(crate) fn outcome(socket: BorrowedFd<'_>) -> io::Result<()> {
    SockRef::from(&socket).take_error()?.map_or(Ok(()), Err)
}

/// Sets what streams accepted from `listener` are to inherit: TCP_NODELAY (Linux copies it from the
/// listening socket).
pub(crate) fn prepare_listener(listener: BorrowedFd<'_>) -> io::Result<()> {
    let listener = SockRef::from(&listener);
    if listener.domain()? == Domain::UNIX { Ok(()) } else { listener.set_tcp_nodelay(true) }
}

/// The next connection of a non-blocking `listener`, itself non-blocking.
pub(crate) fn accept(listener: BorrowedFd<'_>) -> io::Result<(OwnedFd, Peer)> {
    let flags = libc::SOCK_NONBLOCK | libc::SOCK_CLOEXEC;
    // SAFETY: the storage is writable and as long as `length` says; the kernel fills both in when
    // it succeeds.
    let (fd, address) = unsafe {
        SockAddr::try_init(|storage, length| {
            checked(libc::accept4(listener.as_raw_fd(), storage.cast(), length, flags))
        })
    }?;
    // SAFETY: the descriptor is fresh and owned by nobody else.
    Ok((unsafe { OwnedFd::from_raw_fd(fd) }, peer_of(&address)))
}

/// Whether a failed accept says nothing about the listener, only about the client or the network:
/// try again. accept(2), "Error handling".
pub(crate) fn accept_may_go_on(error: &io::Error) -> bool {
    matches!(
        error.raw_os_error(),
        Some(
            libc::EINTR
                | libc::ECONNABORTED
                | libc::EPERM
                | libc::EPROTO
                | libc::ENETDOWN
                | libc::ENOPROTOOPT
                | libc::EHOSTDOWN
                | libc::ENONET
                | libc::EHOSTUNREACH
                | libc::EOPNOTSUPP
                | libc::ENETUNREACH
        )
    )
}

/// Who is at the other end.
pub(crate) fn peer(socket: BorrowedFd<'_>) -> io::Result<Peer> {
    Ok(peer_of(&SockRef::from(&socket).peer_addr()?))
}

/// Our end.
pub(crate) fn local(socket: BorrowedFd<'_>) -> io::Result<Peer> {
    Ok(peer_of(&SockRef::from(&socket).local_addr()?))
}

fn peer_of(address: &SockAddr) -> Peer {
    address.as_socket().map_or(Peer::Unix, Peer::Inet)
}

/// Receives into `buffer`; an empty chunk at the end.
pub(crate) fn recv(socket: BorrowedFd<'_>, buffer: Buffer) -> io::Result<Chunk> {
    // SAFETY: the buffer is writable for its capacity and ours alone.
    let received = unsafe {
        libc::recv(
            socket.as_raw_fd(),
            buffer.as_ptr().cast(),
            buffer.capacity(),
            libc::MSG_DONTWAIT,
        )
    };
    match usize::try_from(received) {
        Ok(0) => Ok(Chunk::empty()),
        // SAFETY: the kernel has written that many bytes.
        Ok(received) => Ok(unsafe { buffer.filled(received) }),
        Err(_) => Err(io::Error::last_os_error()),
    }
}

/// Sends as much of the batch as the socket takes, from byte `sent` on.
pub(crate) fn send(socket: BorrowedFd<'_>, batch: &Batch, sent: usize) -> io::Result<usize> {
    let (mut vectors, count) = batch.iovecs(sent);
    let flags = libc::MSG_NOSIGNAL | libc::MSG_DONTWAIT;
    let sent = if count == 1 {
        let libc::iovec { iov_base, iov_len } = vectors[0];
        // SAFETY: the vector points into the batch, which outlives the call.
        unsafe { libc::send(socket.as_raw_fd(), iov_base, iov_len, flags) }
    } else {
        // SAFETY: a message header of zeroes is valid and empty.
        let mut message: libc::msghdr = unsafe { std::mem::zeroed() };
        (message.msg_iov, message.msg_iovlen) = (vectors.as_mut_ptr(), count);
        // SAFETY: the header points to `count` vectors, which point into the batch: all outlive
        // the call.
        unsafe { libc::sendmsg(socket.as_raw_fd(), &raw const message, flags) }
    };
    usize::try_from(sent).map_err(|_| io::Error::last_os_error())
}

/// Whether nothing has arrived: no byte, no end, no error.
pub(crate) fn is_quiet(socket: BorrowedFd<'_>) -> bool {
    let mut byte = [MaybeUninit::uninit()];
    let flags = libc::MSG_PEEK | libc::MSG_DONTWAIT;
    let peeked = SockRef::from(&socket).recv_with_flags(&mut byte, flags);
    peeked.is_err_and(|error| error.kind() == io::ErrorKind::WouldBlock)
}

/// Ends our side.
pub(crate) fn end(socket: BorrowedFd<'_>) -> io::Result<()> {
    SockRef::from(&socket).shutdown(Shutdown::Write)
}

/// Closes with a reset.
#[allow(clippy::needless_pass_by_value)] // Closing is the point.
pub(crate) fn reset(socket: OwnedFd) {
    // If it fails, the peer sees an end rather than a reset.
    let _ = SockRef::from(&socket.as_fd()).set_linger(Some(Duration::ZERO));
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    #[test]
    fn nagle_is_off_on_both_ends() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        prepare_listener(listener.as_fd()).unwrap();
        let client = start_connect(&Address::Inet(listener.local_addr().unwrap())).unwrap();
        let (server, peer) = accept(listener.as_fd()).unwrap();
        assert!(SockRef::from(&client).tcp_nodelay().unwrap());
        assert!(SockRef::from(&server).tcp_nodelay().unwrap(), "inherited from the listener");
        assert_eq!(peer, local(client.as_fd()).unwrap());
    }

    #[test]
    fn a_path_that_fits_no_socket_is_an_error() {
        let long = Address::Unix("/".repeat(200).into());
        assert_eq!(start_connect(&long).unwrap_err().kind(), io::ErrorKind::InvalidInput);
    }
}
