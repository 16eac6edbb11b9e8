//! `dump` says all that a file says, in the file's words.

use std::collections::BTreeSet;

use serde_json::{Value, json};

const REFERENCE: &str = include_str!("../examples/reference.toml");

fn dump(text: &str) -> Value {
    let loaded = config::load("dump.toml", text.as_bytes(), None);
    let snapshot = loaded.unwrap_or_else(|problems| panic!("{problems}\n{text}")).snapshot;
    let dump = config::dump(&snapshot);
    serde_json::from_str(&dump).unwrap_or_else(|error| panic!("{error}: {dump}"))
}

#[test]
fn every_key_of_the_table_is_in_the_dump_of_a_file_that_has_them_all() {
    let mut shown = BTreeSet::new();
    collect(&dump(REFERENCE), "", &mut shown);
    for section in config::reference() {
        for key in &section.keys {
            for path in &section.paths {
                let path = format!("{path}.{}", key.name);
                let path = path.trim_start_matches('.');
                // What the reference writes in one place of several is seen in that one.
                let elsewhere = section.paths.len() > 1
                    && section
                        .paths
                        .iter()
                        .any(|path| shown.contains(&format!("{path}.{}", key.name)));
                assert!(shown.contains(path) || elsewhere, "`{path}` is not in the dump");
            }
        }
    }
}

/// The paths of all keys, as `config::reference` writes them.
fn collect(value: &Value, path: &str, shown: &mut BTreeSet<String>) {
    match value {
        Value::Object(members) => {
            for (key, value) in members {
                let key = if matches!(path, "routes" | "upstreams") { "NAME" } else { key };
                let dot = if path.is_empty() { "" } else { "." };
                collect(value, &format!("{path}{dot}{key}"), shown);
            }
        }
        Value::Array(items) => {
            for item in items {
                collect(item, &format!("{path}[]"), shown);
            }
        }
        _ => {}
    }
    shown.insert(path.to_owned());
}

#[test]
fn every_value_of_the_reference_is_in_its_dump_as_it_was_written() {
    let written: toml::Value = toml::from_str(REFERENCE).unwrap();
    let written = serde_json::to_value(written).unwrap();
    says(&dump(REFERENCE), &written, "");
}

/// All that `written` has, `dump` has too.
fn says(dump: &Value, written: &Value, path: &str) {
    match (dump, written) {
        (Value::Object(_), Value::Object(written)) => {
            for (key, value) in written {
                says(&dump[key], value, &format!("{path}.{key}"));
            }
        }
        (Value::Array(dump), Value::Array(written)) => {
            assert_eq!(dump.len(), written.len(), "{path}");
            for (at, (dump, written)) in dump.iter().zip(written).enumerate() {
                says(dump, written, &format!("{path}[{at}]"));
            }
        }
        // The short forms.
        (Value::Array(dump), Value::String(_)) if dump.len() == 1 => {
            says(&dump[0], written, path);
        }
        (Value::Object(dump), Value::String(_)) => says(&dump["address"], written, path),
        _ => assert_eq!(dump, written, "{path}"),
    }
}

#[test]
fn the_dump_of_a_pasted_dump_is_the_same() {
    let odd = "[access_log]\npath = \"/a\"\nformat = \"json\"\n[admin]\nlisten = false\n\
        [[listeners]]\nname = \"in\"\nlisten = \"127.0.0.1:1\"\nroutes = \"t\"\n\
        [[routes.t]]\nname = \"a\"\nmatch = { regex = '/(a|b)\\.[0-9]+' }\nupstream = \"app\"\n\
        rewrite = { regex = '(x)(y)', substitution = '$\\2\\\\{\\1}\\0' }\n\
        request_headers = { set = { a = \"100%% %REQ(a?:path)%-%REQ(user-agent)%\" } }\n\
        [[routes.t]]\nname = \"b\"\nsplit = [{ upstream = \"app\", weight = 7 }]\n\
        [upstreams.app]\nendpoints = [\"127.0.0.1:2\"]\n";
    for text in [odd, REFERENCE] {
        let mut first = dump(text);
        let pasted = as_toml(first.clone());
        let mut second = dump(&pasted);
        first["hash"] = Value::Null;
        second["hash"] = Value::Null;
        assert_eq!(first, second, "{pasted}");
    }
}

/// As one would paste it: without the hash and the names that nobody gave.
fn as_toml(mut dump: Value) -> String {
    let file = dump.as_object_mut().expect("an object");
    file.remove("hash");
    for routes in file["routes"].as_object_mut().expect("tables by name").values_mut() {
        for route in routes.as_array_mut().expect("routes") {
            let route = route.as_object_mut().expect("an object");
            if route["name"].as_str().is_some_and(|name| name.contains('[')) {
                route.remove("name");
            }
        }
    }
    toml::to_string(&dump).expect("it has no null")
}

#[test]
fn what_was_not_written_is_shown_as_it_takes_effect() {
    let text = "[[listeners]]\nname = \"in\"\nlisten = \"127.0.0.1:1\"\nroutes = \"t\"\n\
        stream_idle_timeout = \"90s\"\n[[routes.t]]\nupstream = \"app\"\n\
        [upstreams.app]\nendpoints = [\"unix:/run/b\"]\n";
    let alone = dump(text);
    assert_eq!(alone["listeners"][0]["idle_timeout"], "1h");
    assert_eq!(alone["listeners"][0]["forwarded"], false);
    let route = &alone["routes"]["t"][0];
    assert_eq!((&route["name"], &route["host"]), (&json!("t[0]"), &json!(["*"])));
    assert_eq!((&route["timeout"], &route["idle_timeout"]), (&json!("15s"), &json!("1m30s")));
    assert_eq!(route["match"], json!({ "prefix": "/" }));
    assert_eq!(alone["upstreams"]["app"]["balance"], "least-request");
    // Nothing can be said for both of these.
    let other = "[[listeners]]\nname = \"b\"\nlisten = \"127.0.0.1:3\"\nroutes = \"t\"\n";
    let both = dump(&format!("{other}{text}"));
    assert_eq!(both["routes"]["t"][0]["idle_timeout"], Value::Null);
}

#[test]
fn members_of_a_line_stand_in_their_order() {
    let fields = "json_fields = { b = \"%PROTOCOL%\", a = \"%DURATION%\" }\n";
    let text = REFERENCE.lines().filter(|line| !line.starts_with("json_fields"));
    let text = text.collect::<Vec<_>>().join("\n").replace("[access_log]", "[access_log]\nXX");
    let text = text.replace("XX", fields);
    let snapshot = config::load("x", text.as_bytes(), None).unwrap().snapshot;
    let dump = config::dump(&snapshot);
    assert!(dump.contains(r#""json_fields":{"b":"%PROTOCOL%","a":"%DURATION%"}"#), "{dump}");
}
