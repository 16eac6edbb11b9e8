//! The rules that one file can break by itself.

use super::Finding;
use super::source::Source;

/// One rule.
pub struct Rule {
    /// As an exception names it.
    pub name: &'static str,
    /// Which files it judges.
    pub applies: fn(&str) -> bool,
    /// Every violation: line (0 for the whole file) and what is wrong.
    pub violations: fn(&Source) -> Vec<(usize, String)>,
}

/// Lines of code in a file.
pub const FILE_LINES_MAX: usize = 500;
/// Lines of a function.
pub const FUNCTION_LINES_MAX: usize = 70;
/// Columns of a line.
pub const COLUMNS_MAX: usize = 100;

/// All of them.
pub const RULES: &[Rule] = &[
    Rule { name: "opening", applies: everywhere, violations: opening },
    Rule { name: "columns", applies: everywhere, violations: columns },
    Rule { name: "file-length", applies: everywhere, violations: file_length },
    Rule { name: "function-length", applies: everywhere, violations: function_length },
    Rule { name: "unsafe", applies: outside_rt, violations: no_unsafe },
    Rule { name: "leftover", applies: everywhere, violations: leftovers },
    Rule { name: "ignored-test", applies: everywhere, violations: ignored_tests },
    Rule { name: "sleep", applies: outside_bench, violations: sleeps },
    Rule { name: "name", applies: everywhere, violations: names },
    Rule { name: "lock", applies: on_the_request_path, violations: locks },
    Rule { name: "pure", applies: in_a_pure_package, violations: impure },
    Rule { name: "seam", applies: in_the_engine, violations: past_the_seam },
    Rule { name: "wall-clock", applies: where_no_date_is_made, violations: wall_clock },
    Rule { name: "raw-system", applies: outside_rt, violations: raw_system },
];

/// What `source` violates.
pub fn findings(source: &Source) -> Vec<Finding> {
    let rules = RULES.iter().filter(|rule| (rule.applies)(&source.path));
    let all = rules.flat_map(|rule| {
        (rule.violations)(source).into_iter().map(|(line, what)| Finding {
            file: source.path.clone(),
            line,
            rule: rule.name,
            what,
        })
    });
    all.collect()
}

fn everywhere(_: &str) -> bool {
    true
}

fn outside_rt(path: &str) -> bool {
    !path.starts_with("engine/rt/")
}

/// The bench waits for programs that it did not write.
fn outside_bench(path: &str) -> bool {
    !path.starts_with("bench/src/")
}

fn on_the_request_path(path: &str) -> bool {
    let rooms = ["engine/src/", "engine/rt/src/", "engine/policy/src/", "engine/wire/src/"];
    rooms.iter().any(|room| path.starts_with(room))
}

fn in_a_pure_package(path: &str) -> bool {
    let packages = ["config/src/", "engine/wire/src/", "engine/policy/src/", "engine/signals/src/"];
    packages.iter().any(|package| path.starts_with(package)) && !path.contains("/tests")
}

fn in_the_engine(path: &str) -> bool {
    path.starts_with("engine/src/")
}

/// What shows a date to somebody. Nothing else of the program may follow a clock that can be set.
const DATES: [&str; 10] = [
    "engine/src/access_log.rs",
    "engine/src/date.rs",
    "engine/control/src/admin/server_info.rs",
    "engine/control/src/boot.rs",
    "engine/control/src/core_link.rs",
    "engine/control/src/metrics/mod.rs",
    "engine/control/src/metrics/scrape.rs",
    "engine/control/src/reload/apply.rs",
    "engine/control/src/reload/mod.rs",
    "engine/control/src/shared.rs",
];

fn where_no_date_is_made(path: &str) -> bool {
    path.starts_with("engine/") && !path.contains("/tests/") && !DATES.contains(&path)
}

fn opening(source: &Source) -> Vec<(usize, String)> {
    let opens = source.text.starts_with("//! ");
    violation_if(!opens, 1, || "does not open with `//!` lines that say what it is".into())
}

fn columns(source: &Source) -> Vec<(usize, String)> {
    let lines = source.text.lines().map(|line| line.chars().count()).enumerate();
    let wide = lines.filter(|(_, columns)| *columns > COLUMNS_MAX);
    wide.map(|(ix, columns)| (ix + 1, format!("{columns} columns, above {COLUMNS_MAX}"))).collect()
}

