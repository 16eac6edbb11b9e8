//! Writes what the fuzzer may begin with to fuzz/corpus/: the cases of wire's corpus, the example
//! configurations, and paths. fuzz/README.md says when.

#[path = "../../engine/wire/tests/case/mod.rs"]
mod case;

use std::fs;
use std::path::Path;

use case::Case;

/// Targets of the path normaliser, with the tricks of its trade.
const PATHS: &[&str] = &[
    "/",
    "*",
    "",
    "/a/./b/../c",
    "/a%2e%2E/b",
    "/a//b",
    "/a/..;x/b",
    "/a%2fb%5Cc",
    "/a\\b",
    "/%00",
    "/%",
    "/%zz",
    "/a?b=/../c",
    "/a;p=1/b;q",
    "/;x/",
    "/..",
    "/../../x",
    "/%252e%252e/",
    "/a#b",
    "/\u{e9}",
    "/a/..%2Fb",
    "/a/.%3bx/",
    "/..%3Bx/y",
    "//evil.example/..",
    "/a/b/..//../c?d#",
];

fn main() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let cases = Case::all(&root.join("../engine/wire/tests/corpus"));
    let is_faulty = |case: &&Case| case.events.iter().any(|event| event.starts_with("fault"));
    println!("{} cases, {} of them faulty", cases.len(), cases.iter().filter(is_faulty).count());
    for case in cases {
        let with = |prefix: &[u8]| [prefix, &case.input].concat();
        match case.kind.as_str() {
            "requests" => {
                write(root, "request_head", &case.name, &case.input);
                write(root, "route_request", &case.name, &case.input);
                write(root, "h1_connection", &case.name, &with(b"R\x01\x03\x40"));
            }
            "responses" => {
                let method = case.methods.first().map_or(b'G', |method| method[0]);
                write(root, "response_head", &case.name, &with(&[method]));
                let side = if method == b'H' { b'H' } else { b'A' };
                write(root, "h1_connection", &case.name, &with(&[side, 1, 3, 64]));
            }
            _ => write(root, "chunked_body", &case.name, &with(b"\x01\x07")),
        }
    }
    for (number, path) in PATHS.iter().enumerate() {
        for options in [0, 1, 2, 0x80] {
            let seed = [&[options], path.as_bytes()].concat();
            write(root, "path_normalise", &format!("{number}-{options}"), &seed);
        }
        let request = format!("GET {path} HTTP/1.1\r\nHost: a\r\nCookie: user=a\r\n\r\n");
        write(root, "route_request", &format!("path-{number}"), request.as_bytes());
    }
    let examples = fs::read_dir(root.join("../config/examples")).expect("there are examples");
    let examples = examples.map(|entry| entry.expect("it can be read").path());
    for path in examples.chain([root.join("route_request.toml")]) {
        let name = path.file_name().expect("a file has a name").to_string_lossy().into_owned();
        write(root, "config_load", &name, &fs::read(&path).expect("it can be read"));
    }
}

fn write(root: &Path, target: &str, name: &str, seed: &[u8]) {
    let directory = root.join("corpus").join(target);
    fs::create_dir_all(&directory).expect("the corpus can be written");
    fs::write(directory.join(name), seed).expect("the corpus can be written");
}
