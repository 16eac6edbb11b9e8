//! Texts with `%OPERATORS%`, as in Envoy's header formatters and access logs: `%%` is a percent
//! sign.

use super::{nearest, quote};
use crate::access_log::{ENVOY, JSON, JsonMember, LineFormat};
use crate::document::Wrong;
use crate::template::{
    FieldName, Operator, OutcomeOperator as Outcome, Piece, RequestField, RequestName, Template,
};

/// The operators without an argument.
const PLAIN: [(&str, Operator); 15] = [
    ("DOWNSTREAM_REMOTE_ADDRESS", Operator::DownstreamRemoteAddress),
    ("DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT", Operator::DownstreamRemoteAddressWithoutPort),
    ("DOWNSTREAM_LOCAL_ADDRESS", Operator::DownstreamLocalAddress),
    ("PROTOCOL", Operator::Protocol),
    ("ROUTE_NAME", Operator::RouteName),
    ("UPSTREAM_CLUSTER", Operator::UpstreamCluster),
    ("UPSTREAM_HOST", Operator::UpstreamHost),
    ("START_TIME", Operator::Outcome(Outcome::StartTime)),
    ("RESPONSE_CODE", Operator::Outcome(Outcome::ResponseCode)),
    ("RESPONSE_CODE_DETAILS", Operator::Outcome(Outcome::ResponseCodeDetails)),
    ("RESPONSE_FLAGS", Operator::Outcome(Outcome::ResponseFlags)),
    ("BYTES_RECEIVED", Operator::Outcome(Outcome::BytesReceived)),
    ("BYTES_SENT", Operator::Outcome(Outcome::BytesSent)),
    ("DURATION", Operator::Outcome(Outcome::Duration)),
    ("UPSTREAM_REQUEST_ATTEMPT_COUNT", Operator::Outcome(Outcome::UpstreamAttempts)),
];

/// The time that Envoy's router took, which we know without asking the response.
const SERVICE_TIME: &str = "x-envoy-upstream-service-time";

/// A field's value as a template.
pub(crate) fn template(text: &str) -> Result<Template, Wrong> {
    super::field_value(text)?;
    pieces(text, Place::Header)
}

/// A line of the access log, or a value in it.
pub(crate) fn log_template(text: &str) -> Result<Template, Wrong> {
    // Envoy's formats end with their line feed; ours is added.
    let text = text.strip_suffix('\n').unwrap_or(text);
    if let Some(bad) = text.chars().find(|c| c.is_ascii_control() && *c != '\t') {
        let wrong = Wrong::new(format!("a line of the log holds no `{}`", bad.escape_debug()));
        return Err(wrong.help("the line feed at its end is added"));
    }
    pieces(text, Place::Log)
}

/// `envoy`, `json` or a template.
pub(crate) fn log_format(text: &str) -> Result<LineFormat, Wrong> {
    match text {
        "envoy" => log_format(ENVOY),
        "json" => {
            let member = |(at, (name, text)): (usize, &(&str, &str))| {
                log_template(text).map(|value| JsonMember::new(name, at == 0, value))
            };
            JSON.iter().enumerate().map(member).collect::<Result<_, _>>().map(LineFormat::Json)
        }
        _ => {
            let template = log_template(text)?;
            if template.pieces.iter().any(|piece| matches!(piece, Piece::Operator(_))) {
                return Ok(LineFormat::Text { template, written: text.into() });
            }
            let wrong = Wrong::new(format!("{} says the same of every request", quote(text)));
            Err(match nearest(text, ["envoy", "json"]) {
                Some(near) => wrong.help(format!("did you mean \"{near}\"?")),
                None => wrong.help("write \"envoy\", \"json\", or a text with %OPERATORS%"),
            })
        }
    }
}

/// Where a template stands.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Header,
    Log,
}

