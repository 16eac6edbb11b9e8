//! Configuration files: any bytes are taken or refused with something to say, never a panic; a file
//! that is taken is taken again, as the same, over itself.

use config::load;

/// Loads `data` as a file, and over itself.
pub fn run(data: &[u8]) {
    match load("fuzz.toml", data, None) {
        Err(problems) => {
            assert!(!problems.is_empty(), "a refusal has a reason");
            assert!(!problems.to_string().is_empty());
            assert!(!problems.to_json().is_null());
        }
        Ok(loaded) => {
            let again =
                load("fuzz.toml", data, Some(&loaded.snapshot)).expect("taken once already");
            assert_eq!(again.snapshot.hash, loaded.snapshot.hash);
            assert_eq!(again.snapshot.listeners, loaded.snapshot.listeners);
            assert_eq!(again.snapshot.tables, loaded.snapshot.tables);
            assert_eq!(again.snapshot.upstreams, loaded.snapshot.upstreams);
        }
    }
}
