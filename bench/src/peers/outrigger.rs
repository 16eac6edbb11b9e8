//! Outrigger's configuration file while it runs: what it says, and how it is changed.

use std::fs;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use super::Proxy;
use super::template::fill;
use crate::net::Address;

/// What stands in the file; `bench/peers/outrigger.toml` is its frame.
#[derive(Debug, Clone)]
pub struct Configuration {
    /// `Proxy::Uring` or `Proxy::Epoll`.
    pub engine: Proxy,
    /// Cores.
    pub workers: usize,
    /// Where clients come, IP:PORT.
    pub listen: SocketAddr,
    /// The admin listener.
    pub admin: SocketAddr,
    /// Behind every upstream.
    pub origin: Address,
    /// Upstreams beyond the one that is used, each with its route `/u/N/`.
    pub further_upstreams: usize,
    /// Part of the further upstreams' names: another number makes each of them, and the whole route
    /// table, another one.
    pub version: u32,
    /// Every request is logged there as JSON.
    pub access_log: Option<PathBuf>,
    /// The file.
    pub path: PathBuf,
}

impl Configuration {
    fn text(&self) -> String {
        let access_log = self.access_log.as_ref().map_or(String::new(), |path| {
            format!("[access_log]\npath = \"{}\"\nformat = \"json\"\n", path.display())
        });
        let values = [
            ("ENGINE", self.engine.key()),
            ("WORKERS", &self.workers.to_string()),
            ("ADMIN", &self.admin.to_string()),
            ("LISTEN", &self.listen.to_string()),
            ("ORIGIN", &self.origin.to_string()),
            ("VERSION", &self.version.to_string()),
            ("ACCESS_LOG", &access_log),
        ];
        fill(include_str!("../../peers/outrigger.toml"), &values, self.further_upstreams)
    }
}

/// The file of a running Outrigger.
#[derive(Debug)]
pub struct LiveFile {
    /// What it says now.
    now: Configuration,
}

/// A next file that lies beside the one in force: saving it takes one rename.
#[derive(Debug)]
pub struct NextFile {
    next: Configuration,
    beside: PathBuf,
}

impl LiveFile {
    /// Writes it.
    pub(super) fn new(configuration: Configuration) -> io::Result<Self> {
        fs::write(&configuration.path, configuration.text())?;
        Ok(Self { now: configuration })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.now.path
    }

    /// Where the admin listener is.
    pub fn admin(&self) -> SocketAddr {
        self.now.admin
    }

    /// Writes the same file, with a `change`, beside the one in force.
    pub fn prepare(&self, change: impl FnOnce(&mut Configuration)) -> io::Result<NextFile> {
        let mut next = self.now.clone();
        change(&mut next);
        let beside = next.path.with_extension("next");
        fs::write(&beside, next.text())?;
        Ok(NextFile { next, beside })
    }

    /// Moves `next` over the file, as editors do.
    pub fn save(&mut self, next: NextFile) -> io::Result<()> {
        fs::rename(&next.beside, &next.next.path)?;
        self.now = next.next;
        Ok(())
    }

    /// Saves the file with every further upstream and route replaced by another.
    pub fn save_next_version(&mut self) -> io::Result<()> {
        let next = self.prepare(|configuration| configuration.version += 1)?;
        self.save(next)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn configuration() -> Configuration {
        Configuration {
            engine: Proxy::Epoll,
            workers: 2,
            listen: ([127, 0, 0, 1], 1).into(),
            admin: ([127, 0, 0, 1], 2).into(),
            origin: Address::any_port(),
            further_upstreams: 3,
            version: 7,
            access_log: None,
            path: PathBuf::new(),
        }
    }

    #[test]
    fn the_file_is_one_that_outrigger_reads() {
        let text = configuration().text().replace("127.0.0.1:0", "127.0.0.1:3");
        let loaded = config::load("bench.toml", text.as_bytes(), None);
        let snapshot = loaded.unwrap_or_else(|problems| panic!("{problems}")).snapshot;
        assert_eq!(snapshot.process.workers, Some(2));
        assert_eq!(snapshot.upstreams.iter().flatten().count(), 4);
    }

    #[test]
    fn another_version_replaces_all_but_the_upstream_in_use() {
        let (one, other) = (configuration(), Configuration { version: 8, ..configuration() });
        let (one, other) = (one.text(), other.text());
        let kept = one.lines().filter(|line| line.starts_with("[upstreams"));
        assert_eq!(
            kept.filter(|line| other.contains(line)).collect::<Vec<_>>(),
            ["[upstreams.app]"]
        );
    }
}
