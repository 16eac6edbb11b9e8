//! TOML text to a checked, immutable [`Snapshot`]: `raw -> check -> Snapshot`.
//!
//! Pure: it opens no file and no socket, and asks no clock.

pub mod access_log;
mod check;
mod document;
mod draw;
mod dump;
pub mod pattern;
mod problems;
mod raw;
mod reference;
mod schema;
pub mod snapshot;
mod syntax;
pub mod template;
mod tree;
mod values;

pub use dump::dump;
pub use problems::{Problem, Problems, Severity};
pub use reference::{KeyDoc, SectionDoc, reference};
pub use schema::schema;
pub use snapshot::Snapshot;

use std::sync::Arc;

use document::{Document, Findings, Span};

/// A file that was taken.
#[derive(Debug)]
pub struct Loaded {
    /// What it means.
    pub snapshot: Snapshot,
    /// What its author might not have meant.
    pub warnings: Problems,
}

/// What [`Snapshot::hash`] is for a file of these bytes.
pub fn hash(text: &[u8]) -> Arc<str> {
    format!("{:016x}", xxhash_rust::xxh64::xxh64(text, 0)).into()
}

/// Reads and checks a file. `file` is its name in messages, `text` its bytes.
///
/// `previous` is the snapshot in force: tables and upstreams keep the slots of their names, and
/// tables, upstreams and listeners that did not change keep their pointers.
///
/// # Errors
/// All problems found in the file; then nothing of it is taken.
pub fn load(file: &str, text: &[u8], previous: Option<&Snapshot>) -> Result<Loaded, Problems> {
    let document = Document::new(file, text)?;
    let (mut errors, mut warnings) = (Findings::default(), Findings::default());
    let written = {
        let tree = document.parse()?;
        raw::file::FILE.read(&tree, Span::default(), &mut errors).value
    };
    let snapshot = check::check(written, hash(text), previous, &mut errors, &mut warnings);
    if errors.count() > 0 {
        return Err(document.report(errors, Severity::Error));
    }
    Ok(Loaded { snapshot, warnings: document.report(warnings, Severity::Warning) })
}
