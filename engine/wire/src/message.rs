//! The neutral message: what a request or a response is once no protocol's framing is left on it.
//!
//! Order and letter case of the fields are kept, as HTTP/1.1 peers see both; HTTP/2 can fill one
//! ([`RequestHead::set`], [`Fields::push`]) and read one ([`Fields::iter`]) as well. A head owns
//! its bytes and is used again for the next message: [`RequestHead::clear`] keeps the memory, so
//! that the steady state allocates nothing. Not here: parsing and encoding ([`crate::h1`]).

mod fields;
mod known;

pub(crate) use fields::{Field, Span};
pub use fields::{FieldRef, Fields};
pub use known::Known;

/// The HTTP version that a message came in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum Version {
    /// HTTP/1.0
    Http10,
    /// HTTP/1.1
    #[default]
    Http11,
}

impl Version {
    /// `HTTP/1.0` or `HTTP/1.1`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Version::Http10 => "HTTP/1.0",
            Version::Http11 => "HTTP/1.1",
        }
    }
}

/// How the end of a message's body is found (RFC 9112 §6.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Framing {
    /// There is no body.
    #[default]
    None,
    /// So many bytes follow.
    Length(u64),
    /// Chunks follow, and a trailer section.
    Chunked,
    /// The body ends with the connection. Responses only.
    UntilClose,
}

/// A request, but for its body.
#[derive(Debug, Clone, Default)]
pub struct RequestHead {
    /// As the peer sent it.
    pub version: Version,
    /// The body to come: never [`Framing::UntilClose`].
    pub framing: Framing,
    /// Whether the peer lets the connection live after this exchange (RFC 9112 §9.3).
    pub keep_alive: bool,
    /// Whether the peer waits for `100 Continue` before it sends the body (RFC 9110 §10.1.1). Never
    /// true without a body or in HTTP/1.0.
    pub expect_continue: bool,
    /// Whether `Upgrade` stands here with the connection option that makes it valid
    /// (RFC 9110 §7.8). Never true in HTTP/1.0.
    pub upgrade: bool,
    /// In the order received.
    pub fields: Fields,
    pub(crate) method: Span,
    pub(crate) target: Span,
    pub(crate) authority: Option<Span>,
}

impl RequestHead {
    /// A token; case matters (RFC 9110 §9.1).
    pub fn method(&self) -> &[u8] {
        self.fields.slice(self.method)
    }

    /// Path and query, beginning with `/`: that of absolute-form too. `*` for a server-wide
    /// `OPTIONS`; `host:port` for `CONNECT`.
    pub fn target(&self) -> &[u8] {
        self.fields.slice(self.target)
    }

    /// The host asked for, with its port if one was given: that of an absolute-form target, which
    /// wins over `Host` (RFC 9112 §3.2.2), else `Host`. A `Host` field here says the same. `None`
    /// only in HTTP/1.0; may be empty, as `Host` may.
    pub fn authority(&self) -> Option<&[u8]> {
        self.authority.map(|span| self.fields.slice(span))
    }

    /// Begins a request that did not come as HTTP/1.1: everything else is cleared. The caller
    /// vouches for the three texts.
    pub fn set(&mut self, method: &[u8], target: &[u8], authority: Option<&[u8]>) {
        self.clear();
        self.method = self.fields.store(method);
        self.target = self.fields.store(target);
        self.authority = authority.map(|text| self.fields.store(text));
    }

    /// Empties the head; its memory is kept for the next message, up to 16 KiB of it.
    pub fn clear(&mut self) {
        self.version = Version::Http11;
        self.framing = Framing::None;
        self.keep_alive = false;
        self.expect_continue = false;
        self.upgrade = false;
        self.fields.clear();
        self.method = Span::EMPTY;
        self.target = Span::EMPTY;
        self.authority = None;
    }
}

/// A response, but for its body.
#[derive(Debug, Clone, Default)]
pub struct ResponseHead {
    /// As the peer sent it.
    pub version: Version,
    /// 100 to 999. Below 200 it is an interim response and the final one is still to come, except
    /// for 101, after which the connection speaks another protocol.
    pub status: u16,
    /// The body to come.
    pub framing: Framing,
    /// Whether the connection may carry another exchange after this one (RFC 9112 §9.3).
    pub keep_alive: bool,
    /// Whether `Upgrade` stands here with the connection option that makes it valid
    /// (RFC 9110 §7.8): a 101 without it names no protocol.
    pub upgrade: bool,
    /// In the order received.
    pub fields: Fields,
    pub(crate) reason: Span,
}

impl ResponseHead {
    /// The reason phrase as received; may be empty, may hold bytes that are no text.
    pub fn reason(&self) -> &[u8] {
        self.fields.slice(self.reason)
    }

    /// Begins a response that did not come as HTTP/1.1: everything else is cleared. The caller
    /// vouches for the text.
    pub fn set(&mut self, status: u16, reason: &[u8]) {
        self.clear();
        self.status = status;
        self.reason = self.fields.store(reason);
    }

    /// Empties the head; its memory is kept for the next message, up to 16 KiB of it.
    pub fn clear(&mut self) {
        self.version = Version::Http11;
        self.status = 0;
        self.framing = Framing::None;
        self.keep_alive = false;
        self.upgrade = false;
        self.fields.clear();
        self.reason = Span::EMPTY;
    }
}
