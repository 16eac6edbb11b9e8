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
        assert_eq!(refuse(&config::schema(), &file), None, "{}", path.display());
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
    assert_eq!(refuse(&schema, &file(json!({ "upstream": "u", "timeout": false }))), None);
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
        assert!(refuse(&schema, &file(route.clone())).is_some(), "{route}");
    }
}

/// Why `schema` refuses `value`, if it does; for the part of JSON Schema that ours uses.
fn refuse(schema: &Value, value: &Value) -> Option<String> {
    for (word, rule) in schema.as_object().unwrap() {
        let fine = match word.as_str() {
            "$schema" | "title" | "description" | "default" => true,
            "type" => match rule.as_str().unwrap() {
                "object" => value.is_object(),
                "array" => value.is_array(),
                "string" => value.is_string(),
                "integer" => value.is_i64(),
                "boolean" => value.is_boolean(),
                other => panic!("unknown type {other}"),
            },
            "enum" => rule.as_array().unwrap().contains(value),
            "const" => rule == value,
            "minimum" => value.as_i64() >= rule.as_i64(),
            "maximum" => value.as_i64() <= rule.as_i64(),
            "minItems" => value.as_array().map(Vec::len) >= rule.as_u64().map(|n| n as usize),
            "maxItems" => value.as_array().map(Vec::len) <= rule.as_u64().map(|n| n as usize),
            "pattern" => {
                let pattern = Regex::new(rule.as_str().unwrap()).unwrap();
                value.as_str().is_some_and(|text| pattern.is_match(text))
            }
            "anyOf" => rule.as_array().unwrap().iter().any(|rule| refuse(rule, value).is_none()),
            "items" => {
                let items = value.as_array()?;
                return items
                    .iter()
                    .find_map(|item| refuse(rule, item))
                    .or_else(|| rest_refuses(schema, "items", value));
            }
            "required" => rule
                .as_array()
                .unwrap()
                .iter()
                .all(|key| value.get(key.as_str().unwrap()).is_some()),
            "properties" => {
                let known = rule.as_object().unwrap();
                let of = |(key, value): (&String, &Value)| refuse(known.get(key)?, value);
                if let Some(why) = value.as_object()?.iter().find_map(of) {
                    return Some(why);
                }
                true
            }
            "additionalProperties" => {
                let known = schema.get("properties").and_then(Value::as_object);
                let mut others = value.as_object()?.iter();
                others.all(|(key, value)| {
                    known.is_some_and(|known| known.contains_key(key))
                        || (rule.is_object() && refuse(rule, value).is_none())
                })
            }
            "propertyNames" => {
                value.as_object()?.keys().all(|key| refuse(rule, &json!(key)).is_none())
            }
            other => panic!("unknown word {other}"),
        };
        if !fine {
            return Some(format!("{word} {rule} refuses {value}"));
        }
    }
    None
}

fn rest_refuses(schema: &Value, without: &str, value: &Value) -> Option<String> {
    let mut rest = schema.clone();
    rest.as_object_mut().unwrap().remove(without);
    refuse(&rest, value)
}