fn pieces(text: &str, place: Place) -> Result<Template, Wrong> {
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
        let operator = operator(inside, place)?;
        if place == Place::Header && is_for_the_log(&operator) {
            let wrong = format!("`%{inside}%` is known only when the request is over");
            return Err(Wrong::new(wrong).help("it can stand in `[access_log]`, not in a header"));
        }
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

fn operator(inside: &str, place: Place) -> Result<Operator, Wrong> {
    if let Some((_, operator)) = PLAIN.iter().find(|(name, _)| *name == inside) {
        return Ok(operator.clone());
    }
    let argument = |name: &str| inside.strip_prefix(name)?.strip_prefix('(')?.strip_suffix(')');
    if let Some(names) = argument("REQ") {
        let field = field(names, &[":method", ":path", ":authority"])?;
        return Ok(Operator::Request(field.into()));
    }
    if let Some(names) = argument("RESP") {
        let field = field(names, &[])?;
        return Ok(Operator::Outcome(match *field.name == *SERVICE_TIME && field.or.is_none() {
            true => Outcome::UpstreamServiceTime,
            false => Outcome::Response(field),
        }));
    }
    let wrong = Wrong::new(format!("`%{}%` is not an operator", quote(inside).replace('`', "")));
    let here = |operator: &Operator| place == Place::Log || !is_for_the_log(operator);
    let names = || PLAIN.iter().filter(|(_, operator)| here(operator)).map(|(name, _)| *name);
    Err(match nearest(inside, names()) {
        Some(name) => wrong.help(format!("did you mean `%{name}%`?")),
        None => {
            let with_names = match place {
                Place::Header => "%REQ(header-name)%",
                Place::Log => "%REQ(header-name)%, %RESP(header-name)%",
            };
            let names: Vec<String> = names().map(|name| format!("%{name}%")).collect();
            wrong.help(format!("there are {with_names}, {}", names.join(", ")))
        }
    })
}

fn is_for_the_log(operator: &Operator) -> bool {
    matches!(operator, Operator::Outcome(_))
}

/// `NAME` or `NAME?OTHER`; `pseudo`: names of HTTP/2 that are no fields in HTTP/1.1.
fn field(names: &str, pseudo: &[&str]) -> Result<FieldName, Wrong> {
    let one = |name: &str| {
        let lower = name.to_ascii_lowercase();
        match pseudo.contains(&lower.as_str()) {
            true => Ok(lower.into()),
            false => super::field_name(name).map(|_| lower.into_boxed_str()),
        }
    };
    match names.split_once('?') {
        Some((name, other)) => Ok(FieldName { name: one(name)?, or: Some(one(other)?) }),
        None => Ok(FieldName { name: one(names)?, or: None }),
    }
}

/// A template in the syntax of the file, the headers' names in capitals as Envoy writes them.
pub(crate) fn show_template(template: &Template) -> String {
    let mut out = String::new();
    for piece in &template.pieces {
        match piece {
            Piece::Literal(bytes) => {
                out.push_str(&String::from_utf8_lossy(bytes).replace('%', "%%"));
            }
            Piece::Operator(operator) => out.push_str(&format!("%{}%", show_operator(operator))),
        }
    }
    out
}

fn show_operator(operator: &Operator) -> String {
    let field = |of: &str, name: &str, or: Option<&str>| {
        let or = or.map(|or| format!("?{or}")).unwrap_or_default();
        format!("{of}({})", format!("{name}{or}").to_ascii_uppercase())
    };
    match operator {
        Operator::Request(RequestField { name, or }) => {
            field("REQ", name.as_str(), or.as_ref().map(RequestName::as_str))
        }
        Operator::Outcome(Outcome::Response(FieldName { name, or })) => {
            field("RESP", name, or.as_deref())
        }
        Operator::Outcome(Outcome::UpstreamServiceTime) => field("RESP", SERVICE_TIME, None),
        plain => {
            let row = PLAIN.iter().find(|(_, operator)| operator == plain);
            row.expect("those with a name are above, all others in the table").0.to_owned()
        }
    }
}
