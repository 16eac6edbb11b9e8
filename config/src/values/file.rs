//! A file that the process writes.

use std::path::Path;
use std::sync::Arc;

use super::quote;
use crate::document::Wrong;

/// An absolute path, as a process's working directory is nobody's intention.
pub(crate) fn file(text: &str) -> Result<Arc<Path>, Wrong> {
    /// Linux's PATH_MAX, less its NUL.
    const BYTES_MAX: usize = 4095;
    let wrong = |what: &str| Wrong::new(format!("{} is not a file's path", quote(text))).help(what);
    match text {
        _ if text.contains('\0') => Err(wrong("a path holds no NUL")),
        _ if text.len() > BYTES_MAX => Err(wrong("a path has at most 4095 bytes")),
        "stdout" | "stderr" => Err(wrong(&format!("for the process's own write \"/dev/{text}\""))),
        _ if !text.starts_with('/') => Err(wrong("it begins with `/`")),
        _ if text.ends_with(['/']) => Err(wrong("this is a directory: name a file in it")),
        _ => Ok(Arc::from(Path::new(text))),
    }
}
