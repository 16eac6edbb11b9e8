//! In words: what may be written as a value. Messages and documentation share them.

use super::key::{Form, Kind, Occurs, Value};
use crate::values::{show_duration, show_size};

impl Kind {
    /// Such as "a duration, 1ms to 1h, or false".
    pub(crate) fn words(&self) -> String {
        let or = |none: &Option<&str>| none.map(|none| format!(", or {none}")).unwrap_or_default();
        match self {
            Kind::Bool => "true or false".to_owned(),
            Kind::Choice(options) => match options.split_last() {
                Some((last, rest)) if !rest.is_empty() => format!("{} or {last}", rest.join(", ")),
                _ => options.concat(),
            },
            Kind::Count(none, range) => {
                format!("an integer, {} to {}{}", range.start(), range.end(), or(none))
            }
            Kind::Duration(none, range) => {
                let (least, most) = (show_duration(*range.start()), show_duration(*range.end()));
                format!("a duration, {least} to {most}{}", or(none))
            }
            Kind::Size(range) => {
                format!("a size, {} to {}", show_size(*range.start()), show_size(*range.end()))
            }
            Kind::Share => "a share, 0 to 1".to_owned(),
            Kind::Text(none, form) => format!("{}{}", form.words(), or(none)),
            Kind::Texts(form) => format!("an array, each {}", form.words()),
            Kind::OneOrMore(form) => format!("{}, or an array of them", form.words()),
            Kind::Interval => "an array of two integers".to_owned(),
            Kind::Fields => "a table of header names and templates".to_owned(),
            Kind::Members => "a table of names and templates".to_owned(),
            Kind::Nested(Occurs::Once, _) => "a table".to_owned(),
            Kind::Nested(Occurs::Array(None), _) => "an array of tables".to_owned(),
            Kind::Nested(Occurs::Array(Some(short)), _) => {
                format!("an array, each a table or its `{short}` alone")
            }
            Kind::Nested(Occurs::Named, _) => "a table of named tables".to_owned(),
            Kind::Nested(Occurs::NamedArrays, _) => "a table of named arrays of tables".to_owned(),
        }
    }
}

impl<T> Value<T> {
    /// The value without the place that it sets.
    pub(crate) fn kind(&self) -> Kind {
        match self {
            Value::Bool(_) => Kind::Bool,
            Value::Choice(options) => {
                Kind::Choice(options.iter().map(|(literal, _)| *literal).collect())
            }
            Value::Count(range, _) => Kind::Count(None, range.clone()),
            Value::CountOr(none, range, _) => Kind::Count(Some(none), range.clone()),
            Value::Duration(range, _) => Kind::Duration(None, range.clone()),
            Value::DurationOrFalse(range, _) => Kind::Duration(Some("false"), range.clone()),
            Value::Share(_) => Kind::Share,
            Value::Size(range, _) => Kind::Size(range.clone()),
            Value::Text(form, _) => Kind::Text(None, *form),
            Value::TextOrFalse(form, _) => Kind::Text(Some("false"), *form),
            Value::Texts(form, _) => Kind::Texts(*form),
            Value::OneOrMore(form, _) => Kind::OneOrMore(*form),
            Value::Interval(_) => Kind::Interval,
            Value::Fields(_) => Kind::Fields,
            Value::Members(_) => Kind::Members,
            Value::Nested(nested) => nested.kind(),
        }
    }
}

impl Form {
    /// Such as "a path".
    pub(crate) fn words(self) -> &'static str {
        match self {
            Form::Address => "an address, \"ip:port\" or \"unix:/path\"",
            Form::Body => "a text",
            Form::Field => "a header's name",
            Form::File => "a file's absolute path",
            Form::Host => "a host pattern",
            Form::LineFormat => "\"envoy\", \"json\" or a template",
            Form::Method => "a method",
            Form::Name => "a name",
            Form::Path => "a path",
            Form::Pattern => "a regular expression",
            Form::Plain => "a text",
            Form::Pseudonym => "a word",
            Form::Substitution => "a text with \\1 for groups",
            Form::TargetHost => "a host",
        }
    }

    /// What an editor can check of it: a pattern of ECMA-262.
    pub(crate) fn pattern(self) -> Option<&'static str> {
        match self {
            Form::Address => Some(r"^(unix:/.+|(\[[0-9A-Fa-f:.]+\]|[0-9.]+):[0-9]+)$"),
            Form::Field | Form::Method | Form::Pseudonym => Some(r"^[A-Za-z0-9!#$%&'*+.^_`|~-]+$"),
            Form::File => Some(r"^/(.*[^/])$"),
            Form::Name => Some(r"^[A-Za-z0-9_.:/|@~+-]{1,200}$"),
            Form::Path => Some(r"^/[^?#\s]*$"),
            Form::Body | Form::Host | Form::LineFormat | Form::Pattern | Form::Plain => None,
            Form::Substitution | Form::TargetHost => None,
        }
    }
}
