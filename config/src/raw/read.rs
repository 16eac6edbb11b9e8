//! Reading a section: each key of the table is looked up among the rows and put into its place.
//!
//! One wrong key does not hide the next: all go to the findings, and the item is marked unsound.

use super::file::FILE;
use super::key::{
    Default, Form, Key, Kind, Nested, Occurs, Place, Row, Section, Shape, Within, Word,
};
use super::value::{empty, found};
use super::{Item, Name};
use crate::document::{Findings, Span, Wrong};
use crate::tree::{self, Node, Table, Value};
use crate::values;

impl<T: Clone> Section<T> {
    /// What holds if nothing is written.
    pub(crate) fn defaults(&self) -> &T {
        self.defaults.get_or_init(|| {
            let mut value = (self.blank)();
            for key in self.keys {
                if let Default::Is(literal) = key.default {
                    // A test proves that each default reads without an error.
                    let text = format!("{} = {literal}", key.name);
                    let (table, _) = tree::parse(&text);
                    for (_, node) in table.iter() {
                        key.value.read(&mut value, node, &mut Findings::default());
                    }
                }
            }
            value
        })
    }

    /// Reads a table.
    pub(crate) fn read(&self, table: &Table<'_>, span: Span, out: &mut Findings) -> Item<T> {
        let before = out.count();
        let mut value = self.defaults().clone();
        for (name, node) in table.iter() {
            match self.keys.iter().find(|key| key.name == name.text) {
                Some(key) => key.value.read(&mut value, node, out),
                None => out.push(name.span, self.unknown(&name.text, out)),
            }
        }
        for key in self.keys.iter().filter(|key| matches!(key.default, Default::Required)) {
            if !table.has(key.name) {
                out.push(span, missing(self.what, key));
            }
        }
        Item { span, sound: out.count() == before, value }
    }

    /// A key that no row names.
    fn unknown(&self, name: &str, out: &Findings) -> Wrong {
        let wrong = Wrong::new(format!("unknown key {} in {}", values::quote(name), self.what));
        if out.is_full() {
            return wrong;
        }
        if let Some(near) = values::nearest(name, self.keys.iter().map(|key| key.name)) {
            return wrong.help(format!("did you mean `{near}`?"));
        }
        let inner = self.keys.iter().find(|key| has_key(&key.value.kind(), name));
        if let Some(inner) = inner {
            return wrong.help(format!("`{name}` is a key of `{}`", inner.name));
        }
        let mut owners = Vec::new();
        sections_with(name, &FILE, &mut owners);
        if let Some((last, rest)) = owners.split_last() {
            let owners = match rest {
                [] => (*last).to_owned(),
                rest => format!("{} and of {last}", rest.join(", of ")),
            };
            return wrong.help(format!("`{name}` is a key of {owners}"));
        }
        let keys: Vec<&str> = self.keys.iter().map(|key| key.name).collect();
        wrong.help(format!("the keys are {}", keys.join(", ")))
    }
}

impl<T: Send + Sync> Shape for Section<T> {
    fn what(&self) -> &'static str {
        self.what
    }

    fn rows(&self) -> Vec<Row> {
        let row = |key: &Key<T>| Row {
            name: key.name,
            kind: key.value.kind(),
            default: key.default,
            doc: key.doc,
        };
        self.keys.iter().map(row).collect()
    }
}

fn missing<T>(what: &str, key: &Key<T>) -> Wrong {
    let wrong = Wrong::new(format!("{what} needs the key `{}`", key.name));
    match key.value.kind() {
        Kind::Nested(Occurs::Array(None), _) => wrong.help(format!("begin one: [[{}]]", key.name)),
        kind => wrong.help(format!("it is {}", kind.words())),
    }
}

/// The sections from `shape` inwards that have a key of this name.
fn sections_with(name: &str, shape: &dyn Shape, found: &mut Vec<&'static str>) {
    for row in shape.rows() {
        if row.name == name && !found.contains(&shape.what()) {
            found.push(shape.what());
        }
        if let Kind::Nested(_, inner) = row.kind {
            sections_with(name, inner, found);
        }
    }
}

fn has_key(kind: &Kind, name: &str) -> bool {
    matches!(kind, Kind::Nested(_, shape) if shape.rows().iter().any(|row| row.name == name))
}

