//! The peer that called: listeners, and the life of a downstream connection between requests.
//!
//! Not here: what becomes of a request (`exchange`). One task per connection.

mod connection;
mod listener;

pub(crate) use connection::{After, Connection, Received, Registry, client_leaves};
pub(crate) use listener::{Acceptor, Listener, accept};
