//! Every file of `config/examples` loads without a warning.

use std::path::Path;

#[test]
fn every_example_loads_without_a_warning() {
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples");
    let mut loaded = 0;
    for entry in std::fs::read_dir(&examples).unwrap() {
        let path = entry.unwrap().path();
        let text = std::fs::read(&path).unwrap();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        match config::load(&name, &text, None) {
            Ok(taken) => assert!(taken.warnings.is_empty(), "{}", taken.warnings),
            Err(problems) => panic!("{problems}"),
        }
        loaded += 1;
    }
    assert!(loaded > 0, "no example in {}", examples.display());
}
