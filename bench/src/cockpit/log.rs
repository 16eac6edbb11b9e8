//! The access log switched on and off under full load, in one process and on the same connections.

use std::fs;
use std::io;
use std::time::Duration;

use super::CONNECTIONS;
use super::instrument::Instrument::{LogLoss, Logged};
use super::reloads::told;
use crate::admin::ConfigStatus;
use crate::load::{self, Load, Pace, Window};
use crate::measure::stats::Summary;
use crate::peers::start::Running;
use crate::versus::trial::{OwnShare, Stage, Told, TrialError};

/// Times that it is off and then on.
const PAIRS: usize = 4;
/// For the file to be in force, and for the log to be written out.
const LIMIT: Duration = Duration::from_secs(10);
const FLUSH: Duration = Duration::from_secs(2);

/// Compares requests per second of the proxy's CPU, the log's thread included, with and without.
pub(crate) fn access_log(running: &mut Running, stage: &mut Stage<'_>) -> Result<Told, TrialError> {
    let target = running.address.clone();
    let request = load::get("/");
    stage.drive.open(Load { target, connections: CONNECTIONS, pace: Pace::Closed, request })?;
    // Not beside the configuration: whoever watches that is woken by every write to the log.
    let directory = stage.directory.join("log");
    fs::create_dir_all(&directory)?;
    let path = directory.join("access.log");
    let mut losses = Vec::new();
    let mut logged = Window::default();
    let mut foreign_share = None;
    for _ in 0..PAIRS {
        stage.drive.run(stage.window / 4)?;
        let (_, without, before) = measure(running, stage)?;
        switch(running, Some(&path))?;
        // Requests begun before the change are not logged, those of the warm-up are.
        logged.add(stage.drive.run(stage.window / 4)?);
        let (window, with, after) = measure(running, stage)?;
        losses.push(1.0 - with / without);
        logged.add(window);
        foreign_share = [foreign_share, before, after].into_iter().flatten().reduce(f64::max);
        switch(running, None)?;
    }
    stage.drive.close();
    stage.drive.run(FLUSH)?;
    let lines = memchr::memchr_iter(b'\n', &fs::read(&path)?).count();
    fs::remove_dir_all(&directory)?;
    let told = told(
        &[
            (LogLoss, Summary::of(&losses).map(|losses| losses.median)),
            (Logged, Some(lines as f64 / logged.answered as f64)),
        ],
        logged.first_failure,
    );
    Ok(Told { foreign_share, ..told })
}

/// A window, its requests per second of the proxy's CPU, and what others used of that. Where the
/// proxy is the limit, that is throughput; where something else is, throughput would not show it.
fn measure(
    running: &Running,
    stage: &mut Stage<'_>,
) -> Result<(Window, f64, Option<f64>), TrialError> {
    let share = OwnShare::watch(running, stage)?;
    let window = stage.drive.run(stage.window)?;
    let (used, foreign_share) = share.end(running)?;
    let rate = window.answered as f64 / (used.total_us / 1e6);
    Ok((window, rate, foreign_share))
}

fn switch(running: &mut Running, log: Option<&std::path::Path>) -> io::Result<()> {
    let file = running.live_file()?;
    let generation = ConfigStatus::ask(file.admin())?.generation + 1;
    let next = file.prepare(|configuration| configuration.access_log = log.map(Into::into))?;
    file.save(next)?;
    ConfigStatus::once_in_force(file.admin(), generation, LIMIT)?;
    Ok(())
}
