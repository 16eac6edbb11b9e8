//! Texts with `%OPERATORS%`, filled in: header values of the routes, later access-log lines.
//!
//! Not where the values come from: `engine` implements [`TemplateSource`] on what it knows of the
//! request.

use config::template::{Operator, Piece, Template};

/// Where operators get their values.
pub trait TemplateSource {
    /// Appends the operator's value to `out`; nothing, if there is none. Any bytes will do.
    fn write(&self, operator: &Operator, out: &mut Vec<u8>);
}

/// Appends `template` to `out`, with `-` for every operator that has no value (as in Envoy's access
/// log).
///
/// Control bytes in values become `_`: whatever a client sent, the result is one field line, so
/// neither a header nor a log line can be split by it.
pub fn render(template: &Template, source: &dyn TemplateSource, out: &mut Vec<u8>) {
    for piece in &template.pieces {
        match piece {
            Piece::Literal(text) => out.extend_from_slice(text),
            Piece::Operator(operator) => {
                let start = out.len();
                source.write(operator, out);
                match out.len() == start {
                    true => out.push(b'-'),
                    false => make_visible(&mut out[start..]),
                }
            }
        }
    }
}

/// Appends `text` with `_` for control bytes.
pub(crate) fn push_visible(out: &mut Vec<u8>, text: &[u8]) {
    let start = out.len();
    out.extend_from_slice(text);
    make_visible(&mut out[start..]);
}

fn make_visible(text: &mut [u8]) {
    for byte in text {
        if byte.is_ascii_control() {
            *byte = b'_';
        }
    }
}
