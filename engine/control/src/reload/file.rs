//! The configuration file itself: its stamp, and what reading it came to. Runs where it may block.

use std::fs::{File, Metadata};
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use config::{Loaded, Problems, Snapshot};

use tokio::sync::oneshot;

use super::settle::Stamp;

/// A larger file is refused unread.
const FILE_BYTES_MAX: u64 = 64 * 1024 * 1024;

/// Added to the reload thread's niceness: a core's thread weighs nine times as much, so that on a
/// full machine reading a file takes a tenth of one processor.
const NICENESS: i32 = 10;

/// What reading the file came to.
#[derive(Debug)]
pub(super) enum Reading {
    /// It changed meanwhile.
    Moving,
    /// It says what is in force already.
    Same,
    /// It cannot be read.
    Unreadable(io::Error),
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
/// `None` if the thread could not be made or did not live to tell.
pub(super) async fn read_aside(
    path: PathBuf,
    settled: Stamp,
    current: Arc<Snapshot>,
) -> Option<Reading> {
    let (tell, told) = oneshot::channel();
    let work = move || {
        // Without the permission to step back, the reload is only less polite.
        let _ = rustix::process::nice(NICENESS);
        let reading = read(&path, settled, &current);
        drop(current);
        // What the check needed beside its result.
        rt::give_back_memory();
        let _ = tell.send(reading);
    };
    std::thread::Builder::new().name("reload".to_owned()).spawn(work).ok()?;
    told.await.ok()
}

fn read(path: &Path, settled: Stamp, current: &Snapshot) -> Reading {
    let text = match read_unmoved(path, settled) {
        Ok(Some(text)) => text,
        Ok(None) => return Reading::Moving,
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
    let file = File::open(path)?;
    if stamp_of(&file.metadata()?) != settled {
        return Ok(None);
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
