//! docs/CONFIG.md has every key, as `load` reads it, and no other.
//!
//! `BLESS=1 cargo test -p config --test docs` writes the tables anew.

use std::path::{Path, PathBuf};

use config::{KeyDoc, SectionDoc};

fn page() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/CONFIG.md")
}

#[test]
fn the_tables_are_those_of_the_keys() {
    let committed = std::fs::read_to_string(page()).unwrap();
    let mut made = committed.clone();
    for section in config::reference() {
        made = with_table(&made, &section);
    }
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(page(), &made).unwrap();
    } else {
        assert!(made == committed, "BLESS=1 cargo test -p config --test docs writes them anew");
    }
}

#[test]
fn every_table_is_of_a_section_that_exists() {
    let text = std::fs::read_to_string(page()).unwrap();
    let sections = config::reference();
    let tables = text.lines().filter_map(|line| line.strip_prefix("<!-- keys: ")).count();
    assert_eq!(tables, sections.len());
}

#[test]
fn every_section_has_an_example() {
    let text = std::fs::read_to_string(page()).unwrap();
    for section in config::reference() {
        let before = text.split(&marker(&section)).next().unwrap();
        let heading = before.rfind("\n## ").max(before.rfind("\n### ")).unwrap();
        assert!(before[heading..].contains("```toml\n"), "{} has no example", section.what);
    }
}

#[test]
fn every_example_is_toml_and_its_keys_exist() {
    let text = std::fs::read_to_string(page()).unwrap();
    let names: Vec<&str> = config::reference()
        .iter()
        .flat_map(|section| section.keys.iter().map(|key| key.name))
        .collect();
    for block in text.split("```toml\n").skip(1) {
        let block = block.split("```").next().unwrap();
        let table: toml::Table = block.parse().unwrap_or_else(|error| panic!("{error}"));
        for key in table.keys() {
            assert!(names.contains(&key.as_str()), "`{key}` is no key:\n{block}");
        }
    }
}

#[test]
fn every_operator_is_listed_and_works_where_it_is_listed() {
    let text = std::fs::read_to_string(page()).unwrap();
    let (before, templates) = text.split_once("\n## Templates\n").unwrap();
    let (log_only, both) = (operators(before), operators(templates));
    assert_eq!((log_only.len(), both.len()), (9, 8));
    for operator in log_only.iter().chain(&both) {
        loads(&format!("access_log = {{ path = '/a', format = '%{operator}%' }}"), "", true);
    }
    for (operators, works) in [(both, true), (log_only, false)] {
        for operator in operators {
            let edits = format!(", response_headers = {{ set = {{ x = '%{operator}%' }} }}");
            loads("", &edits, works);
        }
    }
}

/// The operators of the tables in this part of the page.
fn operators(text: &str) -> Vec<String> {
    let rows = text.lines().filter_map(|line| line.strip_prefix("| `%")?.split("%`").next());
    rows.map(|operator| operator.replace("NAME)", "x-name)")).collect()
}

#[track_caller]
fn loads(top: &str, route_keys: &str, works: bool) {
    let file = format!(
        "{top}\nlisteners = [{{ name = 'a', listen = '127.0.0.1:80', routes = 'r' }}]\n\
         routes.r = [{{ respond = {{ status = 200 }}{route_keys} }}]"
    );
    let loaded = config::load("x", file.as_bytes(), None);
    assert_eq!(loaded.is_ok(), works, "{file}\n{loaded:?}");
}

fn marker(section: &SectionDoc) -> String {
    format!("<!-- keys: {} -->\n", section.what)
}

fn with_table(page: &str, section: &SectionDoc) -> String {
    let marker = marker(section);
    let (before, rest) = page
        .split_once(&marker)
        .unwrap_or_else(|| panic!("docs/CONFIG.md lacks `{}`", marker.trim()));
    let (_, after) = rest.split_once("<!-- end -->").expect("a table ends");
    let rows: String = section.keys.iter().map(row).collect();
    let head = "| key | value | default | meaning |\n|---|---|---|---|\n";
    format!("{before}{marker}\n{head}{rows}\n<!-- end -->{after}")
}

fn row(key: &KeyDoc) -> String {
    let default = match (key.required, key.default) {
        (true, _) => "required".to_owned(),
        (_, Some(literal)) => format!("`{literal}`"),
        _ => "none".to_owned(),
    };
    let cell = |text: &str| text.replace('|', "\\|");
    format!("| `{}` | {} | {} | {} |\n", key.name, cell(&key.kind), cell(&default), cell(key.doc))
}
