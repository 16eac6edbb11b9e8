//! Changing the file: many times a second, very much of it at once, and how soon it is in force.

use std::io;
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use super::instrument::Instrument::{self, Effect, LargeAfter, LargeEffect, LargeFailed};
use super::instrument::Instrument::{LargeP99, LargeP99Before, LargePeak};
use super::instrument::Instrument::{Skew, StormApplied, StormFailed};
use super::{open_half_load, p99_ratio};
use crate::admin::ConfigStatus;
use crate::load::{self, Load, Pace, Window};
use crate::peers::start::Running;
use crate::versus::figure::Figure;
use crate::versus::trial::{OwnShare, Stage, Told, TrialError, mib};

/// Between two reloads of a storm.
const EVERY: Duration = Duration::from_millis(100);
const STORM_CONNECTIONS: usize = 256;

/// The second that a large reload may disturb begins with the save.
const SECOND: Duration = Duration::from_secs(1);
/// What that second is compared with.
const CALM: Duration = Duration::from_secs(3);
/// When memory must be back.
const BACK_WITHIN: Duration = Duration::from_secs(5);

/// Saves whose slowest is told, and the pause before each: no multiple of any period in the proxy.
const SAVES: usize = 10;
const PAUSE: Duration = Duration::from_millis(273);

/// A file that is not in force by then never will be.
const EFFECT_MAX: Duration = Duration::from_secs(10);

/// Reloads every 100 ms for `length`.
pub(crate) fn storm(
    length: Duration,
    running: &mut Running,
    stage: &mut Stage<'_>,
) -> Result<Told, TrialError> {
    let target = running.address.clone();
    let request = load::get("/");
    let pace = Pace::Closed;
    stage.drive.open(Load { target, connections: STORM_CONNECTIONS, pace, request })?;
    let mut all = Window::default();
    while all.elapsed < length {
        running.live_file()?.save_next_version()?;
        all.add(stage.drive.run(EVERY)?);
    }
    let applied = ConfigStatus::ask(running.live_file()?.admin())?.applied;
    if applied == 0 || all.answered == 0 {
        return Err(io::Error::other("no file took effect, or no request was answered").into());
    }
    Ok(told(
        &[
            (StormFailed, Some(all.failed as f64)),
            (StormApplied, Some(applied as f64 / all.elapsed.as_secs_f64())),
        ],
        all.first_failure,
    ))
}

/// Replaces 10,000 routes and as many upstreams by others, at half load.
pub(crate) fn large(running: &mut Running, stage: &mut Stage<'_>) -> Result<Told, TrialError> {
    let next = running.live_file()?.prepare(|configuration| configuration.version += 1)?;
    let admin = running.live_file()?.admin();
    let generation = ConfigStatus::ask(admin)?.generation + 1;
    open_half_load(running, stage)?;
    let share = OwnShare::watch(running, stage)?;
    let calm = stage.drive.run(CALM)?;
    let before = running.processes.resident_bytes()? as f64;
    running.processes.forget_peak()?;

    let saved = (Instant::now(), SystemTime::now());
    running.live_file()?.save(next)?;
    let waiting = thread::spawn(move || ConfigStatus::once_in_force(admin, generation, EFFECT_MAX));
    let mut busy = stage.drive.run(SECOND)?;
    while !waiting.is_finished() {
        busy.add(stage.drive.run(EVERY)?);
    }
    let status = waiting.join().map_err(|_| io::Error::other("a thread panicked, see above"))??;
    let rest = stage.drive.run(BACK_WITHIN.saturating_sub(saved.0.elapsed()))?;
    let after = running.processes.resident_bytes()? as f64;
    let peak = running.processes.peak_bytes()?;

    let foreign_share = share.end(running)?.1;
    let p99 = p99_ratio(&busy.latencies, &calm.latencies);
    let failed = (calm.failed + busy.failed + rest.failed) as f64;
    let told = told(
        &[
            (LargeFailed, Some(failed)),
            (LargeEffect, Some(spread_ms(&status, saved.1).1)),
            (LargeP99Before, calm.latencies.percentile_us(99.0)),
            (LargeP99, p99),
            (LargePeak, Some(mib(peak))),
            (LargeAfter, Some(after / before)),
        ],
        busy.first_failure.or(calm.first_failure).or(rest.first_failure),
    );
    Ok(Told { foreign_share, ..told })
}

/// Saves a small change many times, without traffic, and asks each core since when it serves by it.
pub(crate) fn effect(running: &mut Running, stage: &mut Stage<'_>) -> Result<Told, TrialError> {
    let admin = running.live_file()?.admin();
    let (mut slowest, mut widest) = (0.0, 0.0);
    for _ in 0..SAVES {
        stage.drive.run(PAUSE)?;
        let generation = ConfigStatus::ask(admin)?.generation + 1;
        let next = running.live_file()?.prepare(|configuration| configuration.version += 1)?;
        let saved = SystemTime::now();
        running.live_file()?.save(next)?;
        let status = ConfigStatus::once_in_force(admin, generation, EFFECT_MAX)?;
        let (first, last) = spread_ms(&status, saved);
        slowest = f64::max(slowest, last);
        widest = f64::max(widest, last - first);
    }
    Ok(told(&[(Effect, Some(slowest)), (Skew, Some(widest))], None))
}

/// From `saved` to the first core and to the last one, in milliseconds.
fn spread_ms(status: &ConfigStatus, saved: SystemTime) -> (f64, f64) {
    let saved_ms = saved.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64() * 1000.0;
    let since = status.cores.iter().map(|&(_, since_ms)| since_ms as f64 - saved_ms);
    (since.clone().fold(f64::INFINITY, f64::min), since.fold(0.0, f64::max))
}

pub(super) fn told(readings: &[(Instrument, Option<f64>)], remark: Option<String>) -> Told {
    let of = |&(instrument, value): &(Instrument, Option<f64>)| {
        Some((Figure::Cockpit(instrument), value?))
    };
    Told { readings: readings.iter().filter_map(of).collect(), remark, ..Told::default() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cores_lie_between_the_first_and_the_last() {
        let cores = vec![(2, 1060), (2, 1055)];
        let status = ConfigStatus { generation: 2, applied: 1, cores, rejected: None };
        let saved = UNIX_EPOCH + Duration::from_secs(1);
        assert_eq!(spread_ms(&status, saved), (55.0, 60.0));
    }
}
