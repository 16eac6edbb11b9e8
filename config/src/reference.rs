//! All keys in words: what docs/CONFIG.md is held against.

use crate::raw::file::FILE;
use crate::raw::key::{Default, Kind, Occurs, Shape};

/// A table of the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SectionDoc {
    /// What messages call it: `a route`.
    pub what: &'static str,
    /// Where it may stand, such as `routes.NAME[].match`; empty for the top level.
    pub paths: Vec<String>,
    /// In the order of the documentation.
    pub keys: Vec<KeyDoc>,
}

/// One key of a section.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyDoc {
    /// As it is written.
    pub name: &'static str,
    /// What may be written: `a duration, 1ms to 1h`.
    pub kind: String,
    /// True if the key must be written.
    pub required: bool,
    /// The TOML that holds if nothing is written.
    pub default: Option<&'static str>,
    /// What it means, in Markdown.
    pub doc: &'static str,
}

/// All sections, parents first; one that may stand in several places comes once.
pub fn reference() -> Vec<SectionDoc> {
    let mut sections = Vec::new();
    collect(&FILE, "", &mut sections);
    sections
}

fn collect(shape: &dyn Shape, path: &str, sections: &mut Vec<SectionDoc>) {
    let rows = shape.rows();
    match sections.iter_mut().find(|section| section.what == shape.what()) {
        Some(section) => section.paths.push(path.to_owned()),
        None => {
            let keys = rows.iter().map(|row| KeyDoc {
                name: row.name,
                kind: row.kind.words(),
                required: matches!(row.default, Default::Required),
                default: match row.default {
                    Default::Is(literal) => Some(literal),
                    Default::Required | Default::None => None,
                },
                doc: row.doc,
            });
            let keys = keys.collect();
            sections.push(SectionDoc { what: shape.what(), paths: vec![path.to_owned()], keys });
        }
    }
    for row in &rows {
        if let Kind::Nested(occurs, inner) = &row.kind {
            let dot = if path.is_empty() { "" } else { "." };
            let index = match occurs {
                Occurs::Once => "",
                Occurs::Array(_) => "[]",
                Occurs::Named => ".NAME",
                Occurs::NamedArrays => ".NAME[]",
            };
            collect(*inner, &format!("{path}{dot}{}{index}", row.name), sections);
        }
    }
}
