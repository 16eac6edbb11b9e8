//! The style as a test: rules over the source text and the manifests, and one list of exceptions.
//!
//! `source` reads a file, `rules` judges one file, `walls` the packages' dependencies, `whole` the
//! tree's medians and links, `exceptions` is the list that may only shrink. Run by `tests/tidy.rs`.

pub mod exceptions;
pub mod rules;
pub mod source;
pub mod walls;
pub mod whole;

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

use self::source::Source;

/// One violated rule.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Finding {
    /// From the workspace's root.
    pub file: String,
    /// From 1; 0 for the file as a whole.
    pub line: usize,
    /// The rule's name, as an exception names it.
    pub rule: &'static str,
    /// What is wrong.
    pub what: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}:{}: {} [{}]", self.file, self.line, self.what, self.rule)
    }
}

/// Every Rust file below `root`, read.
pub fn sources(root: &Path) -> Vec<Source> {
    let files = files(root, "rs").into_iter();
    files.map(|path| Source::new(&relative(root, &path), &read(&path))).collect()
}

/// Every file below `root` whose name ends so, build output and hidden directories left out.
pub fn files(root: &Path, extension: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut directories = vec![root.to_owned()];
    while let Some(directory) = directories.pop() {
        let entries = fs::read_dir(&directory).expect("a directory of the repository");
        for path in entries.map(|entry| entry.expect("it is readable").path()) {
            if path.is_dir() && !is_foreign(&path) {
                directories.push(path);
            } else if path.extension().is_some_and(|found| found == extension) {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

/// The path as findings and exceptions write it.
pub fn relative(root: &Path, path: &Path) -> String {
    path.strip_prefix(root).expect("it was found below the root").display().to_string()
}

/// The text of a file of the repository.
pub fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Hidden, or written by a build.
fn is_foreign(directory: &Path) -> bool {
    let hidden = directory.file_name().is_some_and(|name| name.as_encoded_bytes()[0] == b'.');
    let built = directory.ends_with("target") || directory.join("CACHEDIR.TAG").exists();
    hidden || built || directory.ends_with("node_modules")
}
