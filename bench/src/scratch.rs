//! A directory for one run's configurations, logs and sockets, removed when the run ends.

use std::io;
use std::path::{Path, PathBuf};
use std::{env, fs, process};

/// The directory.
pub struct Scratch(PathBuf);

impl Scratch {
    /// Makes one, named for this process; its path is short enough for Unix sockets in it.
    pub fn new() -> io::Result<Self> {
        let path = env::temp_dir().join(format!("outrigger-bench-{}", process::id()));
        fs::create_dir_all(&path)?;
        Ok(Self(path))
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // What cannot be removed is left for the system to clean; there is nobody to tell.
        let _ = fs::remove_dir_all(&self.0);
    }
}
