//! An access log in a directory of its own, and how a test reads it.

use std::fs;
use std::path::{Path, PathBuf};

use crate::proxy::{ConfigFile, Proxy};
use crate::wait::until;

/// Where a log is to be written; removed when dropped.
#[derive(Debug)]
pub struct Log {
    directory: ConfigFile,
}

impl Log {
    /// No file is there yet.
    #[allow(clippy::new_without_default, reason = "it makes a directory")]
    pub fn new() -> Log {
        Log { directory: ConfigFile::new("") }
    }

    /// The log.
    pub fn path(&self) -> PathBuf {
        self.beside("access.log")
    }

    /// Another path in its directory.
    pub fn beside(&self, name: &str) -> PathBuf {
        self.directory.beside(name)
    }

    /// Drains the proxy, and reads what it has written.
    #[track_caller]
    pub fn at_the_end(&self, proxy: Proxy) -> Vec<String> {
        proxy.terminate();
        let ended = proxy.wait();
        assert_eq!(ended.code, Some(0), "{}", ended.output);
        whole_lines(&self.path())
    }

    /// Waits until so many lines are written.
    #[track_caller]
    pub fn until_lines(&self, count: usize) -> Vec<String> {
        until(&format!("{count} lines"), || {
            // What is being written may be seen in part.
            let text = fs::read_to_string(self.path()).unwrap_or_default();
            let (whole, _) = text.rsplit_once('\n')?;
            Some(whole.lines().map(str::to_owned).collect())
                .filter(|all: &Vec<_>| all.len() >= count)
        })
    }
}

/// The lines of a file, none of which is torn; none if there is no file.
#[track_caller]
pub fn whole_lines(path: &Path) -> Vec<String> {
    let text = String::from_utf8_lossy(&fs::read(path).unwrap_or_default()).into_owned();
    assert!(text.is_empty() || text.ends_with('\n'), "a torn line: {text:?}");
    text.lines().map(str::to_owned).collect()
}

/// A configuration with this log, and these keys of `[access_log]`.
pub fn with_log(log: &Log, keys: &str, config: &str) -> String {
    with_log_at(&log.path(), keys, config)
}

/// Likewise, at any path.
pub fn with_log_at(path: &Path, keys: &str, config: &str) -> String {
    format!("[access_log]\npath = \"{}\"\n{keys}\n{config}", path.display())
}
