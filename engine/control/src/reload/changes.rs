//! What a new configuration changes, in short: for the log. Pure.

use std::collections::HashMap;
use std::fmt::Write;
use std::sync::Arc;

use config::Snapshot;
use config::snapshot::Listener;

/// So many names are told, the rest is counted.
const NAMES_MAX: usize = 5;

const NO_FAIL: &str = "a String takes all";

/// Such as `listeners: added b; route tables: 1 changed; upstreams: 2 added, 1 removed`.
pub(super) fn between(old: &Snapshot, new: &Snapshot) -> String {
    let settings = [
        ("process", old.process != new.process),
        ("admin", old.admin != new.admin),
        ("access_log", old.access_log != new.access_log),
        ("metrics", old.metrics != new.metrics),
    ];
    let settings = settings.iter().filter(|(_, differs)| *differs).map(|(name, _)| *name);
    let parts = [
        part("settings", &names("changed", &settings.collect::<Vec<_>>())),
        part("listeners", &listeners(&old.listeners, &new.listeners)),
        part("route tables", &slots(&old.tables, &new.tables)),
        part("upstreams", &slots(&old.upstreams, &new.upstreams)),
    ];
    let parts: Vec<&str> = parts.iter().map(String::as_str).filter(|it| !it.is_empty()).collect();
    if parts.is_empty() { "it means the same".to_owned() } else { parts.join("; ") }
}

fn part(of: &str, changes: &str) -> String {
    if changes.is_empty() { String::new() } else { format!("{of}: {changes}") }
}

fn listeners(old: &[Arc<Listener>], new: &[Arc<Listener>]) -> String {
    let by_name = |all: &[Arc<Listener>]| -> HashMap<Arc<str>, Arc<Listener>> {
        all.iter().map(|one| (one.name.clone(), one.clone())).collect()
    };
    let (before, after) = (by_name(old), by_name(new));
    let (mut added, mut moved, mut changed) = (Vec::new(), Vec::new(), Vec::new());
    for one in new {
        match before.get(&one.name) {
            None => added.push(&*one.name),
            Some(other) if other.listen != one.listen => moved.push(&*one.name),
            Some(other) if !Arc::ptr_eq(other, one) => changed.push(&*one.name),
            Some(_) => {}
        }
    }
    let gone = old.iter().filter(|one| !after.contains_key(&one.name));
    let removed: Vec<&str> = gone.map(|one| &*one.name).collect();
    let all = [("added", added), ("removed", removed), ("moved", moved), ("changed", changed)];
    joined(all.iter().map(|(what, those)| names(what, those)))
}

fn names(what: &str, names: &[&str]) -> String {
    if names.is_empty() {
        return String::new();
    }
    let shown = &names[..names.len().min(NAMES_MAX)];
    let mut text = format!("{what} {}", shown.join(" "));
    if names.len() > shown.len() {
        write!(text, " and {} more", names.len() - shown.len()).expect(NO_FAIL);
    }
    text
}

/// What is unchanged keeps its pointer, and a name its slot, which is empty in between before
/// another name gets it.
fn slots<T>(old: &[Option<Arc<T>>], new: &[Option<Arc<T>>]) -> String {
    let (mut added, mut removed, mut changed) = (0, 0, 0);
    for slot in 0..old.len().max(new.len()) {
        let at = |all: &[Option<Arc<T>>]| all.get(slot).cloned().flatten();
        match (at(old), at(new)) {
            (None, Some(_)) => added += 1,
            (Some(_), None) => removed += 1,
            (Some(before), Some(after)) if !Arc::ptr_eq(&before, &after) => changed += 1,
            _ => {}
        }
    }
    let count = |what: &str, count: usize| match count {
        0 => String::new(),
        count => format!("{count} {what}"),
    };
    joined([count("added", added), count("removed", removed), count("changed", changed)])
}

fn joined(parts: impl IntoIterator<Item = String>) -> String {
    let parts: Vec<String> = parts.into_iter().filter(|part| !part.is_empty()).collect();
    parts.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    const OLD: &str = "[[listeners]]\nname = \"a\"\nlisten = \"127.0.0.1:1\"\nroutes = \"t\"\n\
        [[listeners]]\nname = \"b\"\nlisten = \"127.0.0.1:2\"\nroutes = \"t\"\n\
        [[routes.t]]\nupstream = \"app\"\n\
        [upstreams.app]\nendpoints = [\"127.0.0.1:3\"]\n";

    fn after(edit: impl Fn(&str) -> String) -> String {
        let load = |text: &str, previous: Option<&Snapshot>| {
            let loaded = config::load("test.toml", text.as_bytes(), previous);
            loaded.unwrap_or_else(|problems| panic!("{problems}")).snapshot
        };
        let old = load(OLD, None);
        between(&old, &load(&edit(OLD), Some(&old)))
    }

    #[test]
    fn listeners_are_told_by_name() {
        let told = after(|old| old.replace("\"b\"", "\"c\"").replace("0.0.1:1\"", "0.0.1:9\""));
        assert_eq!(told, "listeners: added c, removed b, moved a");
        let many: String = (0..7)
            .map(|n| {
                format!("[[listeners]]\nname = \"{n}\"\nlisten = \"unix:/{n}\"\nroutes = \"t\"\n")
            })
            .collect();
        assert_eq!(after(|old| many.clone() + old), "listeners: added 0 1 2 3 4 and 2 more");
    }

    #[test]
    fn tables_and_upstreams_are_counted() {
        let more = "[upstreams.more]\nendpoints = [\"127.0.0.1:4\"]\n";
        assert_eq!(after(|old| old.to_owned() + more), "upstreams: 1 added");
        let told =
            after(|old| old.replace(":3", ":5").replace("\"app\"", "\"app\"\ntimeout = \"1s\""));
        assert_eq!(told, "route tables: 1 changed; upstreams: 1 changed");
        let told = after(|old| old.replace("\"app\"", "\"ape\"").replace(".app", ".ape"));
        assert_eq!(told, "route tables: 1 changed; upstreams: 1 added, 1 removed");
    }

    #[test]
    fn settings_are_named_and_a_comment_changes_nothing() {
        let settings = "[process]\npre_drain = \"1s\"\n[metrics]\nidle_expiry = false\n";
        assert_eq!(after(|old| settings.to_owned() + old), "settings: changed process metrics");
        assert_eq!(after(|old| format!("# new\n{old}")), "it means the same");
    }
}
