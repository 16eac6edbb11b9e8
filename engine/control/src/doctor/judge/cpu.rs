//! Processors: how many cores there will be, and how often the kernel stops them.

use super::super::facts::{Cpus, Quota};
use super::super::finding::Finding;
use super::counted;

/// Throttled in fewer than one period in a hundred, a limit is as good as never reached.
const THROTTLED_PERCENT: u64 = 1;

const MORE_CPU: &str = "a higher resources.limits.cpu, or none (Kubernetes); docker run --cpus";

pub(super) fn workers(cpus: &Cpus) -> Finding {
    let Cpus { mask, quota, workers, .. } = cpus;
    let granted = quota.map_or(*mask, |quota| quota.rounded_up().clamp(1, *mask));
    let says = format!("{} on {}", counted(*workers, "core"), counted(*mask, "processor"));
    if *workers <= granted {
        return Finding::ok("workers", says);
    }
    let says =
        format!("{says}, of which the CPU limit grants {granted}: they stand in each other's way");
    Finding::warn("workers", says)
        .remedy(format!("process.workers = {granted}, or none, which means as many as granted"))
}

pub(super) fn quota(cpus: &Cpus) -> Option<Finding> {
    let quota = cpus.quota?;
    let Quota { quota_us, period_us } = quota;
    let granted = format!("{}.{:02}", quota_us / period_us, quota_us % period_us * 100 / period_us);
    if quota_us >= period_us {
        return Some(Finding::ok("cpu limit", format!("cpu.max grants {granted} processors")));
    }
    let stopped_ms = (period_us - quota_us) / 1000;
    let says = format!(
        "cpu.max grants {granted} processors: a busy core is stopped for up to {stopped_ms} ms at \
         a time, and every request on it waits"
    );
    Some(Finding::warn("cpu limit", says).remedy(MORE_CPU))
}

pub(super) fn throttling(cpus: &Cpus) -> Option<Finding> {
    let Cpus { periods, throttled, .. } = *cpus;
    if periods == 0 {
        return None;
    }
    let says = format!("stopped by the CPU limit in {throttled} of {periods} periods so far");
    if throttled.saturating_mul(100) < periods.saturating_mul(THROTTLED_PERCENT) {
        return Some(Finding::ok("cpu throttling", says));
    }
    let says = format!("{says}, for the rest of the period each time: tail latency");
    Some(Finding::warn("cpu throttling", says).remedy(MORE_CPU))
}

impl Quota {
    fn rounded_up(self) -> usize {
        usize::try_from(self.quota_us.div_ceil(self.period_us)).unwrap_or(usize::MAX)
    }
}
