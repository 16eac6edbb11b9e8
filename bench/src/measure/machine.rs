//! The machine: which two CPUs are used, how this thread sits on its own, and whether the proxy's
//! CPU was really the proxy's.

use std::fs;
use std::io;
use std::num::NonZeroU64;
use std::time::Instant;

use rustix::process::{Resource, Rlimit};
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

use super::proc_text::{self, CpuTicks};
use super::process::CpuUse;

/// USER_HZ, the unit of /proc's ticks: 100 on every Linux that matters (time(7)).
const TICK_US: f64 = 10_000.0;

/// A window in which others used more of the proxy's CPU than this is told to the user.
pub const FOREIGN_SHARE_MAX: f64 = 0.05;

/// The two CPUs of a measurement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cpus {
    /// For the program under test, alone.
    pub proxy: usize,
    /// For clients and origin.
    pub load: usize,
}

/// Why there are no two CPUs.
#[derive(Debug, thiserror::Error)]
pub enum CpuError {
    /// The affinity mask has one.
    #[error(
        "this process may run on one CPU only ({0}), and a measurement needs two: one for the \
         proxy, one for the load. Give it another (`taskset -c 0,1`, a larger cpuset, `docker run \
         --cpuset-cpus`), or run it on another machine; on one CPU the load's work would count as \
         the proxy's waiting"
    )]
    OnlyOne(usize),
    /// The system call failed.
    #[error("cannot read or set the CPU affinity: {0}")]
    Own(#[from] io::Error),
}

impl Cpus {
    /// The first two that this process may run on.
    pub fn choose() -> Result<Self, CpuError> {
        let mask = sched_getaffinity(None).map_err(io::Error::from)?;
        let mut allowed = (0..CpuSet::MAX_CPU).filter(|&cpu| mask.is_set(cpu));
        match (allowed.next(), allowed.next()) {
            (Some(proxy), Some(load)) => Ok(Self { proxy, load }),
            (first, _) => Err(CpuError::OnlyOne(first.unwrap_or(0))),
        }
    }

    /// Puts this thread on the load's CPU, lets its timers be exact to the microsecond and opens as
    /// many descriptors as the hard limit allows (children inherit that).
    pub fn settle_load(&self) -> io::Result<()> {
        pin_to(&[self.load])?;
        rustix::thread::set_current_timer_slack(NonZeroU64::new(1))?;
        let hard = rustix::process::getrlimit(Resource::Nofile).maximum;
        let limit = Rlimit { current: hard, maximum: hard };
        Ok(rustix::process::setrlimit(Resource::Nofile, limit)?)
    }
}

/// Binds the calling thread, and what it starts, to these CPUs.
pub fn pin_to(cpus: &[usize]) -> io::Result<()> {
    let mut only = CpuSet::new();
    for &cpu in cpus {
        only.set(cpu);
    }
    Ok(sched_setaffinity(None, &only)?)
}

/// A CPU's work since it was made.
#[derive(Debug, Clone, Copy)]
pub struct CpuWatch {
    cpu: usize,
    since: Instant,
    before: Option<CpuTicks>,
}

impl CpuWatch {
    /// From now on.
    pub fn start(cpu: usize) -> Self {
        Self { cpu, since: Instant::now(), before: read_ticks(cpu) }
    }

    /// The share of the time in which the CPU did something that was not `used`: other processes,
    /// or the hypervisor's other guests. Exact to a tick at each end. `None` if /proc/stat tells
    /// nothing.
    pub fn foreign_share(&self, used: &CpuUse) -> Option<f64> {
        let busy = read_ticks(self.cpu)?.busy.saturating_sub(self.before?.busy);
        let elapsed_us = self.since.elapsed().as_secs_f64() * 1e6;
        Some(((busy as f64 * TICK_US - used.total_us) / elapsed_us).clamp(0.0, 1.0))
    }
}

fn read_ticks(cpu: usize) -> Option<CpuTicks> {
    proc_text::cpu_ticks(&fs::read_to_string("/proc/stat").ok()?, cpu)
}

/// What a table must say of the machine that it was made on.
#[derive(Debug, Clone)]
pub struct Machine {
    /// As `/proc/cpuinfo` names it.
    pub processor: String,
    /// CPUs of the machine.
    pub cpus: usize,
    /// `uname -r`.
    pub kernel: String,
}

impl Machine {
    /// This one.
    pub fn read() -> Self {
        let cpuinfo = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        let processor = cpuinfo
            .lines()
            .find_map(|line| line.strip_prefix("model name")?.split_once(':'))
            .map_or("unknown", |(_, name)| name.trim());
        let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
        Self {
            processor: processor.to_owned(),
            cpus: cpuinfo.lines().filter(|line| line.starts_with("processor")).count(),
            kernel: kernel.trim().to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_own_use_is_not_foreign() {
        let watch = CpuWatch { cpu: 0, since: Instant::now(), before: read_ticks(0) };
        let used = CpuUse { total_us: 1e12, user_us: 0.0, system_us: 0.0 };
        assert_eq!(watch.foreign_share(&used), Some(0.0));
    }

    #[test]
    fn an_unknown_cpu_tells_nothing() {
        let watch = CpuWatch::start(usize::MAX);
        let used = CpuUse { total_us: 0.0, user_us: 0.0, system_us: 0.0 };
        assert_eq!(watch.foreign_share(&used), None);
    }
}
