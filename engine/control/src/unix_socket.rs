//! The file that a Unix listener leaves in the file system: whether it may be taken away, and by
//! whom. Called by `sockets` alone.

use std::fs;
use std::io;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use socket2::{Domain, SockAddr, Socket, Type};

/// Owner and group may connect, as a pod's containers share a group (`fsGroup`), not a user.
const MODE: u32 = 0o660;

/// A socket's file of ours; unlinked when dropped, unless another file has taken its place.
#[derive(Debug)]
pub(crate) struct UnixFile {
    path: PathBuf,
    inode: u64,
}

impl UnixFile {
    /// The file that a bind has just made at `path`. Sets its mode.
    pub(crate) fn of_bound(path: &Path) -> io::Result<Self> {
        let inode = fs::symlink_metadata(path)?.ino();
        let file = Self { path: path.to_owned(), inode };
        fs::set_permissions(path, fs::Permissions::from_mode(MODE))?;
        Ok(file)
    }
}

impl Drop for UnixFile {
    fn drop(&mut self) {
        if fs::symlink_metadata(&self.path).is_ok_and(|found| found.ino() == self.inode) {
            // It may be gone in between, or the directory be read-only by now: nothing is lost.
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// Removes a socket at `path` that nobody answers on any more. One that answers is in use, unless
/// it is `ours`, which a new listener of the same path replaces.
pub(crate) fn make_way(path: &Path, address: &SockAddr, ours: bool) -> io::Result<()> {
    match fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
        Ok(found) if !found.file_type().is_socket() => {
            let what = "the path exists and is no socket";
            return Err(io::Error::new(io::ErrorKind::AlreadyExists, what));
        }
        Ok(_) => {}
    }
    if !ours && answers(address)? {
        return Err(io::Error::from(io::ErrorKind::AddrInUse));
    }
    fs::remove_file(path)
}

/// Does not wait: somebody whose backlog is full answers too.
fn answers(address: &SockAddr) -> io::Result<bool> {
    let socket = Socket::new(Domain::UNIX, Type::STREAM, None)?;
    socket.set_nonblocking(true)?;
    match socket.connect(address) {
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => Ok(false),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => Err(error),
        Ok(()) | Err(_) => Ok(true),
    }
}
