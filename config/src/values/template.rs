//! Texts with `%OPERATORS%`, as in Envoy's header formatters: `%%` is a percent sign.

use super::{nearest, quote};
use crate::document::Wrong;
use crate::template::{Operator, Piece, Template};

/// The operators without an argument.
const PLAIN: [(&str, Operator); 7] = [
    ("DOWNSTREAM_REMOTE_ADDRESS", Operator::DownstreamRemoteAddress),
    ("DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT", Operator::DownstreamRemoteAddressWithoutPort),
    ("DOWNSTREAM_LOCAL_ADDRESS", Operator::DownstreamLocalAddress),
    ("PROTOCOL", Operator::Protocol),
    ("ROUTE_NAME", Operator::RouteName),
    ("UPSTREAM_CLUSTER", Operator::UpstreamCluster),
    ("UPSTREAM_HOST", Operator::UpstreamHost),
];

/// A field's value as a template.
pub(crate) fn template(text: &str) -> Result<Template, Wrong> {
    super::field_value(text)?;
    let mut pieces = Vec::new();
    let mut literal = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('%') {
        literal.push_str(before);
        let Some((inside, after)) = after.split_once('%') else {
            return Err(Wrong::new(format!("{} has a lone `%`", quote(text)))
                .help("write `%%` for a percent sign, %OPERATOR% for a value of the request"));
        };
        rest = after;
        if inside.is_empty() {
            literal.push('%');
            continue;
        }
        let operator = operator(inside)?;
        if !literal.is_empty() {
            pieces.push(Piece::Literal(std::mem::take(&mut literal).into_bytes().into()));
        }
        pieces.push(Piece::Operator(operator));
    }
    literal.push_str(rest);
    if !literal.is_empty() {
        pieces.push(Piece::Literal(literal.into_bytes().into()));
    }
    Ok(Template { pieces })
}

fn operator(inside: &str) -> Result<Operator, Wrong> {
    if let Some((_, operator)) = PLAIN.iter().find(|(name, _)| *name == inside) {
        return Ok(operator.clone());
    }
    if let Some(name) = inside.strip_prefix("REQ(").and_then(|rest| rest.strip_suffix(')')) {
        let known = matches!(name, ":method" | ":path" | ":authority");
        let name = if known { name.into() } else { super::field_name(name)? };
        return Ok(Operator::Request(name.to_ascii_lowercase().into()));
    }
    let wrong = Wrong::new(format!("`%{}%` is not an operator", quote(inside).replace('`', "")));
    match nearest(inside, PLAIN.iter().map(|(name, _)| *name)) {
        Some(name) => Err(wrong.help(format!("did you mean `%{name}%`?"))),
        None => {
            let names: Vec<String> = PLAIN.iter().map(|(name, _)| format!("%{name}%")).collect();
            Err(wrong.help(format!("there are %REQ(header-name)%, {}", names.join(", "))))
        }
    }
}
