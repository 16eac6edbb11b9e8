//! The files of `config/examples`: they load, and the reference has every key at its default.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use toml::Value;

fn examples() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples");
    let files: Vec<_> =
        std::fs::read_dir(&folder).expect("a folder").flatten().map(|entry| entry.path()).collect();
    assert!(files.len() >= 6, "the examples are gone from {}", folder.display());
    files
}

#[test]
fn every_example_loads_without_a_warning() {
    for path in examples() {
        match config::load(&path.to_string_lossy(), &std::fs::read(&path).unwrap(), None) {
            Ok(loaded) => assert!(loaded.warnings.is_empty(), "{}", loaded.warnings),
            Err(problems) => panic!("{problems}"),
        }
    }
}

#[test]
fn every_example_names_its_schema() {
    for path in examples() {
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(text.starts_with("#:schema ../schema.json\n"), "{}", path.display());
    }
}

#[test]
fn the_reference_has_every_key_and_its_default() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/reference.toml");
    let file: Value = toml::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let mut written = BTreeSet::new();
    collect(&file, "", &mut written);
    for section in config::reference() {
        for key in section.keys {
            let found = section.paths.iter().any(|path| {
                let key_path = format!("{path}.{}", key.name);
                let key_path = key_path.trim_start_matches('.');
                let default = |value: &str| format!("{key_path} = {value}");
                match key.default {
                    Some(literal) => {
                        let value: Value = toml::from_str(&format!("v = {literal}")).unwrap();
                        written.contains(&default(&value["v"].to_string()))
                    }
                    None => written.contains(key_path),
                }
            });
            assert!(found, "{:?}: `{}` = {:?} is missing", section.paths, key.name, key.default);
        }
    }
}

/// Each key's path as `config::reference` writes it, alone and with its value.
fn collect(value: &Value, path: &str, written: &mut BTreeSet<String>) {
    match value {
        Value::Table(table) => {
            for (key, value) in table {
                let named = matches!(path, ".routes" | ".upstreams");
                let key = if named { "NAME" } else { key };
                collect(value, &format!("{path}.{key}"), written);
            }
        }
        Value::Array(array) => {
            for value in array {
                collect(value, &format!("{path}[]"), written);
            }
        }
        _ => drop(written.insert(format!("{} = {value}", path.trim_start_matches('.')))),
    }
    written.insert(path.trim_start_matches('.').to_owned());
}
