//! What a program costs: CPU time, memory and wake-ups of all processes of one session.
//!
//! Programs are started in a session of their own, so that nginx's worker counts with its master.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::proc_text::{self, Stat};

/// The processes of one session, as found once.
#[derive(Debug, Clone)]
pub struct Processes {
    directories: Vec<PathBuf>,
}

/// CPU time so far. The total comes from the scheduler's own clock, in nanoseconds; the shares of
/// user and system time only from sampled ticks.
#[derive(Debug, Clone, Copy, Default)]
pub struct CpuTime {
    total_ns: u64,
    user_ticks: u64,
    system_ticks: u64,
}

/// CPU time between two readings.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CpuUse {
    /// Microseconds.
    pub total_us: f64,
    /// Microseconds in user mode, by the sampled share.
    pub user_us: f64,
    /// Microseconds in the kernel, by the sampled share.
    pub system_us: f64,
}

impl Processes {
    /// The processes of `session` that live now. Error: there are none.
    pub fn of_session(session: u32) -> io::Result<Self> {
        let mut directories = Vec::new();
        for entry in fs::read_dir("/proc")? {
            let directory = entry?.path();
            if read_stat(&directory).is_some_and(|stat| stat.session == session) {
                directories.push(directory);
            }
        }
        if directories.is_empty() {
            let gone = format!("no process lives in session {session}");
            return Err(io::Error::new(io::ErrorKind::NotFound, gone));
        }
        Ok(Self { directories })
    }

    /// CPU time of all threads that live.
    pub fn cpu_time(&self) -> io::Result<CpuTime> {
        let mut sum = CpuTime::default();
        for directory in &self.directories {
            let stat = read_stat(directory).ok_or_else(|| gone(directory))?;
            sum.user_ticks += stat.user_ticks;
            sum.system_ticks += stat.system_ticks;
            sum.total_ns += self.over_threads(directory, "schedstat", proc_text::on_cpu_ns)?;
        }
        Ok(sum)
    }

    /// Resident memory in bytes. Private memory is added up; of files, which processes of one
    /// program share, the largest share counts.
    pub fn resident_bytes(&self) -> io::Result<u64> {
        let (mut private, mut files) = (0, 0);
        for directory in &self.directories {
            let text = fs::read_to_string(directory.join("status"))?;
            let kib = |name| proc_text::status_number(&text, name).unwrap_or(0);
            private += kib("RssAnon") + kib("RssShmem");
            files = files.max(kib("RssFile"));
        }
        Ok((private + files) * 1024)
    }

    /// The most resident memory in bytes since [`Self::forget_peak`], or since the start.
    pub fn peak_bytes(&self) -> io::Result<u64> {
        let peak = |directory: &PathBuf| {
            let text = fs::read_to_string(directory.join("status"))?;
            Ok(proc_text::status_number(&text, "VmHWM").unwrap_or(0) * 1024)
        };
        self.directories.iter().map(peak).sum()
    }

    /// From now on the peak is counted anew (proc(5), `clear_refs`).
    pub fn forget_peak(&self) -> io::Result<()> {
        self.directories
            .iter()
            .try_for_each(|directory| fs::write(directory.join("clear_refs"), "5"))
    }

    /// How often a thread went to sleep by itself: each time, something woke it again.
    pub fn voluntary_switches(&self) -> io::Result<u64> {
        let parse = |text: &str| proc_text::status_number(text, "voluntary_ctxt_switches");
        self.directories.iter().map(|directory| self.over_threads(directory, "status", parse)).sum()
    }

    fn over_threads(
        &self,
        directory: &Path,
        file: &str,
        parse: impl Fn(&str) -> Option<u64>,
    ) -> io::Result<u64> {
        let mut sum = 0;
        for thread in fs::read_dir(directory.join("task"))? {
            // A thread may end between the listing and the reading.
            let Ok(text) = fs::read_to_string(thread?.path().join(file)) else { continue };
            sum += parse(&text).ok_or_else(|| gone(directory))?;
        }
        Ok(sum)
    }
}

impl CpuTime {
    /// What was used since `earlier`.
    pub fn since(&self, earlier: &Self) -> CpuUse {
        let total_us = self.total_ns.saturating_sub(earlier.total_ns) as f64 / 1000.0;
        let user = self.user_ticks.saturating_sub(earlier.user_ticks) as f64;
        let system = self.system_ticks.saturating_sub(earlier.system_ticks) as f64;
        let share = if user + system > 0.0 { user / (user + system) } else { 0.0 };
        CpuUse { total_us, user_us: total_us * share, system_us: total_us * (1.0 - share) }
    }
}

/// Descriptors that the process has open.
pub fn descriptors(pid: u32) -> io::Result<usize> {
    Ok(fs::read_dir(format!("/proc/{pid}/fd"))?.count())
}

/// Whether every thread of the process is traced.
pub fn is_traced(pid: u32) -> io::Result<bool> {
    let mut all = true;
    for thread in fs::read_dir(format!("/proc/{pid}/task"))? {
        let text = fs::read_to_string(thread?.path().join("status"))?;
        all &= proc_text::status_number(&text, "TracerPid").is_some_and(|tracer| tracer > 0);
    }
    Ok(all)
}

fn read_stat(directory: &Path) -> Option<Stat> {
    proc_text::stat(&fs::read_to_string(directory.join("stat")).ok()?)
}

fn gone(directory: &Path) -> io::Error {
    let text = format!("{} ended or cannot be read", directory.display());
    io::Error::new(io::ErrorKind::NotFound, text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_total_is_split_by_the_sampled_share() {
        let before = CpuTime { total_ns: 1_000_000, user_ticks: 10, system_ticks: 10 };
        let after = CpuTime { total_ns: 3_000_000, user_ticks: 11, system_ticks: 13 };
        let used = after.since(&before);
        assert_eq!(used, CpuUse { total_us: 2000.0, user_us: 500.0, system_us: 1500.0 });
    }

    #[test]
    fn a_use_too_short_for_a_tick_counts_as_system_time() {
        let after = CpuTime { total_ns: 5000, ..CpuTime::default() };
        let used = after.since(&CpuTime::default());
        assert_eq!((used.user_us, used.system_us), (0.0, 5.0));
    }

    #[test]
    fn a_process_uses_cpu_and_memory() {
        let own = Processes { directories: vec![PathBuf::from("/proc/self")] };
        assert!(own.cpu_time().unwrap().total_ns > 0);
        assert!(own.resident_bytes().unwrap() > 100 * 1024);
    }

    #[test]
    fn a_session_without_processes_is_an_error() {
        let error = Processes::of_session(u32::MAX).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::NotFound);
    }
}
