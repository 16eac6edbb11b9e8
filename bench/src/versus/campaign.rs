//! The rounds of a measurement.
//!
//! Round by round, every trial is done with every proxy, each started afresh and alone on its CPU;
//! the order of the proxies turns from round to round. What goes wrong with one proxy becomes a
//! note and an empty cell, never a figure. `versus` and `quick` run campaigns.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use super::sheet::Sheet;
use super::trial::{BULK_BYTES, SMALL_BYTES, Stage, Told, Trial, TrialError};
use crate::interrupt::Interrupt;
use crate::load::LoadError;
use crate::load::drive::Drive;
use crate::load::origin::Answers;
use crate::measure::machine::{CpuError, Cpus};
use crate::net::Address;
use crate::peers::Proxy;
use crate::peers::find::{self, Given};
use crate::peers::launch;
use crate::scratch::Scratch;

/// What is measured, how often and for how long.
#[derive(Debug, Clone)]
pub struct Campaign {
    /// Interleaved rounds.
    pub rounds: usize,
    /// How long each load is measured.
    pub window: Duration,
    /// The programs; empty means all.
    pub peers: Vec<Proxy>,
    /// Where the user says they are.
    pub given: Given,
}

/// Why there is no table.
#[derive(Debug, thiserror::Error)]
pub enum CampaignError {
    /// No two CPUs.
    #[error(transparent)]
    Cpu(#[from] CpuError),
    /// The origin or the load.
    #[error(transparent)]
    Load(#[from] LoadError),
    /// A file of the bench's own.
    #[error("{0}")]
    Own(#[from] io::Error),
    /// None of the programs is there.
    #[error("none of the programs to measure is there")]
    Nothing,
}

impl Campaign {
    /// Does all rounds; `trials` names those of a round.
    pub fn run(
        &self,
        trials: impl Fn(usize) -> Vec<Trial>,
        stop: Interrupt,
    ) -> Result<Sheet, CampaignError> {
        let cpus = Cpus::choose()?;
        let (programs, notes) = self.find_programs();
        if programs.is_empty() {
            return Err(CampaignError::Nothing);
        }
        cpus.settle_load()?;
        launch::adopt_orphans()?;
        let scratch = Scratch::new()?;
        let mut drive = Drive::new(stop)?;
        let unix = Address::Unix(scratch.path().join("origin.sock"));
        let answers = Answers::new(SMALL_BYTES, BULK_BYTES);
        let origins = drive.serve(&[Address::any_port(), unix], answers)?;
        let mut stage = Stage {
            drive: &mut drive,
            cpus,
            origin: &origins[0],
            unix_origin: &origins[1],
            directory: scratch.path(),
            window: self.window,
        };
        let mut sheet = Sheet::new(programs.iter().map(|(proxy, _)| *proxy).collect());
        sheet.notes = notes;
        for round in 0..self.rounds {
            for trial in trials(round) {
                eprintln!("round {} of {}: {}", round + 1, self.rounds, trial.title());
                for turn in 0..programs.len() {
                    let (proxy, program) = &programs[(turn + round) % programs.len()];
                    if trial.fits(*proxy) {
                        let told = trial.run(*proxy, program, &mut stage);
                        take_in(told, trial, *proxy, round, &mut sheet)?;
                    }
                }
            }
        }
        Ok(sheet)
    }

    fn find_programs(&self) -> (Vec<(Proxy, PathBuf)>, Vec<String>) {
        let (mut programs, mut notes) = (Vec::new(), Vec::new());
        let wanted = |proxy: &Proxy| self.peers.is_empty() || self.peers.contains(proxy);
        for proxy in Proxy::ALL.into_iter().filter(wanted) {
            match find::program(proxy, &self.given) {
                Ok(path) => programs.push((proxy, path)),
                Err(missing) => note(&mut notes, missing.to_string()),
            }
        }
        (programs, notes)
    }
}

fn take_in(
    told: Result<Told, TrialError>,
    trial: Trial,
    proxy: Proxy,
    round: usize,
    sheet: &mut Sheet,
) -> Result<(), CampaignError> {
    let place = format!("round {}, {}, {}", round + 1, trial.title(), proxy.name());
    match told {
        Ok(told) => {
            if let Some(&(figure, value)) = told.readings.first() {
                let shown = format!("{} {}", figure.unit().show(value), figure.unit().symbol());
                let shared = told
                    .foreign_share
                    .map(|share| format!("  (others used {:.0} % of its CPU)", share * 100.0));
                eprintln!("  {:<12}{shown:>18}{}", proxy.key(), shared.unwrap_or_default());
            }
            sheet.add(proxy, round, &told);
            if let Some(remark) = told.remark {
                note(&mut sheet.notes, format!("{place}: {remark}"));
            }
            Ok(())
        }
        Err(error) if error.is_interrupt() => Err(LoadError::Interrupted.into()),
        Err(error) => {
            note(&mut sheet.notes, format!("{place}: {error}"));
            Ok(())
        }
    }
}

/// Said at once, and again under the tables; only once, should every round have it.
fn note(notes: &mut Vec<String>, text: String) {
    if !notes.contains(&text) {
        eprintln!("  note: {text}");
        notes.push(text);
    }
}
