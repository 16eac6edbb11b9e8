//! The texts of /proc, parsed (proc(5)). Pure; `process` and `machine` read the files.

/// What `/proc/PID/stat` tells that the bench wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stat {
    /// Field 6.
    pub(super) session: u32,
    /// Field 14, in clock ticks, threads that ended included.
    pub(super) user_ticks: u64,
    /// Field 15, in clock ticks.
    pub(super) system_ticks: u64,
}

/// Parses `/proc/PID/stat`. The second field is the program's name in brackets, which may hold
/// spaces and brackets itself; fields are counted from its last bracket.
pub(super) fn stat(text: &str) -> Option<Stat> {
    let after_name = &text[text.rfind(')')? + 1..];
    let mut fields = after_name.split_ascii_whitespace();
    Some(Stat {
        session: fields.nth(3)?.parse().ok()?,
        user_ticks: fields.nth(7)?.parse().ok()?,
        system_ticks: fields.next()?.parse().ok()?,
    })
}

/// Parses `/proc/PID/task/TID/schedstat`: nanoseconds on a CPU.
pub(super) fn on_cpu_ns(text: &str) -> Option<u64> {
    text.split_ascii_whitespace().next()?.parse().ok()
}

/// The number after `name:` in `/proc/PID/status`; sizes are in KiB.
pub(super) fn status_number(text: &str, name: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))?;
    line.split_ascii_whitespace().next()?.parse().ok()
}

/// One line of `/proc/stat`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct CpuTicks {
    /// Doing something, in clock ticks, time stolen by the hypervisor included.
    pub(super) busy: u64,
    /// Idle or waiting for a disk.
    pub(super) idle: u64,
}

/// The line of CPU `cpu` in `/proc/stat`.
pub(super) fn cpu_ticks(text: &str, cpu: usize) -> Option<CpuTicks> {
    let name = format!("cpu{cpu} ");
    let line = text.lines().find_map(|line| line.strip_prefix(name.as_str()))?;
    let ticks: Vec<u64> =
        line.split_ascii_whitespace().map(str::parse).collect::<Result<_, _>>().ok()?;
    // user nice system idle iowait irq softirq steal; guest time is within user.
    let &[user, nice, system, idle, iowait, irq, softirq, steal, ..] = ticks.as_slice() else {
        return None;
    };
    Some(CpuTicks { busy: user + nice + system + irq + softirq + steal, idle: idle + iowait })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stat_is_read_past_a_name_with_brackets_and_spaces() {
        let text = "10540 (tmux: (a) b) S 6667 10083 6668 0 -1 4194304 99 0 0 0 412 5127 0 0 20 0 \
                    3 0 139502 3133440 358 18446744073709551615 94298196013056 94298196032937";
        let read = Stat { session: 6668, user_ticks: 412, system_ticks: 5127 };
        assert_eq!(stat(text), Some(read));
        assert_eq!(stat("10540 (cut) S 1 2"), None);
    }

    #[test]
    fn schedstat_tells_nanoseconds() {
        assert_eq!(on_cpu_ns("69764 47680 2\n"), Some(69_764));
        assert_eq!(on_cpu_ns(""), None);
    }

    #[test]
    fn status_is_read_by_name() {
        let text = "Name:\tenvoy\nVmRSS:\t   65112 kB\nRssAnon:\t   12904 kB\n\
                    voluntary_ctxt_switches:\t37\nnonvoluntary_ctxt_switches:\t1\n";
        assert_eq!(status_number(text, "RssAnon"), Some(12_904));
        assert_eq!(status_number(text, "voluntary_ctxt_switches"), Some(37));
        assert_eq!(status_number(text, "RssFile"), None);
    }

    #[test]
    fn a_cpu_is_busy_with_everything_but_waiting() {
        let text = "cpu  18086 0 5120 329657 1484 0 70 26 0 0\n\
                    cpu0 8425 1 2410 165898 481 2 7 13 0 0\ncpu10 1 1 1 1 1 1 1 1 0 0\n";
        let expected = CpuTicks { busy: 8425 + 1 + 2410 + 2 + 7 + 13, idle: 165_898 + 481 };
        assert_eq!(cpu_ticks(text, 0), Some(expected));
        assert_eq!(cpu_ticks(text, 1), None);
    }
}
