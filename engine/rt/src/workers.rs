//! How many cores this process may use: its affinity mask, and the CPU limit of its cgroup. Never
//! the host's count, which would give a pod with one CPU as many threads as its node has
//! processors.

use std::path::{Component, Path, PathBuf};

use crate::sys;

/// What the process was given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Workers {
    /// The processors of the affinity mask, ascending.
    pub cpus: Vec<usize>,
    /// ceil(the tightest cgroup v2 `cpu.max`), at least 1, at most `cpus.len()`.
    pub limit: usize,
}

/// Reads the affinity mask and the cgroup; what cannot be read limits nothing.
pub fn workers_available() -> Workers {
    let cpus = sys::affinity().ok().filter(|cpus| !cpus.is_empty()).unwrap_or_else(|| vec![0]);
    let file = |path: &Path| std::fs::read_to_string(path).ok();
    let limit = cgroup_limit(file).unwrap_or(usize::MAX).clamp(1, cpus.len());
    Workers { cpus, limit }
}

/// The directories of the process's cgroup (v2) and of those above it that it can see, outermost
/// first; empty where there is none.
pub fn cgroups() -> Vec<PathBuf> {
    groups_of(|path| std::fs::read_to_string(path).ok()).unwrap_or_default()
}

/// The CPUs that the process's cgroup and those above it grant, rounded up; `None` if they set no
/// limit. Linux, Documentation/admin-guide/cgroup-v2.rst, "CPU Interface Files".
fn cgroup_limit(file: impl Fn(&Path) -> Option<String>) -> Option<usize> {
    groups_of(&file)?
        .iter()
        .filter_map(|group| file(&group.join("cpu.max")))
        .filter_map(|max| cpus(&max))
        .min()
}

fn groups_of(file: impl Fn(&Path) -> Option<String>) -> Option<Vec<PathBuf>> {
    let mounts = file(Path::new("/proc/self/mountinfo"))?;
    let (root, mounted_at) = mounts.lines().find_map(cgroup2_mount)?;
    let groups = file(Path::new("/proc/self/cgroup"))?;
    let own = groups.lines().find_map(|line| line.strip_prefix("0::"))?;
    // Without a cgroup namespace, a container may see only the part of the tree that is mounted.
    let own = Path::new(own);
    let own = own.strip_prefix(root).unwrap_or(own);
    let mut group = Path::new(mounted_at).to_owned();
    // `..` leads out of the namespace, where there is nothing to be read.
    let inside = own.components().filter(|part| matches!(part, Component::Normal(_)));
    let mut groups: Vec<PathBuf> = vec![group.clone()];
    for part in inside {
        group.push(part);
        groups.push(group.clone());
    }
    Some(groups)
}

/// The root within the cgroup tree and the place of a cgroup2 mount. proc(5),
/// `/proc/pid/mountinfo`: `30 23 0:26 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw`.
fn cgroup2_mount(line: &str) -> Option<(&str, &str)> {
    let (place, kind) = line.split_once(" - ")?;
    let mut fields = place.split(' ').skip(3);
    kind.starts_with("cgroup2 ").then_some((fields.next()?, fields.next()?))
}

/// `cpu.max`, "quota period" in microseconds or "max period", as processors rounded up.
fn cpus(max: &str) -> Option<usize> {
    let (quota, period) = max.trim().split_once(' ')?;
    let (quota, period): (usize, usize) = (quota.parse().ok()?, period.parse().ok()?);
    (period > 0).then(|| quota.div_ceil(period))
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    /// As Docker shows it with `--cpus 1.5`: a cgroup namespace, so that the own group is `/`.
    const DOCKER: &[(&str, &str)] = &[
        (
            "/proc/self/mountinfo",
            "1035 1033 0:76 / /proc rw,nosuid - proc proc rw\n\
             1042 1039 0:29 / /sys/fs/cgroup ro,nosuid,nodev,noexec - cgroup2 cgroup rw\n",
        ),
        ("/proc/self/cgroup", "0::/\n"),
        ("/sys/fs/cgroup/cpu.max", "150000 100000\n"),
    ];

    /// As systemd shows it to a service in a slice that is tighter than the service.
    const SYSTEMD: &[(&str, &str)] = &[
        (
            "/proc/self/mountinfo",
            "24 29 0:22 / /proc rw shared:12 - proc proc rw\n\
             30 23 0:26 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate\n",
        ),
        ("/proc/self/cgroup", "0::/mesh.slice/outrigger.service\n"),
        ("/sys/fs/cgroup/mesh.slice/cpu.max", "300000 100000\n"),
        ("/sys/fs/cgroup/mesh.slice/outrigger.service/cpu.max", "max 100000\n"),
    ];

    /// As a pod without a cgroup namespace sees it: only its own part of the tree is mounted.
    const POD: &[(&str, &str)] = &[
        (
            "/proc/self/mountinfo",
            "900 899 0:27 /kubepods/pod7/ctr9 /sys/fs/cgroup ro master:9 - cgroup2 cgroup rw\n",
        ),
        ("/proc/self/cgroup", "0::/kubepods/pod7/ctr9\n"),
        ("/sys/fs/cgroup/cpu.max", "10000 100000\n"),
    ];

    /// As a host with both versions shows it, the controllers being in the old one.
    const HYBRID: &[(&str, &str)] = &[
        (
            "/proc/self/mountinfo",
            "33 32 0:29 / /sys/fs/cgroup/systemd rw - cgroup cgroup rw,name=systemd\n\
             34 32 0:30 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n",
        ),
        ("/proc/self/cgroup", "9:name=systemd:/\n1:cpu:/\n0::/\n"),
    ];

    fn limit(files: &[(&str, &str)]) -> Option<usize> {
        let files: HashMap<PathBuf, &str> =
            files.iter().map(|(path, text)| (PathBuf::from(path), *text)).collect();
        cgroup_limit(|path| files.get(path).map(|text| (*text).to_owned()))
    }

    #[test]
    fn the_limit_is_rounded_up() {
        assert_eq!(limit(DOCKER), Some(2));
        assert_eq!(limit(POD), Some(1));
    }

    #[test]
    fn the_tightest_ancestor_counts() {
        assert_eq!(limit(SYSTEMD), Some(3));
    }

    #[test]
    fn no_limit_and_no_files_limit_nothing() {
        assert_eq!(limit(HYBRID), None);
        assert_eq!(limit(&[]), None);
        assert_eq!(limit(&DOCKER[..2]), None);
        for odd in ["", "max 100000", "150000", "x y", "5 0", "-1 100000"] {
            assert_eq!(cpus(odd), None, "{odd:?}");
        }
    }

    #[test]
    fn a_way_out_of_the_namespace_is_not_followed() {
        let mut files = DOCKER.to_vec();
        files[1].1 = "0::/../../other\n";
        assert_eq!(limit(&files), Some(2));
    }

    #[test]
    fn this_process_may_use_what_it_was_given() {
        let workers = workers_available();
        assert!((1..=workers.cpus.len()).contains(&workers.limit));
        assert!(workers.cpus.is_sorted());
    }
}
