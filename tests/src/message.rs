//! An HTTP/1.1 message as a test sees it, and a reader strict enough to catch a sloppy proxy.
//!
//! Its own parser on purpose: the product's, used on both ends, would agree with itself.

use std::fmt;

/// One request or response: what stood on the wire, taken apart.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Message {
    /// Request line or status line, without its CRLF.
    pub start: String,
    /// In order, names as they came.
    pub fields: Vec<(String, String)>,
    /// Without chunk framing.
    pub body: Vec<u8>,
    /// What followed the last chunk.
    pub trailers: Vec<(String, String)>,
}

/// How long the body of a received message is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Framing {
    /// No body.
    None,
    /// `content-length`.
    Length(usize),
    /// `transfer-encoding: chunked`.
    Chunked,
    /// A response that ends with its connection.
    UntilClose,
}

impl Message {
    /// Takes a head apart, its empty line included. Panics on whatever a proxy must not emit.
    #[track_caller]
    pub fn parse(head: &[u8]) -> Message {
        let shown = head.escape_ascii();
        let text = String::from_utf8_lossy(head);
        let text = text.strip_suffix("\r\n\r\n").expect("a head ends with an empty line");
        let mut lines = text.split("\r\n");
        let start = lines.next().expect("split yields at least one piece").to_owned();
        let fields = lines.map(field).collect();
        assert!(!text.replace("\r\n", "").contains(['\r', '\n', '\0']), "bare CR or LF: {shown}");
        Message { start, fields, ..Message::default() }
    }

    /// The status of a response.
    #[track_caller]
    pub fn status(&self) -> u16 {
        let code = self.start.split(' ').nth(1).and_then(|code| code.parse().ok());
        code.unwrap_or_else(|| panic!("no status line: {:?}", self.start))
    }

    /// The method of a request.
    pub fn method(&self) -> &str {
        self.start.split(' ').next().unwrap_or_default()
    }

    /// The target of a request, as it stood there.
    pub fn target(&self) -> &str {
        self.start.split(' ').nth(1).unwrap_or_default()
    }

    /// The only field of this name, letter case aside; `None` without one, a panic with several.
    #[track_caller]
    pub fn field(&self, name: &str) -> Option<&str> {
        let all = self.all(name);
        assert!(all.len() <= 1, "{name} stands there {} times: {self}", all.len());
        all.first().copied()
    }

    /// The values of every field of this name, in order.
    pub fn all(&self, name: &str) -> Vec<&str> {
        let same = self.fields.iter().filter(|(other, _)| other.eq_ignore_ascii_case(name));
        same.map(|(_, value)| value.as_str()).collect()
    }

    /// The body as text.
    #[track_caller]
    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.body).expect("this body is text")
    }

    /// The framing of a request with this head.
    #[track_caller]
    pub fn request_framing(&self) -> Framing {
        self.stated_framing().unwrap_or(Framing::None)
    }

    /// The framing of the response with this head, to a request of this method.
    #[track_caller]
    pub fn response_framing(&self, method: &str) -> Framing {
        let status = self.status();
        if status < 200 || status == 204 {
            assert_eq!(self.stated_framing(), None, "a {status} has no framing: {self}");
            return Framing::None;
        }
        let stated = self.stated_framing();
        if method == "HEAD" || status == 304 {
            return Framing::None;
        }
        stated.unwrap_or(Framing::UntilClose)
    }

    #[track_caller]
    fn stated_framing(&self) -> Option<Framing> {
        let length = self.field("content-length");
        let coding = self.field("transfer-encoding");
        assert!(length.is_none() || coding.is_none(), "both framings at once: {self}");
        if let Some(coding) = coding {
            assert_eq!(coding, "chunked", "unknown coding: {self}");
            return Some(Framing::Chunked);
        }
        let length = length?;
        Some(Framing::Length(length.parse().unwrap_or_else(|_| panic!("bad length: {self}"))))
    }
}

impl fmt::Display for Message {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(out, "{}", self.start)?;
        for (name, value) in self.fields.iter().chain(&self.trailers) {
            writeln!(out, "  {name}: {value}")?;
        }
        write!(out, "  body of {} bytes: {}", self.body.len(), self.body.escape_ascii())
    }
}

/// Takes one field line apart.
#[track_caller]
pub fn field(line: &str) -> (String, String) {
    let (name, value) = line.split_once(':').unwrap_or_else(|| panic!("no field: {line:?}"));
    assert!(!name.is_empty() && !name.contains([' ', '\t']), "bad field name: {line:?}");
    (name.to_owned(), value.trim_matches([' ', '\t']).to_owned())
}
