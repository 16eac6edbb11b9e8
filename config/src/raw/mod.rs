//! What the user wrote: one row per key, and the sections read by those rows.
//!
//! Every value is parsed here and known to be within its bounds. What a section means together
//! with the rest of the file (references, duplicates, exactly one action) is `check`'s matter.
//! The same rows make the JSON schema and hold docs/CONFIG.md to account.

pub(crate) mod access_log;
pub(crate) mod fields;
pub(crate) mod file;
mod form;
pub(crate) mod key;
pub(crate) mod listener;
pub(crate) mod matching;
pub(crate) mod process;
mod read;
pub(crate) mod route;
pub(crate) mod target;
pub(crate) mod upstream;
mod value;

use std::sync::Arc;

use crate::document::Span;

/// Something read from a table of the file.
#[derive(Debug, Clone)]
pub(crate) struct Item<T> {
    /// The table.
    pub(crate) span: Span,
    /// False if a key of it was wrong: what is missing from `value` may have been meant.
    pub(crate) sound: bool,
    /// What was read; defaults where nothing was.
    pub(crate) value: T,
}

/// A name, and where it stands: a definition or a reference.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Name {
    pub(crate) text: Arc<str>,
    pub(crate) span: Span,
}

/// Things by name, in the file's order.
pub(crate) type Named<T> = Vec<(Name, T)>;

/// A value whose place `check` may want to point at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct At<T> {
    pub(crate) span: Span,
    pub(crate) value: T,
}
