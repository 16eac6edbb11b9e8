//! A row of the key table: name, value, default, meaning.
//!
//! Reading (`read.rs`), the JSON schema (`schema.rs`) and the check of docs/CONFIG.md all follow
//! from these rows; a new key is one row and the field that it sets.

use std::ops::RangeInclusive;
use std::sync::OnceLock;
use std::time::Duration;

use super::{Item, Name, Named};
use crate::document::{Findings, Span, Wrong};
use crate::template::Template;
use crate::tree::Node;

/// A table of the file: its keys, read into a `T`.
pub(crate) struct Section<T: 'static> {
    /// What a problem calls it: `a route`.
    pub(crate) what: &'static str,
    /// In the order of the documentation.
    pub(crate) keys: &'static [Key<T>],
    /// A `T` in which no key is set, not even to its default.
    pub(crate) blank: fn() -> T,
    /// `blank` after all defaults; made at first use.
    pub(crate) defaults: OnceLock<T>,
}

/// One key of a section.
pub(crate) struct Key<T: 'static> {
    pub(crate) name: &'static str,
    pub(crate) value: Value<T>,
    pub(crate) default: Default,
    /// One or two sentences of Markdown.
    pub(crate) doc: &'static str,
}

/// What holds if the key is not written.
#[derive(Clone, Copy)]
pub(crate) enum Default {
    /// The key must be written.
    Required,
    /// Nothing; the meaning says what that is.
    None,
    /// As if this TOML had been written.
    Is(&'static str),
}

/// What may be written, and where it goes.
pub(crate) enum Value<T: 'static> {
    Bool(fn(&mut T, bool)),
    /// One of some TOML literals.
    Choice(Options<T>),
    Count(RangeInclusive<u64>, fn(&mut T, u64)),
    /// A count, or this literal for none.
    CountOr(&'static str, RangeInclusive<u64>, fn(&mut T, Option<u64>)),
    /// In milliseconds.
    Duration(RangeInclusive<u64>, fn(&mut T, Duration)),
    /// In milliseconds; `false` for none.
    DurationOrFalse(RangeInclusive<u64>, fn(&mut T, Option<Duration>)),
    /// A share of the whole, 0 to 1.
    Share(fn(&mut T, f64)),
    /// In bytes.
    Size(RangeInclusive<u64>, fn(&mut T, usize)),
    Text(Form, SetText<T>),
    /// A text, or `false` for none.
    TextOrFalse(Form, fn(&mut T, Option<&Word<'_>>) -> Result<(), Wrong>),
    /// An array of texts.
    Texts(Form, SetText<T>),
    /// A text, or an array of texts.
    OneOrMore(Form, SetText<T>),
    /// `[start, end]`
    Interval(fn(&mut T, i64, i64)),
    /// A table of field names and templates.
    Fields(SetField<T>),
    /// A table of names and templates of the access log.
    Members(SetField<T>),
    /// Tables with keys of their own.
    Nested(&'static dyn Nested<T>),
}

/// TOML literals, and what each of them sets.
pub(crate) type Options<T> = &'static [(&'static str, fn(&mut T))];

/// Parses a text and puts it into its place.
pub(crate) type SetText<T> = fn(&mut T, &Word<'_>) -> Result<(), Wrong>;

/// Puts a name and its value into their place.
pub(crate) type SetField<T> = fn(&mut T, Box<str>, Template);

/// A text of the file.
pub(crate) struct Word<'d> {
    pub(crate) text: &'d str,
    pub(crate) span: Span,
}

impl Word<'_> {
    /// The word as a name that other parts of the file can refer to.
    pub(crate) fn name(&self) -> Result<Name, Wrong> {
        Ok(Name { text: crate::values::name(self.text)?, span: self.span })
    }
}

/// What a text must look like; the words and patterns are in `form.rs`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    Address,
    Body,
    Field,
    File,
    Host,
    LineFormat,
    Method,
    Name,
    Path,
    Pattern,
    Plain,
    Pseudonym,
    Substitution,
    TargetHost,
}

/// Where the tables of a section stand in their parent.
pub(crate) struct Within<T: 'static, U: 'static> {
    pub(crate) section: &'static Section<U>,
    pub(crate) place: Place<T, U>,
}

/// How often a section may stand in its parent, and what it is written into.
pub(crate) enum Place<T: 'static, U: 'static> {
    /// A table that has its defaults if it is not written.
    Always(fn(&mut T) -> &mut U),
    /// A table that means something by being there.
    Optional(fn(&mut T) -> &mut Option<Item<U>>),
    /// An array of tables; with a key, a bare text stands for a table of that key alone.
    Array(Option<&'static str>, fn(&mut T) -> &mut Vec<Item<U>>),
    /// A table of tables; the header that each of them has.
    Named(&'static str, fn(&mut T) -> &mut Named<Item<U>>),
    /// A table of arrays of tables.
    NamedArrays(fn(&mut T) -> &mut Named<Vec<Item<U>>>),
}

/// A [`Within`] whose own type is forgotten.
pub(crate) trait Nested<T>: Sync {
    /// Reads what stands there into its place.
    fn read(&self, into: &mut T, node: &Node<'_>, out: &mut Findings);
    /// What may stand there.
    fn kind(&self) -> Kind;
}

/// A [`Section`] without its types.
pub(crate) trait Shape: Sync {
    /// What a problem calls it.
    fn what(&self) -> &'static str;
    /// Its keys.
    fn rows(&self) -> Vec<Row>;
}

/// A [`Key`] without its types: what schema and documentation show.
pub(crate) struct Row {
    pub(crate) name: &'static str,
    pub(crate) kind: Kind,
    pub(crate) default: Default,
    pub(crate) doc: &'static str,
}

/// A [`Value`] without the place that it sets.
pub(crate) enum Kind {
    Bool,
    Choice(Vec<&'static str>),
    Count(Option<&'static str>, RangeInclusive<u64>),
    Duration(Option<&'static str>, RangeInclusive<u64>),
    Share,
    Size(RangeInclusive<u64>),
    Text(Option<&'static str>, Form),
    Texts(Form),
    OneOrMore(Form),
    Interval,
    Fields,
    Members,
    Nested(Occurs, &'static dyn Shape),
}

/// [`Place`] without its types.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Occurs {
    Once,
    Array(Option<&'static str>),
    Named,
    NamedArrays,
}
