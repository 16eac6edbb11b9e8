//! Patterns of the routes: what a path, a field or a query parameter must look like.
//!
//! Compiled here, because a bad regex is a mistake in the file; decided on in `policy::route`.

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use regex::bytes::Regex;

/// A regular expression, compared by its source text.
#[derive(Debug, Clone)]
pub struct Pattern(pub Regex);

impl Eq for Pattern {}

impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        self.0.as_str() == other.0.as_str()
    }
}

impl Hash for Pattern {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.as_str().hash(state);
    }
}

/// How a route's path is compared with the normalised path, query excluded.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum PathMatch {
    /// `match.path`: equal.
    Exact(Box<str>),
    /// `match.prefix`: bytes at the start. `/` matches all.
    Prefix(Box<str>),
    /// `match.segment`: the path itself, or whole segments below it (`/dir` is not `/dirx`).
    /// Stored without a trailing slash.
    Segment(Box<str>),
    /// `match.regex`: the whole path; anchored by `check`.
    Regex(Pattern),
}

/// How a field's value is compared. A field with several lines holds if one of them does.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum ValueMatch {
    /// There at all.
    Present,
    /// Equal.
    Exact(Box<[u8]>),
    /// At the start.
    Prefix(Box<[u8]>),
    /// At the end.
    Suffix(Box<[u8]>),
    /// The whole value; anchored by `check`.
    Regex(Pattern),
    /// A decimal integer in `start..end`.
    Range {
        /// Inclusive.
        start: i64,
        /// Exclusive.
        end: i64,
    },
}

/// A condition on one field of the request.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct HeaderMatch {
    /// Lower case.
    pub name: Box<str>,
    /// The condition.
    pub value: ValueMatch,
    /// True turns the condition round: a request without the field then matches.
    pub invert: bool,
}

/// A condition on one query parameter, percent-decoding none of it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct QueryMatch {
    /// As it stands in the query.
    pub name: Box<str>,
    /// The condition.
    pub value: ValueMatch,
}

/// A rewrite of the path; the query stays.
#[derive(Debug, Clone, PartialEq)]
pub enum PathRewrite {
    /// The whole path.
    Full(Arc<str>),
    /// What the route's exact, prefix or segment pattern matched is replaced.
    Prefix(Arc<str>),
    /// Every match of the pattern is replaced; `\1` names a group (Envoy's syntax).
    Regex {
        /// What is looked for.
        pattern: Pattern,
        /// The substitution, in the regex crate's syntax after `check` translated it.
        substitution: Arc<str>,
    },
}
