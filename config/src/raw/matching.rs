//! `match` of a route: which requests it takes.

use std::sync::OnceLock;

use super::Item;
use super::key::{Default, Form, Key, Place, Section, Value, Within};
use crate::document::Wrong;
use crate::pattern::{PathMatch, ValueMatch};
use crate::values;

/// `match` of a route.
#[derive(Debug, Clone, Default)]
pub(crate) struct Match {
    /// One of `path`, `prefix`, `segment` and `regex` may be written.
    pub(crate) paths: Vec<PathMatch>,
    pub(crate) methods: Vec<Box<str>>,
    pub(crate) headers: Vec<Item<Condition>>,
    pub(crate) query: Vec<Item<Condition>>,
}

/// A condition on a header or a query parameter.
#[derive(Debug, Clone, Default)]
pub(crate) struct Condition {
    pub(crate) name: Box<str>,
    /// One of the comparisons may be written; none is `present`.
    pub(crate) values: Vec<ValueMatch>,
    pub(crate) invert: bool,
}

/// `match` of a route.
pub(crate) static MATCH: Section<Match> = Section {
    what: "`match`",
    blank: Match::default,
    defaults: OnceLock::new(),
    keys: &[
        Key {
            name: "path",
            value: Value::Text(Form::Path, |it, word| {
                it.paths.push(PathMatch::Exact(values::path(word.text)?.into()));
                Ok(())
            }),
            default: Default::None,
            doc: "The whole path. Paths are compared without the query, after normalisation.",
        },
        Key {
            name: "prefix",
            value: Value::Text(Form::Path, |it, word| {
                it.paths.push(PathMatch::Prefix(values::path(word.text)?.into()));
                Ok(())
            }),
            default: Default::None,
            doc: "The path's first bytes: `/dir` takes `/dir/x` and `/dirx`. If none of `path`, \
                  `prefix`, `segment` and `regex` is written, this is `/`.",
        },
        Key {
            name: "segment",
            value: Value::Text(Form::Path, |it, word| {
                let path = values::path(word.text)?;
                // `/` as a segment holds all paths, which is what the prefix `/` says.
                it.paths.push(match path.trim_end_matches('/') {
                    "" => PathMatch::Prefix("/".into()),
                    trimmed => PathMatch::Segment(trimmed.into()),
                });
                Ok(())
            }),
            default: Default::None,
            doc: "The path's first segments: `/dir` takes `/dir` and `/dir/x`, not `/dirx`.",
        },
        Key {
            name: "regex",
            value: Value::Text(Form::Pattern, |it, word| {
                it.paths.push(PathMatch::Regex(values::pattern(word.text, true)?));
                Ok(())
            }),
            default: Default::None,
            doc: "A pattern for the whole path, in the syntax of Rust's regex crate: linear time, \
                  no look-around, no back-references.",
        },
        Key {
            name: "methods",
            value: Value::Texts(Form::Method, |it, word| {
                it.methods.push(values::method(word.text)?);
                Ok(())
            }),
            default: Default::None,
            doc: "One of these methods; none written: any method.",
        },
        Key {
            name: "headers",
            value: Value::Nested(&Within {
                section: &HEADER,
                place: Place::Array(Some("name"), |it: &mut Match| &mut it.headers),
            }),
            default: Default::None,
            doc: "Conditions on headers; all must hold.",
        },
        Key {
            name: "query",
            value: Value::Nested(&Within {
                section: &QUERY,
                place: Place::Array(Some("name"), |it: &mut Match| &mut it.query),
            }),
            default: Default::None,
            doc: "Conditions on parameters of the query; all must hold.",
        },
    ],
};

/// One of `headers`.
static HEADER: Section<Condition> = Section {
    what: "a header's condition",
    blank: Condition::default,
    defaults: OnceLock::new(),
    keys: &[
        Key {
            name: "name",
            value: Value::Text(Form::Field, |it, word| {
                it.name = values::field_name(word.text)?.to_ascii_lowercase().into();
                Ok(())
            }),
            default: Default::Required,
            doc: "The header's name, in any letter case.",
        },
        EXACT,
        PREFIX,
        SUFFIX,
        REGEX,
        RANGE,
        PRESENT,
        Key {
            name: "invert",
            value: Value::Bool(|it, on| it.invert = on),
            default: Default::Is("false"),
            doc: "Turn the condition round; a request without the header then matches.",
        },
    ],
};

/// One of `query`.
static QUERY: Section<Condition> = Section {
    what: "a parameter's condition",
    blank: Condition::default,
    defaults: OnceLock::new(),
    keys: &[
        Key {
            name: "name",
            value: Value::Text(Form::Plain, |it, word| {
                if word.text.is_empty() {
                    return Err(Wrong::new("the name of a parameter is empty"));
                }
                it.name = word.text.into();
                Ok(())
            }),
            default: Default::Required,
            doc: "The parameter's name as it stands in the query: nothing is decoded.",
        },
        EXACT,
        PREFIX,
        SUFFIX,
        REGEX,
        RANGE,
        PRESENT,
    ],
};

const EXACT: Key<Condition> = Key {
    name: "exact",
    value: Value::Text(Form::Plain, |it, word| {
        it.values.push(ValueMatch::Exact(values::field_value(word.text)?.as_bytes().into()));
        Ok(())
    }),
    default: Default::None,
    doc: "The whole value.",
};

const PREFIX: Key<Condition> = Key {
    name: "prefix",
    value: Value::Text(Form::Plain, |it, word| {
        it.values.push(ValueMatch::Prefix(values::field_value(word.text)?.as_bytes().into()));
        Ok(())
    }),
    default: Default::None,
    doc: "The value's first bytes.",
};

const SUFFIX: Key<Condition> = Key {
    name: "suffix",
    value: Value::Text(Form::Plain, |it, word| {
        it.values.push(ValueMatch::Suffix(values::field_value(word.text)?.as_bytes().into()));
        Ok(())
    }),
    default: Default::None,
    doc: "The value's last bytes.",
};

const REGEX: Key<Condition> = Key {
    name: "regex",
    value: Value::Text(Form::Pattern, |it, word| {
        it.values.push(ValueMatch::Regex(values::pattern(word.text, true)?));
        Ok(())
    }),
    default: Default::None,
    doc: "A pattern for the whole value.",
};

const RANGE: Key<Condition> = Key {
    name: "range",
    value: Value::Interval(|it, start, end| it.values.push(ValueMatch::Range { start, end })),
    default: Default::None,
    doc: "A decimal integer from the first number to below the last: `[200, 300]`.",
};

const PRESENT: Key<Condition> = Key {
    name: "present",
    value: Value::Choice(&[("true", |it| it.values.push(ValueMatch::Present))]),
    default: Default::None,
    doc: "There at all, with any value. This holds too if no comparison is written.",
};
