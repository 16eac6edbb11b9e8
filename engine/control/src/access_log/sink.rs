//! What lines are written into: a file, a pipe, a device, and what of it is still what the path
//! says.
//!
//! No write blocks but one to a file on a disk that is stuck, which the kernel gives no way around.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::fd::AsFd;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::OFlags;

/// Of a file that did not exist. Who may read it is the directory's and the group's matter.
const MODE: u32 = 0o640;

/// A pipe takes so many bytes whole or not at all, and is called writable by poll(2) when it has
/// room for them (`PIPE_BUF`).
const PIPE_BYTES: usize = 4096;

/// An open log.
#[derive(Debug)]
pub(super) struct Sink {
    pub(super) path: Arc<Path>,
    file: File,
    /// A file of our own: it takes any number of bytes, and nobody writes between.
    is_plain: bool,
    /// The file shares its description with whoever gave it to us, and may block.
    is_inherited: bool,
}

impl Sink {
    /// Opens the path, and makes a file if there is none.
    pub(super) fn open(path: &Arc<Path>) -> io::Result<Self> {
        let flags = OFlags::NONBLOCK | OFlags::NOCTTY;
        let flags = i32::try_from(flags.bits()).expect("flags of open(2) are ints");
        let mut options = OpenOptions::new();
        options.append(true).create(true).mode(MODE).custom_flags(flags);
        let (file, is_inherited) = match (inherited(path)?, options.open(path)) {
            // Of a file, the output's position must be shared, or one would overwrite the other.
            (Some(ours), _) if ours.metadata()?.is_file() => (ours, true),
            (_, Ok(file)) => (file, false),
            // A socket, or a pipe of another user's, cannot be opened by its path.
            (Some(ours), Err(_)) => (ours, true),
            (None, Err(error)) => return Err(error),
        };
        let is_plain = !is_inherited && file.metadata()?.is_file();
        Ok(Self { path: path.clone(), file, is_plain, is_inherited })
    }

    /// Writes as much as can be written now. `WouldBlock`: nothing; ask `wait`.
    pub(super) fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.is_inherited && !self.wait(Duration::ZERO) {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        let bytes = if self.is_plain { bytes } else { first_lines(bytes, PIPE_BYTES) };
        self.file.write(bytes)
    }

    /// Waits until there is room, at most so long; false if there is none.
    pub(super) fn wait(&self, at_most: Duration) -> bool {
        let timeout = Timespec::try_from(at_most).expect("the waits are short");
        let mut fds = [PollFd::from_borrowed_fd(self.file.as_fd(), PollFlags::OUT)];
        poll(&mut fds, Some(&timeout)).is_ok_and(|ready| ready > 0)
    }

    /// Whether the path still leads here: the file was neither renamed nor removed.
    pub(super) fn is_current(&self) -> bool {
        let identity = |file: &fs::Metadata| (file.dev(), file.ino());
        match (fs::metadata(&self.path), self.file.metadata()) {
            (Ok(there), Ok(here)) => identity(&there) == identity(&here),
            (Err(error), _) => error.kind() != io::ErrorKind::NotFound,
            (_, Err(_)) => true,
        }
    }
}

/// As many whole lines as fit; a part of one that does not fit by itself. Somebody else's lines may
/// come between two writes, and must not come between the parts of a line.
fn first_lines(bytes: &[u8], bytes_max: usize) -> &[u8] {
    let fits = &bytes[..bytes.len().min(bytes_max)];
    match fits.iter().rposition(|byte| *byte == b'\n') {
        Some(end) => &fits[..=end],
        None => fits,
    }
}

/// The process's own output, if the path names it.
pub(crate) fn inherited(path: &Path) -> io::Result<Option<File>> {
    let fd = match path.to_str() {
        Some("/dev/stdout") => io::stdout().as_fd().try_clone_to_owned(),
        Some("/dev/stderr") => io::stderr().as_fd().try_clone_to_owned(),
        _ => return Ok(None),
    };
    fd.map(|fd| Some(File::from(fd)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_lines_go_together_and_a_long_one_in_parts() {
        assert_eq!(first_lines(b"ab\ncd\nef\n", 7), b"ab\ncd\n");
        assert_eq!(first_lines(b"ab\n", 7), b"ab\n");
        assert_eq!(first_lines(b"abcdefghi\n", 7), b"abcdefg");
    }
}
