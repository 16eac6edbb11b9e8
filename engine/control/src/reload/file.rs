//! The configuration file itself: its stamp, and what reading it came to. Runs where it may block.

use std::fs::{Metadata, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use config::{Loaded, Problems, Snapshot};
use rt::Shortage;
use rustix::fs::OFlags;
use tokio::sync::oneshot;

use super::settle::Stamp;
use crate::background;

/// A larger file is refused unread.
const FILE_BYTES_MAX: u64 = 64 * 1024 * 1024;

/// What reading the file came to.
#[derive(Debug)]
pub(super) enum Reading {
    /// It changed meanwhile.
    Moving,
    /// It says what is in force already.
    Same,
    /// It cannot be read.
    Unreadable(io::Error),
    /// It cannot be read now: descriptors, memory or threads are short.
    Short(io::Error),
    /// It is wrong.
    Wrong(Problems),
    /// It is good.
    Good(Box<Loaded>),
}

/// The file's stamp; `None` if it is not there or not to be seen.
pub(super) fn stamp(path: &Path) -> Option<Stamp> {
    std::fs::metadata(path).ok().map(|found| stamp_of(&found))
}

/// Reads and checks the file on a thread of its own, of low priority: a large one takes its time.
/// `None` if the thread did not live to tell.
pub(super) async fn read_aside(
    path: PathBuf,
    settled: Stamp,
    current: Arc<Snapshot>,
) -> Option<Reading> {
    let (tell, told) = oneshot::channel();
    let work = move || {
        background::step_back();
        let reading = read(&path, settled, &current);
        drop(current);
        // What the check needed beside its result.
        rt::give_back_memory();
        let _ = tell.send(reading);
    };
    match std::thread::Builder::new().name("reload".to_owned()).spawn(work) {
        Ok(_) => told.await.ok(),
        Err(error) => Some(Reading::Short(error)),
    }
}

fn read(path: &Path, settled: Stamp, current: &Snapshot) -> Reading {
    let text = match read_unmoved(path, settled) {
        Ok(Some(text)) => text,
        Ok(None) => return Reading::Moving,
        Err(error) if Shortage::of(&error).is_some() => return Reading::Short(error),
        Err(error) => return Reading::Unreadable(error),
    };
    if config::hash(&text) == current.hash {
        return Reading::Same;
    }
    match config::load(&path.display().to_string(), &text, Some(current)) {
        Ok(loaded) => Reading::Good(Box::new(loaded)),
        Err(problems) => Reading::Wrong(problems),
    }
}

/// The bytes, if the file bore the same stamp before and after.
fn read_unmoved(path: &Path, settled: Stamp) -> io::Result<Option<Vec<u8>>> {
    // Opening a pipe would wait for its writer, and reading a device for who knows what.
    let flags = i32::try_from((OFlags::NONBLOCK | OFlags::NOCTTY).bits()).expect("they are ints");
    let file = match OpenOptions::new().read(true).custom_flags(flags).open(path) {
        // It stood there a moment ago.
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        opened => opened?,
    };
    let found = file.metadata()?;
    if stamp_of(&found) != settled {
        return Ok(None);
    }
    if !found.is_file() && !found.is_dir() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is no regular file"));
    }
    if settled.size > FILE_BYTES_MAX {
        let what = format!("{} bytes are more than a configuration may have", settled.size);
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, what));
    }
    let mut text = Vec::new();
    file.take(FILE_BYTES_MAX).read_to_end(&mut text)?;
    // By path: another file may have taken the place of the one that is open.
    Ok((stamp(path) == Some(settled)).then_some(text))
}

fn stamp_of(found: &Metadata) -> Stamp {
    let modified_ns = i128::from(found.mtime()) * 1_000_000_000 + i128::from(found.mtime_nsec());
    Stamp { device: found.dev(), inode: found.ino(), size: found.size(), modified_ns }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    const GOOD: &str = "[[listeners]]\nname = \"in\"\nlisten = \"127.0.0.1:0\"\nroutes = \"t\"\n\
        [[routes.t]]\nrespond = { status = 200 }\n";

    /// A file of its own, removed when dropped.
    struct Scratch(PathBuf);

    impl Scratch {
        fn new(test: &str, text: &str) -> Self {
            let name = format!("outrigger-file-{}-{test}.toml", std::process::id());
            let path = std::env::temp_dir().join(name);
            fs::write(&path, text).expect("the temporary directory is writable");
            Self(path)
        }

        fn stamp(&self) -> Stamp {
            stamp(&self.0).expect("the file is there")
        }
    }

    impl Drop for Scratch {
        fn drop(&mut self) {
            let _ = fs::remove_file(&self.0);
        }
    }

    fn snapshot() -> Snapshot {
        config::load("good.toml", GOOD.as_bytes(), None).expect("it is good").snapshot
    }

    #[test]
    fn a_file_that_says_what_is_in_force_is_the_same() {
        let file = Scratch::new("same", GOOD);
        assert!(matches!(read(&file.0, file.stamp(), &snapshot()), Reading::Same));
    }

    #[test]
    fn a_good_file_is_good_and_a_wrong_one_wrong() {
        let file = Scratch::new("good", &format!("{GOOD}# more\n"));
        assert!(matches!(read(&file.0, file.stamp(), &snapshot()), Reading::Good(_)));
        fs::write(&file.0, "nonsense").expect("it is writable");
        assert!(matches!(read(&file.0, file.stamp(), &snapshot()), Reading::Wrong(_)));
    }

    #[test]
    fn a_file_that_is_another_one_than_what_stood_still_is_not_taken() {
        let file = Scratch::new("moving", GOOD);
        let settled = file.stamp();
        fs::write(&file.0, format!("{GOOD}# more\n")).expect("it is writable");
        assert!(matches!(read(&file.0, settled, &snapshot()), Reading::Moving));
    }

    #[test]
    fn a_file_moved_over_it_bears_another_stamp_at_the_same_size_and_time() {
        let (old, new) = (Scratch::new("old", GOOD), Scratch::new("new", GOOD));
        let settled = old.stamp();
        let time = fs::metadata(&old.0).and_then(|found| found.modified()).expect("it has one");
        let moved = fs::File::options().write(true).open(&new.0).expect("it is writable");
        moved.set_modified(time).expect("it is ours");
        fs::rename(&new.0, &old.0).expect("the directory is writable");
        assert_ne!(old.stamp(), settled);
    }

    #[test]
    fn a_pipe_in_its_place_is_refused_at_once() {
        let pipe = Scratch::new("pipe", "");
        fs::remove_file(&pipe.0).expect("it is there");
        let mode = rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR;
        rustix::fs::mkfifoat(rustix::fs::CWD, &pipe.0, mode).expect("it can be made");
        let reading = read(&pipe.0, pipe.stamp(), &snapshot());
        assert!(matches!(reading, Reading::Unreadable(_)), "{reading:?}");
    }

    #[test]
    fn a_file_that_is_gone_by_now_is_waited_for() {
        let gone = Stamp { device: 0, inode: 0, size: 0, modified_ns: 0 };
        let path = Path::new("/nonexistent/sidecar.toml");
        assert!(matches!(read(path, gone, &snapshot()), Reading::Moving));
    }

    #[test]
    fn what_cannot_be_read_says_why() {
        let path = Path::new("/");
        let reading = read(path, stamp(path).expect("it is there"), &snapshot());
        let is_directory = io::ErrorKind::IsADirectory;
        assert!(matches!(reading, Reading::Unreadable(error) if error.kind() == is_directory));
    }
}
