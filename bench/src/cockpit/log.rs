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

/// Compares requests a second with and without.
pub(crate) fn access_log(running: &mut Running, stage: &mut Stage<'_>) -> Result<Told, TrialError> {
    let target = running.address.clone();
    let request = load::get("/");
    stage.drive.open(Load { target, connections: CONNECTIONS, pace: Pace::Closed, request })?;
    let path = stage.directory.join("access.log");
    let share = OwnShare::watch(running, stage)?;
    let mut losses = Vec::new();
    let mut logged = Window::default();
    for _ in 0..PAIRS {
        let without = measure(stage)?;
        switch(running, Some(&path))?;
        // Requests begun before the change are not logged, those of the warm-up are.
        logged.add(stage.drive.run(stage.window / 4)?);
        let with = stage.drive.run(stage.window)?;
        losses.push(1.0 - with.per_second() / without.per_second());
        logged.add(with);
        switch(running, None)?;
    }
    let foreign_share = share.end(running)?.1;
    stage.drive.close();
    stage.drive.run(FLUSH)?;
    let lines = memchr::memchr_iter(b'\n', &fs::read(&path)?).count();
    fs::remove_file(&path)?;
    let told = told(
        &[
            (LogLoss, Summary::of(&losses).map(|losses| losses.median)),
            (Logged, Some(lines as f64 / logged.answered as f64)),
        ],
        logged.first_failure,
    );
    Ok(Told { foreign_share, ..told })
}

fn measure(stage: &mut Stage<'_>) -> Result<Window, TrialError> {
    stage.drive.run(stage.window / 4)?;
    Ok(stage.drive.run(stage.window)?)
}

fn switch(running: &mut Running, log: Option<&std::path::Path>) -> io::Result<()> {
    let file = running.live_file()?;
    let generation = ConfigStatus::ask(file.admin())?.generation + 1;
    let next = file.prepare(|configuration| configuration.access_log = log.map(Into::into))?;
    file.save(next)?;
    ConfigStatus::once_in_force(file.admin(), generation, LIMIT)?;
    Ok(())
}
