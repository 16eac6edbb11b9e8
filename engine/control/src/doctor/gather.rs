//! Asking the kernel. Nothing is judged here, and what cannot be read is left out.

use std::fs;
use std::os::fd::AsFd;
use std::path::Path;
use std::sync::Arc;

use config::Snapshot;
use config::snapshot::Address;
use rt::{EngineChoice, StartError};
use rustix::fs::{Access, OFlags, access, fcntl_getfl};
use rustix::io::Errno;
use rustix::process::{Resource, getrlimit};

use super::facts::{
    Bounds, Cpus, Facts, File, Inotify, Network, Quota, Refused, Ring, Tried, Wants,
};
use super::{Subject, owner};
use crate::access_log::inherited;
use crate::boot::workers_of;
use crate::reload::try_watch;
use crate::sockets::{BindError, try_bind};

/// What is watched when no file is named: this directory.
const ANY_FILE: &str = "outrigger.toml";

/// The words before what helps, in the seam's errors.
const REMEDY: &str = "; remedy: ";

/// Everything that can be known.
pub(super) fn gather(subject: Option<&Subject<'_>>) -> Facts {
    let snapshot = subject.and_then(|subject| subject.loaded.as_ref().ok()).copied();
    // Before the trial of io_uring, which raises it.
    let locked = bounds(Resource::Memlock);
    Facts {
        release: text("/proc/sys/kernel/osrelease").unwrap_or_default(),
        ring: Ring { usable: try_ring(), locked },
        descriptors: bounds(Resource::Nofile),
        cpus: cpus(snapshot),
        memory_max: in_cgroups("memory.max").filter_map(|max| max.parse().ok()).min(),
        network: network(),
        inotify: Inotify {
            instances_max: number("/proc/sys/fs/inotify/max_user_instances"),
            watches_max: number("/proc/sys/fs/inotify/max_user_watches"),
            watch: try_watch(subject.map_or(Path::new(ANY_FILE), |subject| subject.path))
                .map_err(|error| error.to_string()),
        },
        file: subject.map(file),
    }
}

fn try_ring() -> Result<(), (String, Option<String>)> {
    let Err(StartError::Uring(why)) = rt::probe(EngineChoice::Uring) else { return Ok(()) };
    Err(match why.split_once(REMEDY) {
        Some((why, remedy)) => (why.to_owned(), Some(remedy.to_owned())),
        None => (why, None),
    })
}

fn bounds(resource: Resource) -> Bounds {
    let limit = getrlimit(resource);
    Bounds { soft: limit.current, hard: limit.maximum }
}

fn cpus(snapshot: Option<&Snapshot>) -> Cpus {
    let available = rt::workers_available();
    let workers = workers_of(snapshot.and_then(|snapshot| snapshot.process.workers), &available);
    let quotas = in_cgroups("cpu.max").filter_map(|max| quota(&max));
    let share = |quota: &Quota| quota.quota_us.saturating_mul(1_000_000) / quota.period_us;
    let own = in_cgroups("cpu.stat").last().unwrap_or_default();
    Cpus {
        mask: available.cpus.len(),
        quota: quotas.min_by_key(share),
        periods: counter(&own, "nr_periods"),
        throttled: counter(&own, "nr_throttled"),
        workers,
    }
}

/// "quota period" in microseconds, or "max period".
fn quota(max: &str) -> Option<Quota> {
    let (quota, period) = max.split_once(' ')?;
    let (quota_us, period_us) = (quota.parse().ok()?, period.parse().ok()?);
    (period_us > 0).then_some(Quota { quota_us, period_us })
}

fn counter(stat: &str, key: &str) -> u64 {
    let line = stat.lines().find_map(|line| line.strip_prefix(key)?.trim().parse().ok());
    line.unwrap_or(0)
}

fn network() -> Network {
    let range = text("/proc/sys/net/ipv4/ip_local_port_range").unwrap_or_default();
    let mut ports = range.split_whitespace().filter_map(|port| port.parse().ok());
    Network {
        backlog_max: number("/proc/sys/net/core/somaxconn"),
        ports: ports.next().zip(ports.next()),
        reuse: number("/proc/sys/net/ipv4/tcp_tw_reuse"),
    }
}

fn file(subject: &Subject<'_>) -> File {
    let Subject { path, loaded, warnings } = subject;
    File {
        name: path.display().to_string(),
        wants: loaded.as_ref().map(|snapshot| wants(snapshot)).map_err(String::clone),
        warnings: *warnings,
        is_mount: is_mount(path),
        addresses: loaded.as_ref().map(|file| addresses(file, path)).unwrap_or_default(),
        access_log: loaded.as_ref().ok().and_then(|snapshot| access_log(snapshot)),
    }
}

/// Nothing is opened: a pipe's reader would take it for the proxy, and a file would be made.
/// A descriptor that the process was given may be written whatever its path says, as `run` does.
fn access_log(snapshot: &Snapshot) -> Option<(String, Result<(), Errno>)> {
    let path = &snapshot.access_log.as_ref()?.path;
    let directory = path.parent().unwrap_or(path);
    let given = inherited(path).ok().flatten().is_some_and(|output| is_writable(&output));
    let result = match access(&**path, Access::WRITE_OK) {
        _ if given => Ok(()),
        Ok(()) if path.is_dir() => Err(Errno::ISDIR),
        Err(Errno::NOENT) => access(directory, Access::WRITE_OK | Access::EXEC_OK),
        other => other,
    };
    Some((path.display().to_string(), result))
}

/// By the mode in which it was opened.
fn is_writable(output: &impl AsFd) -> bool {
    fcntl_getfl(output).is_ok_and(|flags| flags & OFlags::ACCMODE != OFlags::RDONLY)
}

