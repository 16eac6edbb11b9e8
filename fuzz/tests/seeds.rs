//! Replays fuzz/seeds/: what the fuzzer once found worth keeping passes on every `cargo test`.

use std::fs;
use std::panic::catch_unwind;
use std::path::Path;

use fuzz::TARGETS;

#[test]
fn every_seed_of_every_target_passes() {
    let seeds = Path::new(env!("CARGO_MANIFEST_DIR")).join("seeds");
    let mut failed = Vec::new();
    for target in TARGETS {
        let directory = seeds.join(target.name);
        let mut count = 0;
        for entry in fs::read_dir(&directory).expect("every target has seeds") {
            let path = entry.expect("the seeds can be read").path();
            let seed = fs::read(&path).expect("a seed can be read");
            if catch_unwind(|| (target.run)(&seed)).is_err() {
                failed.push(path.display().to_string());
            }
            count += 1;
        }
        assert!(count > 0, "{} has no seeds", target.name);
    }
    assert!(failed.is_empty(), "these panic (the reasons stand above):\n{}", failed.join("\n"));
}

#[test]
fn every_target_has_a_row_a_binary_and_a_directory_of_seeds() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let names = |directory: &str| {
        let entries = fs::read_dir(root.join(directory)).expect("it can be read");
        let mut names: Vec<String> = entries
            .map(|entry| entry.expect("it can be read").path())
            .map(|path| path.file_stem().unwrap_or_default().to_string_lossy().into_owned())
            .collect();
        names.sort();
        names
    };
    let rows: Vec<_> = TARGETS.iter().map(|target| target.name.to_owned()).collect();
    assert_eq!(names("fuzz_targets"), rows);
    assert_eq!(names("seeds"), rows);
}