impl<T, U: Clone + Send + Sync> Nested<T> for Within<T, U> {
    fn read(&self, into: &mut T, node: &Node<'_>, out: &mut Findings) {
        let section = self.section;
        match self.place {
            Place::Always(place) => {
                if let Some(table) = self.table(node, out) {
                    *place(into) = section.read(table, node.span, out).value;
                }
            }
            Place::Optional(place) => {
                if let Some(table) = self.table(node, out) {
                    *place(into) = Some(section.read(table, node.span, out));
                }
            }
            Place::Array(short, place) => self.array(short, place(into), node, out),
            Place::Named(header, place) => {
                for (name, node) in self.names(node, out) {
                    // A name is known even if what it names is wrong.
                    let item = match &node.value {
                        Value::Table(table) => section.read(table, node.span, out),
                        _ => {
                            let help = format!("{} has a table of its own: {header}", section.what);
                            out.push(node.span, no_table(node).help(help));
                            let value = section.defaults().clone();
                            Item { span: node.span, sound: false, value }
                        }
                    };
                    place(into).push((name, item));
                }
            }
            Place::NamedArrays(place) => {
                for (name, node) in self.names(node, out) {
                    let mut items = Vec::new();
                    self.array(None, &mut items, node, out);
                    place(into).push((name, items));
                }
            }
        }
    }

    fn kind(&self) -> Kind {
        let occurs = match self.place {
            Place::Always(_) | Place::Optional(_) => Occurs::Once,
            Place::Array(short, _) => Occurs::Array(short),
            Place::Named(..) => Occurs::Named,
            Place::NamedArrays(_) => Occurs::NamedArrays,
        };
        Kind::Nested(occurs, self.section)
    }
}

fn no_table(node: &Node<'_>) -> Wrong {
    Wrong::new(format!("expected a table, found {}", found(node)))
}

impl<T, U: Clone + Send + Sync> Within<T, U> {
    fn table<'n, 'd>(&self, node: &'n Node<'d>, out: &mut Findings) -> Option<&'n Table<'d>> {
        if let Value::Table(table) = &node.value {
            return Some(table);
        }
        let wrong = no_table(node);
        let wrong = match &node.value {
            Value::Text(path) if path.starts_with('/') && self.takes_prefix() => {
                wrong.help(format!("write {{ prefix = {path:?} }}"))
            }
            _ => wrong,
        };
        out.push(node.span, wrong);
        None
    }

    /// Whether a path that stands alone may have been meant as its `prefix`.
    fn takes_prefix(&self) -> bool {
        let is_prefix = |kind: Kind| matches!(kind, Kind::Text(None, Form::Path));
        self.section.keys.iter().any(|key| key.name == "prefix" && is_prefix(key.value.kind()))
    }

    /// An array of tables, or of what stands for them.
    fn array(
        &self,
        short: Option<&str>,
        into: &mut Vec<Item<U>>,
        node: &Node<'_>,
        out: &mut Findings,
    ) {
        let Value::Array(array) = &node.value else {
            let wrong = Wrong::new(format!("expected an array, found {}", found(node)));
            let help = match (&node.value, short) {
                (Value::Text(text), Some(_)) => format!("write [{text:?}]"),
                _ => "write `[ … ]`, or `[[ … ]]` above each table".to_owned(),
            };
            return out.push(node.span, wrong.help(help));
        };
        if array.items.is_empty() {
            return out.push(node.span, empty());
        }
        for element in &array.items {
            let key = self.section.keys.iter().find(|key| Some(key.name) == short);
            match (&element.value, key) {
                (Value::Table(table), _) => into.push(self.section.read(table, element.span, out)),
                (Value::Text(_), Some(key)) => {
                    let before = out.count();
                    let mut value = self.section.defaults().clone();
                    key.value.read(&mut value, element, out);
                    into.push(Item { span: element.span, sound: out.count() == before, value });
                }
                (_, Some(key)) => {
                    let words = key.value.kind().words();
                    let wrong = format!("expected {words}, or a table, found {}", found(element));
                    out.push(element.span, Wrong::new(wrong));
                }
                (_, None) => drop(self.table(element, out)),
            }
        }
    }

    /// The entries of a table whose keys are names.
    fn names<'n, 'd>(&self, node: &'n Node<'d>, out: &mut Findings) -> Vec<(Name, &'n Node<'d>)> {
        let mut names = Vec::new();
        for (key, node) in self.table(node, out).into_iter().flat_map(Table::iter) {
            match (Word { text: &key.text, span: key.span }).name() {
                Ok(name) => names.push((name, node)),
                Err(wrong) => out.push(key.span, wrong),
            }
        }
        names
    }
}
