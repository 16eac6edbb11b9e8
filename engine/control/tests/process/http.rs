//! A blocking HTTP client that does exactly what a test says.

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;

use crate::process::DEADLINE;

/// One connection.
pub(crate) struct Client(UnixStream);

/// An answer, taken apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Client {
    #[track_caller]
    pub(crate) fn connect(path: &Path) -> Self {
        let stream = UnixStream::connect(path).expect("the admin listener accepts");
        stream.set_read_timeout(Some(DEADLINE)).expect("a timeout above zero");
        Self(stream)
    }

    /// One request and its whole answer.
    #[track_caller]
    pub(crate) fn ask(mut self, method: &str, path: &str) -> Answer {
        self.send(&format!("{method} {path} HTTP/1.1\r\nhost: admin\r\n\r\n"));
        self.answer()
    }

    #[track_caller]
    pub(crate) fn send(&mut self, text: &str) {
        self.0.write_all(text.as_bytes()).expect("the connection is open");
    }

    /// The other side may have closed already.
    pub(crate) fn try_send(&mut self, text: &str) {
        let _ = self.0.write_all(text.as_bytes());
    }

    /// All up to the connection's end.
    #[track_caller]
    pub(crate) fn answer(&mut self) -> Answer {
        let mut text = String::new();
        self.0.read_to_string(&mut text).expect("an answer in time");
        let (head, body) =
            text.split_once("\r\n\r\n").unwrap_or_else(|| panic!("no head: {text:?}"));
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok());
        let status = status.unwrap_or_else(|| panic!("no status: {head:?}"));
        Answer { status, head: head.to_ascii_lowercase(), body: body.to_owned() }
    }

    /// True if the other side has closed, or reset, without a word.
    pub(crate) fn is_cut(&mut self) -> bool {
        !matches!(self.0.read(&mut [0; 1]), Ok(1..))
    }
}
