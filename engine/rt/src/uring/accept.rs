//! Accepting: one multishot operation per listener, stopped while the core does not keep up with
//! what it brings.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::io;
use std::marker::PhantomData;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::task::{Poll, Waker};

use io_uring::{opcode, types};
use socket2::SockRef;

use super::connection::wait;
use super::ops::{Handle, Op, Role, Token};
use super::ring::Completion;
use super::state::{Aftermath, State, with};
use super::stream::Stream;
use super::watch::readable;
use crate::refusal::Refusal;
use crate::socket;

/// Connections accepted ahead of `accept`; then the kernel's queue holds them. Resumed at half.
const AHEAD_MAX: usize = 64;

/// A listening socket; the methods are documented at `crate::Listener`.
#[derive(Debug)]
pub(crate) struct Listener {
    handle: Handle,
    refusal: Refusal,
    stays_on_its_core: PhantomData<*const ()>,
}

impl Listener {
    pub(crate) fn new(socket: OwnedFd, refusal: &'static [u8]) -> io::Result<Self> {
        socket::prepare_listener(socket.as_fd())?;
        // To wait is the ring's business; on a non-blocking socket it would not.
        SockRef::from(&socket).set_nonblocking(false)?;
        let refusal = Refusal::new(refusal)?;
        let role = Role::Listener(Box::default());
        let handle = with(|state| state.slots.adopt(socket, role)).ok_or_else(over)?;
        Ok(Self { handle, refusal, stays_on_its_core: PhantomData })
    }

    pub(crate) async fn accept(&self) -> io::Result<Stream> {
        loop {
            let socket = poll_fn(|cx| {
                with(|state| state.accept(self.handle, cx.waker()))
                    .unwrap_or_else(|| Err(over()).into())
            });
            match socket.await {
                // A client that is gone already has no name any more: the next, please.
                Ok(socket) => match Stream::accepted(socket) {
                    Ok(stream) => return Ok(stream),
                    Err(_) => continue,
                },
                // The kernel looks for a descriptor before it looks at the queue: with nobody there
                // to be refused, somebody has to come first.
                Err(error) if Refusal::is_due(&error) => match self.listener() {
                    Some(listener) if !self.refusal.refuse_one(listener).await => {
                        readable(listener).await?;
                    }
                    _ => return Err(error),
                },
                Err(error) => return Err(error),
            }
        }
    }

    pub(crate) async fn drain(&self) -> io::Result<Option<Stream>> {
        loop {
            let socket = poll_fn(|cx| {
                with(|state| state.drain(self.handle, cx.waker()))
                    .unwrap_or_else(|| Err(over()).into())
            });
            match socket.await {
                Ok(None) => return Ok(None),
                Ok(Some(socket)) => match Stream::accepted(socket) {
                    Ok(stream) => return Ok(Some(stream)),
                    Err(_) => continue,
                },
                Err(error) if Refusal::is_due(&error) => match self.listener() {
                    Some(listener) if !self.refusal.refuse_one(listener).await => return Ok(None),
                    _ => return Err(error),
                },
                Err(error) => return Err(error),
            }
        }
    }

    fn listener(&self) -> Option<BorrowedFd<'_>> {
        let find =
            |state: &mut State| state.slots.find(self.handle).map(|slot| slot.borrow().as_raw_fd());
        // SAFETY: the slot keeps it open as long as `self` lives.
        with(find).flatten().map(|fd| unsafe { BorrowedFd::borrow_raw(fd) })
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        super::close::close(self.handle);
    }
}

/// The accepting side of one listener.
#[derive(Default)]
pub(super) struct Accepting {
    ahead: VecDeque<OwnedFd>,
    armed: bool,
    cancelling: bool,
    /// The errno to answer next; 0 if there is none.
    error: i32,
    pub(super) waiter: Option<Waker>,
}

impl Accepting {
    /// Closes what was accepted and never asked for.
    pub(super) fn forget(&mut self) {
        self.ahead.clear();
    }
}

impl State {
    fn accepting(&mut self, handle: Handle) -> Option<(&mut Accepting, types::Fd)> {
        let slot = self.slots.find(handle).filter(|slot| !slot.closing)?;
        let fd = slot.fd();
        match &mut slot.role {
            Role::Listener(accepting) => Some((accepting, fd)),
            _ => None,
        }
    }

