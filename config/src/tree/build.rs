//! The parser's events to the tree.

use std::borrow::Cow;

use toml_parser::decoder::{Encoding, ScalarKind};
use toml_parser::parser::EventReceiver;
use toml_parser::{ErrorSink, ParseError, Raw, Source, Span};

use super::nodes::{Array, Key, Node, Origin, Table, Value};
use super::tables;

/// Deeper is an error: brackets in brackets, and the parts of a dotted key.
const DEPTH_MAX: usize = 32;

/// The tree so far, and what is being read.
pub(super) struct Builder<'d> {
    source: Source<'d>,
    root: Table<'d>,
    /// To the table that keys go into.
    path: Vec<usize>,
    /// The last header was wrong: nobody knows where the keys below it belong.
    lost: bool,
    /// The header that is being read.
    header: Option<Span>,
    /// The dotted key that is being read, or waits for its value.
    keys: Vec<Key<'d>>,
    /// Arrays and inline tables that are not yet closed.
    open: Vec<Open<'d>>,
}

struct Open<'d> {
    start: Span,
    value: Value<'d>,
    /// Where the value will go.
    keys: Vec<Key<'d>>,
}

impl<'d> Builder<'d> {
    pub(super) fn new(source: Source<'d>) -> Builder<'d> {
        Builder {
            source,
            root: Table::new(Origin::Header),
            path: Vec::new(),
            lost: false,
            header: None,
            keys: Vec::new(),
            open: Vec::new(),
        }
    }

    pub(super) fn source(&self) -> Source<'d> {
        self.source
    }

    /// An expression is over: a key, a header or an empty line.
    pub(super) fn end_of_expression(&mut self, failed: bool) {
        if self.header.take().is_some() {
            self.lost = failed;
        }
        self.keys.clear();
        self.open.clear();
    }

    pub(super) fn finish(self) -> Table<'d> {
        self.root
    }

    fn raw(&self, span: Span, encoding: Option<Encoding>) -> Raw<'d> {
        let raw = self.source.get(span).expect("the parser's spans are of this source");
        Raw::new_unchecked(raw.as_str(), encoding, span)
    }

    /// A value is complete: it goes to what is open, or to the current table.
    fn put(&mut self, node: Node<'d>, errors: &mut dyn ErrorSink) {
        let keys = std::mem::take(&mut self.keys);
        let result = match self.open.last_mut().map(|open| &mut open.value) {
            Some(Value::Array(array)) => {
                array.items.push(node);
                Ok(())
            }
            Some(Value::Table(table)) => tables::insert(table, &keys, node),
            _ if self.lost => Ok(()),
            _ => tables::insert(tables::follow(&mut self.root, &self.path), &keys, node),
        };
        result.unwrap_or_else(|error| errors.report_error(error));
        // The memory serves the next key.
        self.keys = keys;
        self.keys.clear();
    }

    fn open(&mut self, start: Span, value: Value<'d>, errors: &mut dyn ErrorSink) -> bool {
        if self.open.len() == DEPTH_MAX {
            errors.report_error(too_deep(start));
            return false;
        }
        self.open.push(Open { start, value, keys: std::mem::take(&mut self.keys) });
        true
    }

    fn close(&mut self, end: Span, errors: &mut dyn ErrorSink) {
        if let Some(mut open) = self.open.pop() {
            self.keys = open.keys;
            if let Value::Array(array) = &mut open.value {
                array.items.shrink_to_fit();
            }
            let span = open.start.append(end).into();
            self.put(Node { span, value: open.value }, errors);
        }
    }

    fn header(&mut self, end: Span, of_array: bool, errors: &mut dyn ErrorSink) {
        let Some(start) = self.header else { return };
        let header = start.append(end).into();
        match tables::open(&mut self.root, &self.keys, header, of_array) {
            Ok(path) => self.path = path,
            Err(error) => errors.report_error(error),
        }
    }
}

impl EventReceiver for Builder<'_> {
    fn std_table_open(&mut self, span: Span, _: &mut dyn ErrorSink) {
        self.header = Some(span);
    }

    fn std_table_close(&mut self, span: Span, errors: &mut dyn ErrorSink) {
        self.header(span, false, errors);
    }

    fn array_table_open(&mut self, span: Span, _: &mut dyn ErrorSink) {
        self.header = Some(span);
    }

    fn array_table_close(&mut self, span: Span, errors: &mut dyn ErrorSink) {
        self.header(span, true, errors);
    }

    fn inline_table_open(&mut self, span: Span, errors: &mut dyn ErrorSink) -> bool {
        self.open(span, Value::Table(Table::new(Origin::Inline)), errors)
    }

    fn inline_table_close(&mut self, span: Span, errors: &mut dyn ErrorSink) {
        self.close(span, errors);
    }

    fn array_open(&mut self, span: Span, errors: &mut dyn ErrorSink) -> bool {
        let array = Array { items: Vec::new(), of_tables: false };
        self.open(span, Value::Array(array), errors)
    }

    fn array_close(&mut self, span: Span, errors: &mut dyn ErrorSink) {
        self.close(span, errors);
    }

    fn simple_key(&mut self, span: Span, kind: Option<Encoding>, errors: &mut dyn ErrorSink) {
        if self.keys.len() == DEPTH_MAX {
            return errors.report_error(too_deep(span));
        }
        let mut text = Cow::Borrowed("");
        self.raw(span, kind).decode_key(&mut text, errors);
        self.keys.push(Key { text, span: span.into() });
    }

    fn scalar(&mut self, span: Span, kind: Option<Encoding>, errors: &mut dyn ErrorSink) {
        let mut text = Cow::Borrowed("");
        let value = match self.raw(span, kind).decode_scalar(&mut text, errors) {
            ScalarKind::String => Value::Text(text),
            ScalarKind::Boolean(value) => Value::Boolean(value),
            ScalarKind::DateTime => Value::Date,
            // `inf` and `nan` are such texts too.
            ScalarKind::Float => Value::Float(text.parse().unwrap_or(f64::NAN)),
            ScalarKind::Integer(radix) => match i64::from_str_radix(&text, radix.value()) {
                Ok(integer) => Value::Integer(integer),
                Err(_) => {
                    let error = ParseError::new("this integer is beyond 64 bits");
                    return errors.report_error(error.with_unexpected(span));
                }
            },
        };
        self.put(Node { span: span.into(), value }, errors);
    }
}

fn too_deep(span: Span) -> ParseError {
    ParseError::new("this is nested too deeply").with_unexpected(span)
}
