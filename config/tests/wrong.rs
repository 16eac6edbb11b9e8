//! Each file of `tests/wrong` gets exactly the message that lies beside it.
//!
//! After a change of messages: `BLESS=1 cargo test -p config --test wrong`, then read the diff.

use std::path::{Path, PathBuf};

fn cases() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/wrong");
    let files = std::fs::read_dir(folder).expect("a folder").flatten().map(|entry| entry.path());
    let mut files: Vec<_> =
        files.filter(|path| path.extension().is_some_and(|ext| ext == "toml")).collect();
    files.sort();
    files
}

/// What a user reads.
fn messages(path: &Path) -> String {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let text = std::fs::read(path).expect("a file");
    match config::load(&name, &text, None) {
        Ok(loaded) => loaded.warnings.to_string(),
        Err(problems) => problems.to_string(),
    }
}

#[test]
fn every_wrong_file_gets_its_exact_message() {
    let bless = std::env::var_os("BLESS").is_some();
    let mut failed = Vec::new();
    for path in cases() {
        let (said, beside) = (messages(&path), path.with_extension("stderr"));
        if bless {
            std::fs::write(&beside, &said).unwrap();
        } else if said != std::fs::read_to_string(&beside).unwrap_or_default() {
            failed.push(format!("{}:\n{said}", path.display()));
        }
    }
    assert!(failed.is_empty(), "BLESS=1 accepts these:\n\n{}", failed.join("\n"));
}

#[test]
fn every_wrong_file_is_found_wrong() {
    let cases = cases();
    assert!(cases.len() >= 60, "only {} wrong files", cases.len());
    for path in cases {
        let said = messages(&path);
        let warns = path.file_name().unwrap().to_string_lossy().starts_with("warning-");
        assert!(said.starts_with(if warns { "warning: " } else { "error: " }), "{said}");
    }
}

#[test]
fn a_wrong_file_is_never_taken_and_a_warned_one_is() {
    for path in cases() {
        let warns = path.file_name().unwrap().to_string_lossy().starts_with("warning-");
        let loaded = config::load("x", &std::fs::read(&path).unwrap(), None);
        assert_eq!(loaded.is_ok(), warns, "{}", path.display());
    }
}
