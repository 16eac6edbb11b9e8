//! What the kernel says about this process, from `/proc/self`. What cannot be read is 0.

use std::fs;

/// Clock ticks a second in `/proc/PID/stat`: the kernel's `USER_HZ`, 100 on every Linux.
const TICKS_PER_SECOND: u64 = 100;

/// Memory, descriptors, CPU time.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct ProcessFigures {
    pub(crate) resident_bytes: u64,
    pub(crate) virtual_bytes: u64,
    pub(crate) threads: u64,
    pub(crate) open_fds: u64,
    pub(crate) max_fds: u64,
    pub(crate) cpu_us: u64,
}

impl ProcessFigures {
    /// Of this process, now.
    pub(crate) fn read() -> Self {
        let file = |name| fs::read_to_string(format!("/proc/self/{name}")).unwrap_or_default();
        let (status, limits, stat) = (file("status"), file("limits"), file("stat"));
        Self {
            resident_bytes: number_after(&status, "VmRSS:") * 1024,
            virtual_bytes: number_after(&status, "VmSize:") * 1024,
            threads: number_after(&status, "Threads:"),
            // Less the one that lists them.
            open_fds: fs::read_dir("/proc/self/fd").map_or(0, |all| all.count().max(1) as u64 - 1),
            max_fds: number_after(&limits, "Max open files"),
            cpu_us: cpu_ticks(&stat) * (1_000_000 / TICKS_PER_SECOND),
        }
    }
}

/// The first number of the line that begins with `key`.
fn number_after(text: &str, key: &str) -> u64 {
    let line = text.lines().find_map(|line| line.strip_prefix(key));
    let number = line.and_then(|line| line.split_whitespace().next());
    number.and_then(|number| number.parse().ok()).unwrap_or(0)
}

/// Fields 14 and 15 of proc(5)'s `stat`, user and system. The name before them, in parentheses, may
/// hold anything, spaces and parentheses included.
fn cpu_ticks(stat: &str) -> u64 {
    let after_name = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
    after_name
        .split_whitespace()
        .skip(11)
        .take(2)
        .filter_map(|field| field.parse::<u64>().ok())
        .sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_this_process() {
        let read = ProcessFigures::read();
        assert!(read.resident_bytes > 100_000, "{read:?}");
        assert!(read.virtual_bytes >= read.resident_bytes, "{read:?}");
        assert!(read.threads >= 1 && read.open_fds >= 3, "{read:?}");
        assert!(read.max_fds >= read.open_fds, "{read:?}");
    }

    #[test]
    fn cpu_time_is_found_behind_any_name() {
        let stat = "42 (a) b (c) S 1 2 3 4 5 6 7 8 9 10 70 30 0 0 20 0";
        assert_eq!(cpu_ticks(stat), 100);
    }

    #[test]
    fn what_is_not_there_is_zero() {
        assert_eq!(number_after("VmRSS: x kB\n", "VmRSS:"), 0);
        assert_eq!(cpu_ticks(""), 0);
    }
}
