//! Connecting: a fresh socket, a slot for it, and one operation.

use io_uring::opcode;
use socket2::SockAddr;

use super::connection::Outgoing;
use super::ops::{Handle, Op, Role, Slot};
use super::state::{Aftermath, State};

impl State {
    /// Starts to connect a stream's socket; `flush` tells when it is done, and how.
    pub(super) fn dial(&mut self, handle: Handle, address: SockAddr) {
        let Some((connection, fd)) = self.slots.connection(handle) else { return };
        let address = Box::new(address);
        let entry = opcode::Connect::new(fd, address.as_ptr().cast(), address.len()).build();
        connection.outgoing = Outgoing::Address(address);
        // SAFETY: the address is in the box, which the slot keeps until the completion.
        unsafe { self.start(handle, Op::Connect, entry) };
    }

    /// The connect is over, one way or the other.
    pub(super) fn connected(&mut self, handle: Handle, result: i32) -> Aftermath {
        let Some(Slot { role: Role::Stream(connection), .. }) = self.slots.find(handle) else {
            return Aftermath::default();
        };
        connection.outgoing = Outgoing::Nothing;
        connection.send_error = -result.min(0);
        Aftermath::wake(connection.writer.take())
    }
}
