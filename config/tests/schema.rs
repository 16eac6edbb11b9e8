//! The JSON schema: committed as it is made, and true for the examples.

use std::path::Path;

use regex::Regex;
use serde_json::{Value, json};

#[test]
fn the_committed_schema_is_the_one_that_the_keys_make() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("schema.json");
    let made = format!("{:#}\n", config::schema());
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(&path, &made).unwrap();
    }
    let committed = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(made == committed, "BLESS=1 cargo test -p config --test schema writes it anew");
}

#[test]
fn the_schema_allows_every_example() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples");
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let file: Value = toml::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
        assert!(allows(&config::schema(), &file), "{}", path.display());
    }
}

#[test]
fn the_schema_refuses_what_load_refuses_in_one_value() {
    let file = |route: Value| {
        json!({
            "listeners": [{ "name": "a", "listen": "127.0.0.1:80", "routes": "r" }],
            "routes": { "r": [route] },
        })
    };
    let schema = config::schema();
    assert!(allows(&schema, &file(json!({ "upstream": "u", "timeout": false }))));
    for route in [
        json!({ "upstream": 1 }),
        json!({ "upstream": "u", "timout": "2s" }),
        json!({ "upstream": "u", "timeout": "2" }),
        json!({ "upstream": "u", "timeout": true }),
        json!({ "split": [] }),
        json!({ "split": [{ "upstream": "u", "weight": -1 }] }),
        json!({ "split": [{ "weight": 1 }] }),
        json!({ "redirect": { "status": 300 } }),
        json!({ "match": { "path": "a" } }),
        json!({ "match": { "headers": [{ "name": "a b" }] } }),
    ] {
        assert!(!allows(&schema, &file(route.clone())), "{route}");
    }
}

/// Whether `schema` allows `value`; for the part of JSON Schema that ours uses.
fn allows(schema: &Value, value: &Value) -> bool {
    fields(schema).all(|(word, rule)| holds(schema, word, rule, value))
}

fn holds(schema: &Value, word: &str, rule: &Value, value: &Value) -> bool {
    let length = || value.as_array().map(Vec::len);
    match word {
        "$schema" | "title" | "description" | "default" => true,
        "type" => rule == kind(value) || rule == "number" && value.is_number(),
        "enum" => items(rule).contains(value),
        "const" => rule == value,
        "minimum" => value.as_f64() >= rule.as_f64(),
        "maximum" => value.as_f64() <= rule.as_f64(),
        "minItems" => length().map(|length| length as u64) >= rule.as_u64(),
        "maxItems" => length().map(|length| length as u64) <= rule.as_u64(),
        "pattern" => {
            let pattern = Regex::new(rule.as_str().expect("a text")).expect("a pattern");
            value.as_str().is_some_and(|text| pattern.is_match(text))
        }
        "anyOf" => items(rule).iter().any(|rule| allows(rule, value)),
        "items" => items(value).iter().all(|item| allows(rule, item)),
        "required" => items(rule).iter().all(|key| fields(value).any(|(name, _)| key == name)),
        "properties" => fields(value).all(|(key, value)| match rule.get(key) {
            Some(rule) => allows(rule, value),
            None => true,
        }),
        "additionalProperties" => fields(value).all(|(key, value)| {
            let known = schema.get("properties").and_then(|known| known.get(key)).is_some();
            known || (rule.is_object() && allows(rule, value))
        }),
        "propertyNames" => fields(value).all(|(key, _)| allows(rule, &json!(key))),
        other => panic!("unknown word {other}"),
    }
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(number) if number.is_f64() => "number",
        Value::Number(_) => "integer",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

fn items(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

fn fields(value: &Value) -> impl Iterator<Item = (&str, &Value)> {
    value.as_object().into_iter().flatten().map(|(key, value)| (key.as_str(), value))
}
