//! Changes to the fields of a head: `request_headers` and `response_headers`.

use std::sync::OnceLock;

use super::key::{Default, Form, Key, Section, Value};
use crate::document::Wrong;
use crate::snapshot::HeaderEdits;
use crate::values;

/// What frames the message, which the proxy itself decides (RFC 9112 §6).
const FRAMING: [&str; 2] = ["content-length", "transfer-encoding"];

/// What belongs to the connection, which the proxy itself decides (RFC 9110 §7.6.1).
const CONNECTION: [&str; 7] =
    ["connection", "expect", "keep-alive", "proxy-connection", "te", "trailer", "upgrade"];

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
    let ours =
        |list: &[&'static str]| list.iter().copied().find(|ours| ours.eq_ignore_ascii_case(&name));
    if ours(&["host"]).is_some() {
        return Err(Wrong::new("`host` cannot be changed as a header")
            .help("use `rewrite = { host = \"…\" }`"));
    }
    let (ours, why) = match (ours(&FRAMING), ours(&CONNECTION)) {
        (Some(ours), _) => (ours, "it frames the message, and the proxy sets it"),
        (_, Some(ours)) => (ours, "it belongs to one connection, not to the message"),
        (None, None) => return Ok(name),
    };
    Err(Wrong::new(format!("`{ours}` is the proxy's own to decide")).help(why))
}
