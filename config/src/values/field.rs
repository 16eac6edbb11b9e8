//! Tokens of HTTP: field names and values, methods; and the names that parts of a file bear.

use std::sync::Arc;

use super::quote;
use crate::document::Wrong;

/// `tchar` (RFC 9110 §5.6.2).
fn is_token(text: &str) -> bool {
    let tchar = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    !text.is_empty() && text.bytes().all(tchar)
}

/// A field's name, in the letter case written.
pub(crate) fn field_name(text: &str) -> Result<Box<str>, Wrong> {
    if is_token(text) && text.len() <= 256 {
        return Ok(text.into());
    }
    let wrong = Wrong::new(format!("{} is not a header's name", quote(text)));
    Err(match text.strip_suffix(':') {
        Some(name) if is_token(name) => wrong.help(format!("without the colon: \"{name}\"")),
        _ => wrong.help("a name has letters, digits and !#$%&'*+-.^_`|~ (RFC 9110 §5.6.2)"),
    })
}

/// A field's value without what would end or forge a line (RFC 9110 §5.5).
pub(crate) fn field_value(text: &str) -> Result<&str, Wrong> {
    if let Some(bad) = text.chars().find(|c| c.is_ascii_control() && *c != '\t') {
        let shown = bad.escape_debug();
        return Err(Wrong::new(format!("a header's value holds no `{shown}` (RFC 9110 §5.5)")));
    }
    if text.trim_matches([' ', '\t']).len() != text.len() {
        return Err(Wrong::new("a header's value neither begins nor ends with a space"));
    }
    Ok(text)
}

/// A method; its letter case counts (RFC 9110 §9.1).
pub(crate) fn method(text: &str) -> Result<Box<str>, Wrong> {
    const COMMON: [&str; 8] =
        ["GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "PATCH"];
    let upper = text.to_ascii_uppercase();
    if upper != text && COMMON.contains(&upper.as_str()) {
        return Err(Wrong::new(format!("{} is not the method {upper}", quote(text)))
            .help(format!("methods are case-sensitive (RFC 9110 §9.1): write \"{upper}\"")));
    }
    match is_token(text) && text.len() <= 32 {
        true => Ok(text.into()),
        false => Err(Wrong::new(format!("{} is not a method", quote(text)))
            .help("a method is at most 32 letters, digits or !#$%&'*+-.^_`|~")),
    }
}

/// What `Via` calls this proxy (RFC 9110 §7.6.3).
pub(crate) fn pseudonym(text: &str) -> Result<Arc<str>, Wrong> {
    match is_token(text) && text.len() <= 64 {
        true => Ok(text.into()),
        false => Err(Wrong::new(format!("{} is not a pseudonym for `Via`", quote(text)))
            .help("write one word of at most 64 letters, digits or !#$%&'*+-.^_`|~")),
    }
}

/// The name of a listener, table, route or upstream: it will stand in metrics and logs.
pub(crate) fn name(text: &str) -> Result<Arc<str>, Wrong> {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.:/|@~+".contains(&byte);
    match !text.is_empty() && text.len() <= 200 && text.bytes().all(fits) {
        true => Ok(text.into()),
        false => Err(Wrong::new(format!("{} is not a name", quote(text)))
            .help("a name is 1 to 200 of: letters, digits, and any of -_.:/|@~+")),
    }
}
