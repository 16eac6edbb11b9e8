//! Texts with `%OPERATORS%`, filled in: header values of the routes. Lines of the access log, which
//! have the same operators and more, are `line`'s.
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

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use proptest::prelude::*;

    use super::*;

    /// Answers `%PROTOCOL%` with its bytes, all else with nothing.
    struct Protocol<'a>(&'a [u8]);

    impl TemplateSource for Protocol<'_> {
        fn write(&self, operator: &Operator, out: &mut Vec<u8>) {
            if *operator == Operator::Protocol {
                out.extend_from_slice(self.0);
            }
        }
    }

    fn literal(text: &str) -> Piece {
        Piece::Literal(Arc::from(text.as_bytes()))
    }

    fn rendered(pieces: Vec<Piece>, protocol: &[u8]) -> Vec<u8> {
        let mut out = b"before ".to_vec();
        render(&Template { pieces }, &Protocol(protocol), &mut out);
        out
    }

    #[test]
    fn pieces_follow_each_other() {
        let pieces = vec![literal("a "), Piece::Operator(Operator::Protocol), literal(" b")];
        assert_eq!(rendered(pieces, b"HTTP/1.1"), b"before a HTTP/1.1 b");
    }

    #[test]
    fn an_operator_without_a_value_is_a_dash() {
        let host = Piece::Operator(Operator::UpstreamHost);
        assert_eq!(rendered(vec![host, literal("|")], b"x"), b"before -|");
        assert_eq!(rendered(vec![Piece::Operator(Operator::Protocol)], b""), b"before -");
    }

    proptest! {
        #[test]
        fn no_value_breaks_the_line(value in prop::collection::vec(any::<u8>(), 0..40)) {
            let out = rendered(vec![Piece::Operator(Operator::Protocol)], &value);
            prop_assert!(!out.iter().any(|byte| matches!(byte, b'\r' | b'\n' | 0)));
            prop_assert_eq!(out.len(), b"before ".len() + value.len().max(1));
        }
    }
}