    fn accept(&mut self, handle: Handle, waker: &Waker) -> Poll<io::Result<OwnedFd>> {
        let Some((accepting, fd)) = self.accepting(handle) else { return Err(over()).into() };
        let socket = accepting.ahead.pop_front();
        let error = std::mem::take(&mut accepting.error);
        if socket.is_none() && error != 0 {
            return Err(io::Error::from_raw_os_error(error)).into();
        }
        if socket.is_none() {
            wait(&mut accepting.waiter, waker);
        }
        if !accepting.armed && accepting.ahead.len() <= AHEAD_MAX / 2 {
            accepting.armed = true;
            let entry = opcode::AcceptMulti::new(fd).flags(libc::SOCK_CLOEXEC).build();
            // SAFETY: the entry points nowhere.
            unsafe { self.start(handle, Op::Accept, entry) };
        }
        socket.map_or(Poll::Pending, |socket| Ok(socket).into())
    }

    fn drain(&mut self, handle: Handle, waker: &Waker) -> Poll<io::Result<Option<OwnedFd>>> {
        let Some((accepting, _)) = self.accepting(handle) else { return Err(over()).into() };
        if let Some(socket) = accepting.ahead.pop_front() {
            return Ok(Some(socket)).into();
        }
        if accepting.armed {
            wait(&mut accepting.waiter, waker);
            self.stop_accepting(handle);
            return Poll::Pending;
        }
        // Nothing is armed any more, so the kernel's queue can be asked directly for the rest.
        let Some(slot) = self.slots.find(handle) else { return Err(over()).into() };
        accept_queued(slot.borrow()).into()
    }

    fn stop_accepting(&mut self, handle: Handle) {
        let Some((accepting, _)) = self.accepting(handle) else { return };
        if std::mem::replace(&mut accepting.cancelling, true) {
            return;
        }
        let accept = Token::new(handle, Op::Accept).user_data();
        let entry = opcode::AsyncCancel2::new(types::CancelBuilder::user_data(accept)).build();
        // SAFETY: the entry points nowhere.
        unsafe { self.start(handle, Op::Cancel, entry) };
    }

    /// A connection, or why there is none.
    pub(super) fn accepted(&mut self, handle: Handle, completion: &Completion) -> Aftermath {
        let socket = completion.accepted();
        // While closing, the connection is closed at once.
        let Some((accepting, _)) = self.accepting(handle) else { return Aftermath::default() };
        if !completion.more() {
            accepting.armed = false;
            accepting.cancelling = false;
        }
        match socket {
            Some(socket) => accepting.ahead.push_back(socket),
            None if completion.result == -libc::ECANCELED => {}
            None if goes_on(-completion.result) => {}
            None => accepting.error = -completion.result,
        }
        let waiter = accepting.waiter.take();
        if accepting.armed && accepting.ahead.len() >= AHEAD_MAX {
            self.stop_accepting(handle);
        }
        Aftermath::wake(waiter)
    }
}

/// A connection that waits in the kernel's queue, without waiting for one. Other cores may share
/// the listener, so it blocks again afterwards.
fn accept_queued(listener: BorrowedFd<'_>) -> io::Result<Option<OwnedFd>> {
    let socket = SockRef::from(&listener);
    socket.set_nonblocking(true)?;
    let accepted = loop {
        match socket::accept(listener) {
            Ok((accepted, _)) => break Ok(Some(accepted)),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => break Ok(None),
            Err(error) if socket::accept_may_go_on(&error) => {}
            Err(error) => break Err(error),
        }
    };
    socket.set_nonblocking(false)?;
    if let Ok(Some(accepted)) = &accepted {
        SockRef::from(accepted).set_nonblocking(false)?;
    }
    accepted
}

/// Whether accepting simply goes on after this error.
fn goes_on(errno: i32) -> bool {
    errno == libc::EAGAIN || socket::accept_may_go_on(&io::Error::from_raw_os_error(errno))
}

fn over() -> io::Error {
    io::ErrorKind::NotConnected.into()
}
