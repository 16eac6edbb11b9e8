//! Paths that routes match and that rewrites put in their place.

use super::quote;
use crate::document::Wrong;

/// A path as the router sees it: normalised, without query.
pub(crate) fn path(text: &str) -> Result<&str, Wrong> {
    let wrong = |why: &str| Wrong::new(format!("{} {why}", quote(text)));
    if !text.starts_with('/') {
        return Err(wrong("does not begin with `/`"));
    }
    if text.contains(['?', '#']) {
        return Err(wrong("is more than a path").help("the query is no part of the path"));
    }
    if let Some(bad) = text.bytes().find(|byte| !byte.is_ascii_graphic()) {
        let help = format!("write it percent-encoded: %{bad:02X}");
        return Err(wrong("holds a character that no path on the wire has").help(help));
    }
    if text.split('/').any(|segment| segment == "." || segment == "..") {
        return Err(wrong("has a `.` or `..` segment")
            .help("paths are normalised first, so that no request would ever match"));
    }
    Ok(text)
}