fn file_length(source: &Source) -> Vec<(usize, String)> {
    let lines = source.code_lines();
    violation_if(lines > FILE_LINES_MAX, 0, || {
        format!("{lines} lines of code, above {FILE_LINES_MAX}")
    })
}

fn function_length(source: &Source) -> Vec<(usize, String)> {
    let long = source.functions().into_iter().filter(|one| one.lines > FUNCTION_LINES_MAX);
    let tell = |name, lines| format!("fn {name} has {lines} lines, above {FUNCTION_LINES_MAX}");
    long.map(|one| (one.line, tell(one.name, one.lines))).collect()
}

fn no_unsafe(source: &Source) -> Vec<(usize, String)> {
    let words = ["unsafe", "allow(unsafe_code)", "expect(unsafe_code)"];
    words_in(&source.code, &words, "stands outside engine/rt")
}

fn leftovers(source: &Source) -> Vec<(usize, String)> {
    let mut found = words_in(&source.comments, &["TODO", "FIXME", "XXX"], "left over");
    found.extend(words_in(&source.code, &["dbg!", "todo!", "unimplemented!"], "left over"));
    found
}

fn ignored_tests(source: &Source) -> Vec<(usize, String)> {
    words_in(&source.code, &["#[ignore"], "a test that never runs")
}

fn sleeps(source: &Source) -> Vec<(usize, String)> {
    words_in(&source.code, &["thread::sleep", "std::thread::sleep_ms"], "waits for nothing")
}

fn names(source: &Source) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    for (ix, line) in source.code.lines().enumerate() {
        let words = line.split(|char: char| !char.is_alphanumeric() && char != '_');
        let bad = words.filter(|word| NAMELESS.iter().any(|part| word.contains(part)));
        found.extend(bad.map(|word| (ix + 1, format!("{word}: a name that says nothing"))));
        if NAMELESS_ITEMS.iter().any(|item| line.contains(item)) {
            found.push((ix + 1, format!("{}: a name that says nothing", line.trim())));
        }
    }
    found
}

/// Parts of names that say nothing of what the thing is.
const NAMELESS: [&str; 3] = ["Manager", "Helper", "Util"];
/// Modules without a subject, and getters: a function is named for what it returns.
const NAMELESS_ITEMS: [&str; 4] = ["mod util", "mod helper", "mod misc", "fn get_"];

fn locks(source: &Source) -> Vec<(usize, String)> {
    let words = ["Mutex", "RwLock", "Condvar"];
    words_in(&source.code, &words, "a lock where requests pass")
}

fn impure(source: &Source) -> Vec<(usize, String)> {
    let words = [
        "std::fs",
        "std::thread",
        "std::process",
        "std::env",
        "TcpStream",
        "TcpListener",
        "UdpSocket",
        "UnixStream",
        "UnixListener",
        "UnixDatagram",
        "ToSocketAddrs",
        "Instant::now",
        "SystemTime",
        "tokio",
        "glommio",
        "rt::",
        "libc",
        "async",
        "await",
    ];
    words_in(source.product_code(), &words, "in a package without socket, clock and runtime")
}

fn past_the_seam(source: &Source) -> Vec<(usize, String)> {
    let words = ["tokio", "glommio", "io_uring", "epoll_wait"];
    words_in(&source.code, &words, "the engine knows no runtime but `rt`")
}

fn wall_clock(source: &Source) -> Vec<(usize, String)> {
    words_in(source.product_code(), &["SystemTime"], "jumps when somebody sets the clock")
}

fn raw_system(source: &Source) -> Vec<(usize, String)> {
    words_in(&source.code, &["libc::", "io_uring::", "glommio::"], "stands outside engine/rt")
}

fn words_in(layer: &str, words: &[&str], what: &str) -> Vec<(usize, String)> {
    let each = words.iter().flat_map(|word| {
        let lines = Source::lines_with(layer, word).into_iter();
        lines.map(move |line| (line, format!("`{word}` {what}")))
    });
    each.collect()
}

