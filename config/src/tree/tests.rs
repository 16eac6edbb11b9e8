//! The tree against what the `toml` crate makes of the same text.

use proptest::prelude::*;
use toml::de::{DeTable, DeValue};

use super::{Node, Table, Value, parse};

/// Equal in keys, order aside, and in scalars as far as the tree tells them apart.
fn same_table(ours: &Table<'_>, theirs: &DeTable<'_>) -> bool {
    ours.iter().count() == theirs.len()
        && ours.iter().all(|(key, node)| {
            theirs.get(key.text.as_ref()).is_some_and(|value| same(node, value.get_ref()))
        })
}

fn same(ours: &Node<'_>, theirs: &DeValue<'_>) -> bool {
    match (&ours.value, theirs) {
        (Value::Text(ours), DeValue::String(theirs)) => ours == theirs,
        (Value::Integer(ours), DeValue::Integer(theirs)) => {
            i64::from_str_radix(theirs.as_str(), theirs.radix()) == Ok(*ours)
        }
        (Value::Boolean(ours), DeValue::Boolean(theirs)) => ours == theirs,
        (Value::Float(ours), DeValue::Float(theirs)) => {
            let theirs: f64 = theirs.as_str().parse().unwrap();
            *ours == theirs || ours.is_nan() && theirs.is_nan()
        }
        (Value::Date, DeValue::Datetime(_)) => true,
        (Value::Table(ours), DeValue::Table(theirs)) => same_table(ours, theirs),
        (Value::Array(ours), DeValue::Array(theirs)) => {
            ours.items.len() == theirs.len()
                && ours.items.iter().zip(theirs).all(|(ours, theirs)| same(ours, theirs.get_ref()))
        }
        _ => false,
    }
}

fn agree(text: &str) {
    let (ours, errors) = parse(text);
    match DeTable::parse(text) {
        Ok(theirs) => {
            assert!(errors.is_empty(), "only we refuse {text:?}: {errors:?}");
            assert!(same_table(&ours, theirs.get_ref()), "{text:?}\n{ours:?}\n{theirs:?}");
        }
        Err(error) => assert!(!errors.is_empty(), "only toml refuses {text:?}: {error}"),
    }
}

#[test]
fn tables_are_defined_as_toml_defines_them() {
    for text in [
        "a.b.c = 1\na.b.d = 2\n[a.e]\n",
        "[a.b]\n[a]\nx = 1\n",
        "[a]\n[a.b]\n[a]\n",
        "a.b = 1\n[a]\n",
        "[a]\nb.c = 1\n[a.b]\n",
        "[a]\nb.c = 1\n[a.b.d]\n",
        "[a.b.c]\n[a]\nb.d = 1\n",
        "[a.b.c]\n[a]\nb.c.d = 1\n",
        "[[a]]\nx = 1\n[[a]]\n[a.b]\n[[a]]\n[a.b]\n",
        "[[a.b]]\n[[a.b]]\n[a.b.c]\n",
        "[[a.b]]\n[a]\nb.x = 1\n",
        "a = []\n[[a]]\n",
        "a = [{}]\n[a.b]\n",
        "a = {}\n[a.b]\n",
        "a = {}\na.b = 1\n",
        "a = { b.c = 1, b.d = 2 }\n",
        "a = { b = {}, b.d = 2 }\n",
        "a = { b.c = 1, b = 2 }\n",
        "a = 1\na = 2\n",
        "a = 1\n[a]\n",
        "a = 1\n[a.b]\n",
        "a = { x = [1, 2, # comment\n 3,\n], }\n",
        "\"\" = 1\n'a.b'.\"c\\td\" = 'x'\n",
        "a = \"\"\"\nx\\\n   y\"\"\"\nb = '''\n'z'''\n",
        "a = 0x_1\n",
        "a = 99999999999999999999\n",
        "a = 1979-05-27T07:32:00Z\nb = inf\nc = -1_000\n",
        "a = 1 b = 2\n",
        "[a] b = 1\n",
        "a =\n",
        "= 1\n",
        "a = [1\n[b]\n",
        "# \u{7f}\n",
        "a = 1\r\nb = 2\rc = 3\n",
    ] {
        agree_but_for_wide_integers(text);
    }
}

/// The `toml` crate finds an integer too wide only when it is read.
fn agree_but_for_wide_integers(text: &str) {
    if text.contains("99999") {
        assert_eq!(parse(text).1.len(), 1);
    } else {
        agree(text);
    }
}

#[test]
fn nesting_is_bounded_in_every_direction() {
    let (brackets, braces) = ("[".repeat(100_000), "{a=".repeat(100_000));
    let (keys, header) = ("a.".repeat(100_000), "[a.".repeat(100_000));
    for text in [
        format!("a = {brackets}"),
        format!("a = {brackets}{}", "]".repeat(100_000)),
        format!("a = {braces}1{}", "}".repeat(100_000)),
        format!("{keys}a = 1"),
        format!("[{keys}a]"),
        header,
    ] {
        let (_, errors) = parse(&text);
        assert_eq!(errors.len(), 1, "{}…: {errors:?}", &text[..20]);
    }
}

#[test]
fn one_mistake_is_one_error() {
    let text = "[a]\nx = [1, 2\ny = 3\n[b]\nz = 1\n";
    assert_eq!(parse(text).1.len(), 1);
    let text = "x = \"1\ny = 2s\n[a\nz = 1\n[b]\nw =\nv = 1\n";
    assert_eq!(parse(text).1.len(), 4);
}

/// Pieces of TOML, put together at random: keys few enough to collide.
fn piece() -> impl Strategy<Value = String> {
    let key = prop::sample::select(vec!["a", "b", "c", "a.b", "b.c", "a.b.c", "'a'", "\"b\""]);
    let value = prop::sample::select(vec![
        "1",
        "'x'",
        "[]",
        "[1, 'y']",
        "{}",
        "{ a = 1 }",
        "{ a.b = 1, a.c = 2 }",
        "{ a = 1, a = 2 }",
        "true",
        "1.5",
        "[{ a = 1 }]",
        "2s",
        "",
        "[1",
        "{ a",
        "\"\\u0041\"",
        "0xFF",
        "1979-05-27",
    ]);
    prop_oneof![
        4 => (key.clone(), value).prop_map(|(key, value)| format!("{key} = {value}\n")),
        2 => key.clone().prop_map(|key| format!("[{key}]\n")),
        2 => key.prop_map(|key| format!("[[{key}]]\n")),
        1 => prop::sample::select(vec!["\n", "# x\n", "\r\n", "  ", "x", "\u{0}", "]\n", "é"])
            .prop_map(str::to_owned),
    ]
}

proptest! {
    #[test]
    fn any_text_makes_the_tree_that_the_toml_crate_makes(
        pieces in prop::collection::vec(piece(), 0..12),
    ) {
        agree(&pieces.concat());
    }

    #[test]
    fn any_characters_are_refused_or_parsed(text in "[\\[\\]{}=.,'\"#a\\\\\n\r\t 1-]{0,60}") {
        agree(&text);
    }
}
