//! The tree: tables, arrays and scalars, each with its place.

use std::borrow::Cow;
use std::collections::HashMap;

use crate::document::Span;

/// A value and its place.
#[derive(Debug)]
pub(crate) struct Node<'d> {
    /// The value; of a table that a [header] opens, the header; of one that is only implied, the
    /// key that implies it.
    pub(crate) span: Span,
    pub(crate) value: Value<'d>,
}

/// What TOML can say.
#[derive(Debug)]
pub(crate) enum Value<'d> {
    Text(Cow<'d, str>),
    Integer(i64),
    Float(f64),
    Boolean(bool),
    Date,
    Array(Array<'d>),
    Table(Table<'d>),
}

/// A key, decoded, and its place.
#[derive(Debug, Clone)]
pub(crate) struct Key<'d> {
    pub(crate) text: Cow<'d, str>,
    pub(crate) span: Span,
}

/// An array.
#[derive(Debug)]
pub(crate) struct Array<'d> {
    pub(crate) items: Vec<Node<'d>>,
    /// True if `[[…]]` made it: only then can another `[[…]]` append to it.
    pub(super) of_tables: bool,
}

/// A table, in the file's order.
#[derive(Debug)]
pub(crate) struct Table<'d> {
    entries: Vec<(Key<'d>, Node<'d>)>,
    /// Key to entry, once there are too many entries to look through.
    index: Option<Box<Index<'d>>>,
    pub(super) origin: Origin,
}

/// Key to position. Boxed, since few of the many tables have one.
#[derive(Debug)]
struct Index<'d> {
    positions: HashMap<Cow<'d, str>, usize>,
}

/// How a table came to be; it decides what may be added to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Origin {
    /// By the header of a table within it; a header of its own may still come.
    Implied,
    /// By its header.
    Header,
    /// By a dotted key.
    Dotted,
    /// By braces: complete.
    Inline,
}

impl<'d> Table<'d> {
    /// So many entries are looked through one by one.
    const SCANNED_MAX: usize = 16;

    pub(super) fn new(origin: Origin) -> Table<'d> {
        Table { entries: Vec::new(), index: None, origin }
    }

    /// In the file's order.
    pub(crate) fn iter(&self) -> std::slice::Iter<'_, (Key<'d>, Node<'d>)> {
        self.entries.iter()
    }

    /// True if there is such a key.
    pub(crate) fn has(&self, key: &str) -> bool {
        self.position(key).is_some()
    }

    pub(super) fn position(&self, key: &str) -> Option<usize> {
        match &self.index {
            Some(index) => index.positions.get(key).copied(),
            None => self.entries.iter().position(|(other, _)| other.text == key),
        }
    }

    pub(super) fn at(&mut self, position: usize) -> &mut (Key<'d>, Node<'d>) {
        &mut self.entries[position]
    }

    /// Adds an entry whose key is not there yet; its position.
    pub(super) fn push(&mut self, key: Key<'d>, node: Node<'d>) -> usize {
        let position = self.entries.len();
        if let Some(index) = &mut self.index {
            index.positions.insert(key.text.clone(), position);
        }
        // Most tables have an entry or two; `push` alone would begin with room for four.
        if position == self.entries.capacity() {
            self.entries.reserve_exact(position.max(1));
        }
        self.entries.push((key, node));
        if position == Self::SCANNED_MAX {
            let texts = self.entries.iter().map(|(key, _)| key.text.clone());
            self.index = Some(Box::new(Index { positions: texts.zip(0..).collect() }));
        }
        position
    }
}
