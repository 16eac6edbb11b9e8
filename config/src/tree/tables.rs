//! TOML's rules about tables: which header or dotted key may add what to which table.
//!
//! <https://toml.io/en/v1.1.0#table>: a table is defined once, by its header, by dotted keys or by
//! braces; a header may enter what another header or a dotted key made, and nothing else.

use toml_parser::ParseError;

use super::nodes::{Array, Key, Node, Origin, Table, Value};
use crate::document::Span;

/// A refusal: the key at fault and the place that it conflicts with.
pub(super) type Refused = ParseError;

/// Puts `node` at the dotted key `keys`, below `table`.
pub(super) fn insert<'d>(
    mut table: &mut Table<'d>,
    keys: &[Key<'d>],
    node: Node<'d>,
) -> Result<(), Refused> {
    let Some((last, parents)) = keys.split_last() else { return Ok(()) };
    for key in parents {
        let position = table.position(&key.text);
        let position = position.unwrap_or_else(|| add(table, key, Origin::Dotted));
        let (first, node) = table.at(position);
        table = match &mut node.value {
            Value::Table(inner) if matches!(inner.origin, Origin::Implied | Origin::Dotted) => {
                inner.origin = Origin::Dotted;
                inner
            }
            _ => return Err(defined(key, first)),
        };
    }
    match table.position(&last.text) {
        Some(position) => Err(defined(last, &table.at(position).0)),
        None => {
            table.push(last.clone(), node);
            Ok(())
        }
    }
}

/// Makes the table of a `[header]`, or the next one of a `[[header]]`; the positions that lead to
/// it from `root`.
pub(super) fn open<'d>(
    root: &mut Table<'d>,
    keys: &[Key<'d>],
    header: Span,
    of_array: bool,
) -> Result<Vec<usize>, Refused> {
    let mut path = Vec::with_capacity(keys.len());
    let Some((last, parents)) = keys.split_last() else { return Ok(path) };
    let mut table = root;
    for key in parents {
        let position = table.position(&key.text);
        let position = position.unwrap_or_else(|| add(table, key, Origin::Implied));
        path.push(position);
        let (first, node) = table.at(position);
        table = match enter(node) {
            Some(inner) => inner,
            None => return Err(defined(key, first)),
        };
    }
    let position = table.position(&last.text);
    if of_array {
        let position = position.unwrap_or_else(|| {
            let value = Value::Array(Array { items: Vec::new(), of_tables: true });
            table.push(last.clone(), Node { span: last.span, value })
        });
        path.push(position);
        let (first, node) = table.at(position);
        return match &mut node.value {
            Value::Array(array) if array.of_tables => {
                let value = Value::Table(Table::new(Origin::Header));
                array.items.push(Node { span: header, value });
                Ok(path)
            }
            _ => Err(defined(last, first)),
        };
    }
    let position = position.unwrap_or_else(|| add(table, last, Origin::Implied));
    path.push(position);
    let (first, node) = table.at(position);
    node.span = match &mut node.value {
        Value::Table(inner) if inner.origin == Origin::Implied => {
            inner.origin = Origin::Header;
            header
        }
        _ => return Err(defined(last, first)),
    };
    Ok(path)
}

/// The table that `path`, made by [`open`], leads to.
pub(super) fn follow<'t, 'd>(root: &'t mut Table<'d>, path: &[usize]) -> &'t mut Table<'d> {
    path.iter().fold(root, |table, &position| {
        enter(&mut table.at(position).1).expect("`open` went this way")
    })
}

/// The table behind a node that a header may go through.
fn enter<'t, 'd>(node: &'t mut Node<'d>) -> Option<&'t mut Table<'d>> {
    match &mut node.value {
        Value::Table(table) if table.origin != Origin::Inline => Some(table),
        Value::Array(array) if array.of_tables => match &mut array.items.last_mut()?.value {
            Value::Table(table) => Some(table),
            _ => None,
        },
        _ => None,
    }
}

fn add<'d>(table: &mut Table<'d>, key: &Key<'d>, origin: Origin) -> usize {
    table.push(key.clone(), Node { span: key.span, value: Value::Table(Table::new(origin)) })
}

fn defined(key: &Key<'_>, first: &Key<'_>) -> Refused {
    ParseError::new(format!("`{}` is defined twice", key.text))
        .with_unexpected(key.span.into())
        .with_context(first.span.into())
}
