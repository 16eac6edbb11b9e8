//! The JSON Schema of the file (draft 2020-12), for editors: made from the rows of `raw`.
//!
//! It is looser than `load`, which also judges what values mean together.

use serde_json::{Map, Value, json};

use crate::raw::file::FILE;
use crate::raw::key::{Default, Form, Kind, Occurs, Row, Shape};

/// The schema; `config/schema.json` holds it, `outrigger schema` prints it.
pub fn schema() -> Value {
    let mut schema = object(&FILE);
    schema["$schema"] = "https://json-schema.org/draft/2020-12/schema".into();
    schema["title"] = "Outrigger".into();
    schema["description"] = "The configuration of Outrigger, a sidecar proxy.".into();
    schema
}

fn object(shape: &dyn Shape) -> Value {
    let rows = shape.rows();
    let required = rows.iter().filter(|row| matches!(row.default, Default::Required));
    let required: Vec<&str> = required.map(|row| row.name).collect();
    let properties: Map<String, Value> =
        rows.iter().map(|row| (row.name.to_owned(), property(row))).collect();
    json!({
        "type": "object",
        "properties": properties,
        "required": required,
        "additionalProperties": false,
    })
}

fn property(row: &Row) -> Value {
    let mut property = kind(&row.kind);
    property["description"] = format!("{} ({})", row.doc, row.kind.words()).into();
    if let Default::Is(literal) = row.default {
        property["default"] = json_literal(literal);
    }
    property
}

fn kind(kind: &Kind) -> Value {
    match kind {
        Kind::Bool => json!({ "type": "boolean" }),
        Kind::Choice(options) => {
            json!({ "enum": options.iter().map(|option| json_literal(option)).collect::<Vec<_>>() })
        }
        Kind::Count(none, range) => {
            or(none, json!({ "type": "integer", "minimum": range.start(), "maximum": range.end() }))
        }
        Kind::Duration(none, _) => {
            or(none, json!({ "type": "string", "pattern": r"^([0-9]+(\.[0-9]+)?(ms|s|m|h))+$" }))
        }
        Kind::Share => json!({ "type": "number", "minimum": 0, "maximum": 1 }),
        Kind::Size(_) => {
            let pattern = r"^[0-9]+(\.[0-9]+)?(B|KiB|MiB|GiB|kB|MB|GB)$";
            json!({ "type": "string", "pattern": pattern })
        }
        Kind::Text(none, form) => or(none, text(*form)),
        Kind::Texts(form) => some(&text(*form)),
        Kind::OneOrMore(form) => json!({ "anyOf": [text(*form), some(&text(*form))] }),
        Kind::Interval => {
            json!({ "type": "array", "items": { "type": "integer" }, "minItems": 2, "maxItems": 2 })
        }
        Kind::Fields => json!({
            "type": "object",
            "propertyNames": text(Form::Field),
            "additionalProperties": { "type": "string" },
        }),
        Kind::Members => {
            json!({ "type": "object", "additionalProperties": { "type": "string" } })
        }
        Kind::Nested(occurs, shape) => nested(*occurs, *shape),
    }
}

fn nested(occurs: Occurs, shape: &dyn Shape) -> Value {
    let object = object(shape);
    match occurs {
        Occurs::Once => object,
        Occurs::Array(None) => some(&object),
        Occurs::Array(Some(short)) => {
            let rows = shape.rows();
            let row = rows.iter().find(|row| row.name == short);
            some(&json!({ "anyOf": [row.map(|row| kind(&row.kind)), object] }))
        }
        Occurs::Named => named(&object),
        Occurs::NamedArrays => named(&some(&object)),
    }
}

fn named(each: &Value) -> Value {
    json!({ "type": "object", "propertyNames": text(Form::Name), "additionalProperties": each })
}

/// An array that is not empty.
fn some(each: &Value) -> Value {
    json!({ "type": "array", "items": each, "minItems": 1 })
}

fn or(none: &Option<&str>, value: Value) -> Value {
    match none {
        Some(literal) => json!({ "anyOf": [value, { "const": json_literal(literal) }] }),
        None => value,
    }
}

fn text(form: Form) -> Value {
    match form.pattern() {
        Some(pattern) => json!({ "type": "string", "pattern": pattern }),
        None => json!({ "type": "string" }),
    }
}

/// Texts, numbers and truth values are written in JSON as in TOML.
fn json_literal(literal: &str) -> Value {
    serde_json::from_str(literal).expect("the literals of the rows are JSON too, as a test proves")
}