fn violation_if(is: bool, line: usize, what: impl FnOnce() -> String) -> Vec<(usize, String)> {
    if is { vec![(line, what())] } else { Vec::new() }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A snippet for each rule that it must find, and a place where the rule holds.
    const BAD: &[(&str, &str, &str)] = &[
        ("opening", "bench/src/a.rs", "fn a() {}\n"),
        ("unsafe", "engine/src/a.rs", "//! a\nfn a() { unsafe { b() } }\n"),
        ("unsafe", "engine/src/a.rs", "//! a\n#![allow(unsafe_code)]\n"),
        ("leftover", "bench/src/a.rs", "//! a\n// TODO: b\n"),
        ("leftover", "bench/src/a.rs", "//! a\nfn a() { dbg!(1); }\n"),
        ("leftover", "bench/src/a.rs", "//! a\nfn a() { todo!() }\n"),
        ("ignored-test", "bench/src/a.rs", "//! a\n#[test]\n#[ignore]\nfn a() {}\n"),
        ("ignored-test", "bench/src/a.rs", "//! a\n#[test]\n#[ignore = \"b\"]\nfn a() {}\n"),
        ("sleep", "tests/tests/a.rs", "//! a\nfn a() { std::thread::sleep(B); }\n"),
        ("name", "engine/src/a.rs", "//! a\nstruct PoolManager;\n"),
        ("name", "engine/src/a.rs", "//! a\nfn get_pool() {}\n"),
        ("name", "engine/src/a.rs", "//! a\nmod util;\n"),
        ("lock", "engine/src/a.rs", "//! a\nuse std::sync::Mutex;\n"),
        ("lock", "engine/rt/src/a.rs", "//! a\nuse std::sync::{Arc, RwLock};\n"),
        ("pure", "engine/wire/src/a.rs", "//! a\nuse std::fs::read;\n"),
        ("pure", "engine/policy/src/a.rs", "//! a\nuse std::net::TcpStream;\n"),
        ("pure", "engine/signals/src/a.rs", "//! a\nfn a() { Instant::now(); }\n"),
        ("pure", "config/src/a.rs", "//! a\nfn a() { tokio::spawn(b) }\n"),
        ("pure", "engine/wire/src/a.rs", "//! a\nasync fn a() {}\n"),
        ("seam", "engine/src/a.rs", "//! a\nuse tokio::net::TcpStream;\n"),
        ("seam", "engine/src/a.rs", "//! a\nuse glommio::LocalExecutor;\n"),
        ("wall-clock", "engine/rt/src/a.rs", "//! a\nuse std::time::SystemTime;\n"),
        ("raw-system", "engine/control/src/a.rs", "//! a\nfn a() { libc::getpid(); }\n"),
    ];

    fn rules_broken_by(path: &str, text: &str) -> Vec<&'static str> {
        let mut rules: Vec<_> =
            findings(&Source::new(path, text)).into_iter().map(|found| found.rule).collect();
        rules.dedup();
        rules
    }

    #[test]
    fn every_word_rule_finds_its_bad_snippet() {
        for (rule, path, text) in BAD {
            assert!(rules_broken_by(path, text).contains(rule), "{rule} let pass: {text}");
        }
    }

    #[test]
    fn the_size_rules_find_what_is_too_large() {
        let wide = format!("//! {}\n", "a".repeat(COLUMNS_MAX));
        assert_eq!(rules_broken_by("a.rs", &wide), ["columns"]);
        let long = format!("//! a\n{}", "a();\n".repeat(FILE_LINES_MAX + 1));
        assert_eq!(rules_broken_by("a.rs", &long), ["file-length"]);
        let function = format!("//! a\nfn a() {{\n{}}}\n", "b();\n".repeat(FUNCTION_LINES_MAX - 1));
        assert_eq!(rules_broken_by("a.rs", &function), ["function-length"]);
    }

    #[test]
    fn what_is_just_within_every_limit_passes() {
        let body = "b();\n".repeat(FUNCTION_LINES_MAX - 2);
        let wide = "a".repeat(COLUMNS_MAX - 4);
        let text = format!("//! {wide}\nfn a() {{\n{body}}}\n");
        assert_eq!(rules_broken_by("engine/wire/src/a.rs", &text), [""; 0]);
    }

    #[test]
    fn the_same_words_are_welcome_where_they_belong() {
        let here = [
            ("engine/rt/src/a.rs", "//! a\nfn a() { unsafe { libc::getpid() } }\n"),
            ("engine/control/src/a.rs", "//! a\nuse std::sync::Mutex;\nuse tokio::net;\n"),
            ("config/src/a.rs", "//! a\nuse std::net::SocketAddr;\n"),
            ("config/src/a.rs", "//! a\n#[cfg(test)]\nmod tests { fn a() { Instant::now(); } }\n"),
            ("engine/src/a.rs", "//! a, never tokio\nconst A: &str = \"tokio\";\n"),
        ];
        for (path, text) in here {
            assert_eq!(rules_broken_by(path, text), [""; 0], "{text}");
        }
    }
}
