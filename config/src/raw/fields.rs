//! Changes to the fields of a head: `request_headers` and `response_headers`.

use std::sync::OnceLock;

use super::key::{Default, Form, Key, Section, Value};
use crate::document::Wrong;
use crate::snapshot::HeaderEdits;
use crate::values;

/// What the proxy itself decides: framing and the connection (RFC 9110 §7.6.1, RFC 9112 §6).
const OURS: [&str; 10] = [
    "connection",
    "content-length",
    "expect",
    "keep-alive",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "host",
];

/// `request_headers` or `response_headers`.
pub(crate) static EDITS: Section<HeaderEdits> = Section {
    what: "a table of header changes",
    blank: HeaderEdits::default,
    defaults: OnceLock::new(),
    keys: &[
        Key {
            name: "remove",
            value: Value::Texts(Form::Field, |edits, word| {
                edits.remove.push(editable(word.text)?.to_ascii_lowercase().into());
                Ok(())
            }),
            default: Default::None,
            doc: "Headers to remove; this comes first.",
        },
        Key {
            name: "set",
            value: Value::Fields(|edits, name, value| edits.set.push((name, value))),
            default: Default::None,
            doc: "Headers to set, in place of all that the message has of the name.",
        },
        Key {
            name: "add",
            value: Value::Fields(|edits, name, value| edits.add.push((name, value))),
            default: Default::None,
            doc: "Headers to add to those that the message has of the name.",
        },
    ],
};

/// A field's name that a user may change.
pub(super) fn editable(text: &str) -> Result<Box<str>, Wrong> {
    let name = values::field_name(text)?;
    match OURS.iter().find(|ours| ours.eq_ignore_ascii_case(&name)) {
        Some(&"host") => Err(Wrong::new("`host` cannot be changed as a header")
            .help("use `rewrite = { host = \"…\" }`")),
        Some(ours) => Err(Wrong::new(format!("`{ours}` is the proxy's own to decide"))
            .help("it belongs to one connection, not to the message")),
        None => Ok(name),
    }
}
