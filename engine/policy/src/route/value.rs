//! Conditions on fields and query parameters. Several lines of one field, and several parameters
//! of one name, are tried one by one: an attacker's second line cannot hide behind the first.

use config::pattern::{HeaderMatch, QueryMatch, ValueMatch};

use crate::request::RequestView;

/// Whether one of the field's lines holds, or with `invert` none of them.
pub(super) fn header_holds(header: &HeaderMatch, request: &RequestView<'_>) -> bool {
    let mut found = false;
    request.values(&header.name, &mut |value| {
        found = holds(&header.value, value);
        !found
    });
    found != header.invert
}

/// Whether one of the query's parameters of that name holds; one without `=` has an empty value.
pub(super) fn query_holds(wanted: &QueryMatch, query: Option<&[u8]>) -> bool {
    let name = wanted.name.as_bytes();
    query.unwrap_or_default().split(|&byte| byte == b'&').any(|parameter| {
        match parameter.strip_prefix(name) {
            Some([]) => !name.is_empty() && holds(&wanted.value, b""),
            Some([b'=', value @ ..]) => holds(&wanted.value, value),
            _ => false,
        }
    })
}

fn holds(wanted: &ValueMatch, value: &[u8]) -> bool {
    match wanted {
        ValueMatch::Present => true,
        ValueMatch::Exact(exact) => value == &**exact,
        ValueMatch::Prefix(prefix) => value.starts_with(prefix),
        ValueMatch::Suffix(suffix) => value.ends_with(suffix),
        ValueMatch::Regex(regex) => regex.0.is_match(value),
        ValueMatch::Range { start, end } => {
            integer(value).is_some_and(|number| (*start..*end).contains(&number))
        }
    }
}

/// The whole value as a decimal integer with an optional sign; `None` if it is none or overflows.
fn integer(value: &[u8]) -> Option<i64> {
    std::str::from_utf8(value).ok()?.parse().ok()
}
