//! Being told when the file may have changed.
//!
//! The directory is watched, not the file: a watch on a file follows the inode and misses renames
//! and the `..data` swap of mounted ConfigMaps. inotify may be exhausted, the directory may go and
//! come back, a file system may tell nothing: the caller's slow poll finds what this misses.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use notify::{Event, EventKind, RecommendedWatcher, RecursiveMode, Watcher};
use tokio::sync::mpsc;

/// A watch over the directories in which the file is named and in which it lies.
pub(super) struct Watch {
    file: PathBuf,
    watcher: Option<RecommendedWatcher>,
    tell: mpsc::Sender<()>,
    told_of_failure: bool,
}

impl Watch {
    /// Watches `file`; the receiver hears of changes, several of them perhaps as one.
    pub(super) fn new(file: &Path) -> (Self, mpsc::Receiver<()>) {
        let (tell, changes) = mpsc::channel(1);
        let mut watch = Self { file: file.to_owned(), watcher: None, tell, told_of_failure: false };
        watch.renew();
        (watch, changes)
    }

    /// Watches anew: the directory may be another one by now.
    pub(super) fn renew(&mut self) {
        // The old one goes first: where instances are scarce, it makes room.
        self.watcher = None;
        match begin(&self.file, self.tell.clone()) {
            Ok(watcher) => self.watcher = Some(watcher),
            Err(error) if !self.told_of_failure => {
                self.told_of_failure = true;
                tracing::warn!(
                    "changes of {} cannot be watched ({error}); it is looked at every second \
                     instead. If inotify is exhausted, raise fs.inotify.max_user_instances",
                    self.file.display()
                );
            }
            Err(_) => {}
        }
    }
}

/// Whether `file` could be watched now.
pub(crate) fn try_watch(file: &Path) -> notify::Result<()> {
    begin(file, mpsc::channel(1).0).map(drop)
}

fn begin(file: &Path, tell: mpsc::Sender<()>) -> notify::Result<RecommendedWatcher> {
    let real = file.canonicalize().unwrap_or_else(|_| file.to_owned());
    let names = [file, &real].map(|path| path.file_name().map(OsStr::to_owned));
    let mut watcher = notify::recommended_watcher(move |event: notify::Result<Event>| {
        if event.map_or(true, |event| concerns(&event, &names)) {
            // A full channel says it already.
            let _ = tell.try_send(());
        }
    })?;
    watcher.watch(directory_of(file), RecursiveMode::NonRecursive)?;
    // The same directory twice is one watch.
    watcher.watch(directory_of(&real), RecursiveMode::NonRecursive)?;
    Ok(watcher)
}

/// Whether it may have changed the file. Reading it is an event too, and no change; the directory
/// may hold other files, written all the time; ConfigMaps are swapped by `..data`.
fn concerns(event: &Event, names: &[Option<OsString>]) -> bool {
    let named = |path: &PathBuf| {
        let name = path.file_name();
        let swapped = name.is_some_and(|name| name.as_encoded_bytes().starts_with(b".."));
        swapped || names.iter().any(|known| known.as_deref() == name)
    };
    !matches!(event.kind, EventKind::Access(_)) && event.paths.iter().any(named)
}

fn directory_of(file: &Path) -> &Path {
    match file.parent() {
        Some(parent) if parent != Path::new("") => parent,
        _ => Path::new("."),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use notify::event::{AccessKind, CreateKind, ModifyKind, RenameMode};

    const WRITTEN: EventKind = EventKind::Modify(ModifyKind::Any);

    fn concerned(kind: EventKind, path: &str) -> bool {
        let names = [Some("sidecar.toml".into()), Some("real.toml".into())];
        concerns(&Event::new(kind).add_path(path.into()), &names)
    }

    #[test]
    fn writing_making_and_moving_the_file_concern_it() {
        let moved = EventKind::Modify(ModifyKind::Name(RenameMode::To));
        for kind in [WRITTEN, EventKind::Create(CreateKind::File), moved] {
            assert!(concerned(kind, "/etc/outrigger/sidecar.toml"), "{kind:?}");
            assert!(concerned(kind, "/etc/elsewhere/real.toml"), "{kind:?}");
        }
    }

    #[test]
    fn a_config_map_s_swap_concerns_it() {
        assert!(concerned(EventKind::Create(CreateKind::Any), "/etc/outrigger/..data"));
    }

    #[test]
    fn reading_the_file_does_not_concern_it_or_every_reload_would_be_followed_by_one() {
        assert!(!concerned(EventKind::Access(AccessKind::Any), "/etc/outrigger/sidecar.toml"));
    }

    #[test]
    fn other_files_of_the_directory_do_not_concern_it() {
        assert!(!concerned(WRITTEN, "/etc/outrigger/access.log"));
        assert!(!concerned(WRITTEN, "/etc/outrigger/sidecar.toml.swp"));
    }

    #[test]
    fn a_file_named_without_a_directory_lies_in_this_one() {
        assert_eq!(directory_of(Path::new("sidecar.toml")), Path::new("."));
        assert_eq!(directory_of(Path::new("/etc/sidecar.toml")), Path::new("/etc"));
    }

    #[test]
    fn what_cannot_be_watched_is_no_failure() {
        let (watch, _changes) = Watch::new(Path::new("/nonexistent/sidecar.toml"));
        assert!(watch.told_of_failure && watch.watcher.is_none());
    }
}