fn wants(snapshot: &Snapshot) -> Wants {
    let listeners = snapshot.listeners.iter();
    let upstreams = || snapshot.upstreams.iter().flatten();
    let by_tcp = upstreams().filter(|upstream| {
        upstream.endpoints.iter().any(|endpoint| matches!(endpoint.address, Address::Inet(_)))
    });
    let per_listener: u64 = listeners.clone().map(|listener| listener.max_connections as u64).sum();
    Wants {
        engine: snapshot.process.io_engine,
        downstream: per_listener.min(snapshot.process.max_connections as u64),
        upstream: upstreams().map(|upstream| u64::from(upstream.limits.connections)).sum(),
        listeners: listeners.clone().count() as u64,
        backlog: listeners
            .map(|listener| (u64::from(listener.backlog), listener.name.to_string()))
            .max(),
        to_one: by_tcp
            .map(|upstream| (u64::from(upstream.limits.connections), upstream.name.to_string()))
            .max(),
    }
}

/// All are held until the last is tried: two listeners of one file may want the same.
fn addresses(snapshot: &Snapshot, file: &Path) -> Vec<Tried> {
    let admin: Arc<str> = Arc::from("admin");
    let listeners = snapshot
        .listeners
        .iter()
        .map(|listener| (format!("listener {}", listener.name), &listener.name, &listener.listen));
    let admin = snapshot.admin.listen.iter().map(|listen| ("admin".to_owned(), &admin, listen));
    let tried = listeners.chain(admin).map(|(about, name, address)| {
        let taken = try_bind(name, address);
        (about, address, taken)
    });
    let tried: Vec<_> = tried.collect();
    let tell = |(about, address, taken): &(String, &Address, Result<_, BindError>)| Tried {
        about: about.clone(),
        address: address.to_string(),
        outcome: taken.as_ref().map(|_taken| ()).map_err(|refusal| refused(refusal, file)),
    };
    tried.iter().map(tell).collect()
}

fn refused(refusal: &BindError, file: &Path) -> Refused {
    let text = refusal.to_string();
    let mut lines = text.lines().map(|line| line.trim().to_owned());
    let in_use = refusal.error.kind() == std::io::ErrorKind::AddrInUse;
    Refused {
        error: lines.next().unwrap_or_default(),
        remedy: lines.next(),
        owner: if in_use { owner::of(&refusal.address, file) } else { None },
    }
}

/// proc(5), `/proc/pid/mountinfo`: the fifth field is the mount's place.
fn is_mount(path: &Path) -> bool {
    let Ok(real) = std::path::absolute(path) else { return false };
    let mounts = text("/proc/self/mountinfo").unwrap_or_default();
    mounts.lines().any(|line| line.split(' ').nth(4).is_some_and(|place| Path::new(place) == real))
}

/// The contents of this file of each cgroup, outermost first.
fn in_cgroups(name: &str) -> impl Iterator<Item = String> {
    rt::cgroups().into_iter().filter_map(move |group| text(group.join(name)))
}

fn number(path: &str) -> Option<u64> {
    text(path)?.parse().ok()
}

fn text(path: impl AsRef<Path>) -> Option<String> {
    Some(fs::read_to_string(path).ok()?.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_machine_can_be_looked_at() {
        let facts = gather(None);
        assert!(!facts.release.is_empty() && facts.cpus.mask >= 1, "{facts:?}");
        assert!(facts.descriptors.soft > Some(0) && facts.network.ports.is_some(), "{facts:?}");
    }

    #[test]
    fn the_file_s_limits_are_added_up_and_its_addresses_given_back() {
        let text = "[process]\nmax_connections = 30\n[admin]\nlisten = false\n\
            [[listeners]]\nname = \"a\"\nlisten = \"127.0.0.1:0\"\nroutes = \"t\"\n\
            backlog = 7\nmax_connections = 20\n\
            [[listeners]]\nname = \"b\"\nlisten = \"127.0.0.1:0\"\nroutes = \"t\"\n\
            max_connections = 20\n[[routes.t]]\nupstream = \"u\"\n\
            [upstreams.u]\nendpoints = [\"127.0.0.1:1\"]\nlimits = { connections = 5 }\n";
        let loaded = config::load("test.toml", text.as_bytes(), None);
        let snapshot = loaded.unwrap_or_else(|problems| panic!("{problems}")).snapshot;
        let wants = wants(&snapshot);
        assert_eq!((wants.downstream, wants.upstream, wants.listeners), (30, 5, 2));
        assert_eq!(wants.backlog, Some((1024, "b".to_owned())));
        assert_eq!(wants.to_one, Some((5, "u".to_owned())));
        let tried = addresses(&snapshot, Path::new("test.toml"));
        assert!(tried.iter().all(|one| one.outcome.is_ok()), "{tried:?}");
    }

    #[test]
    fn an_output_is_judged_by_how_it_was_opened() {
        let (reader, writer) = std::io::pipe().expect("a pipe");
        assert!(!is_writable(&reader) && is_writable(&writer));
    }

    #[test]
    fn a_period_s_quota_is_read_and_max_is_none() {
        assert_eq!(quota("150000 100000"), Some(Quota { quota_us: 150_000, period_us: 100_000 }));
        assert_eq!(quota("max 100000"), None);
        assert_eq!(counter("nr_periods 12\nnr_throttled 3", "nr_throttled"), 3);
    }

    #[test]
    fn a_mounted_file_is_told_from_one_in_a_mounted_directory() {
        assert!(is_mount(Path::new("/proc")));
        assert!(!is_mount(Path::new("/proc/self/mountinfo")));
    }
}
