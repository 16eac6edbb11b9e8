//! `bench cockpit`: what an operator touches all day. Starting, changing the file, scraping,
//! logging: what each costs the traffic, and how soon it is done.
//!
//! Here stand the options, the parts and the promises; `reloads`, `scrape` and `log` measure,
//! `instrument` names the figures. The rounds are those of `versus`.

pub mod instrument;

pub(crate) mod log;
pub(crate) mod reloads;
pub(crate) mod scrape;

use std::time::Duration;

use clap::ValueEnum;

use crate::interrupt::Interrupt;
use crate::load::latency::Latencies;
use crate::load::{self, Load, Pace};
use crate::peers::Proxy;
use crate::peers::find::Given;
use crate::peers::start::Running;
use crate::report::{self, Output, Subject};
use crate::versus::campaign::{Campaign, CampaignError};
use crate::versus::figure::Figure;
use crate::versus::targets::Limit;
use crate::versus::trial::{Stage, Trial, TrialError};
use instrument::Instrument;

/// How long each load is measured.
const WINDOW: Duration = Duration::from_secs(2);

/// Connections of the load at half of what the proxy can do.
const CONNECTIONS: usize = 64;

/// What is promised.
const TARGETS: [(Figure, Limit); 15] = [
    (Figure::Start, Limit::AtMost(50.0)),
    (Figure::StartWith(10_000), Limit::AtMost(400.0)),
    (Figure::RssWith(10_000), Limit::AtMost(40.0)),
    (Figure::Cockpit(Instrument::StormFailed), Limit::Zero),
    (Figure::Cockpit(Instrument::LargeFailed), Limit::Zero),
    (Figure::Cockpit(Instrument::LargeP99), Limit::AtMost(1.2)),
    (Figure::Cockpit(Instrument::LargePeak), Limit::AtMost(96.0)),
    (Figure::Cockpit(Instrument::LargeAfter), Limit::AtMost(1.1)),
    (Figure::Cockpit(Instrument::Effect), Limit::AtMost(250.0)),
    (Figure::Cockpit(Instrument::Skew), Limit::AtMost(10.0)),
    (Figure::Cockpit(Instrument::Scrape), Limit::AtMost(50.0)),
    (Figure::Cockpit(Instrument::Ready), Limit::AtMost(5.0)),
    (Figure::Cockpit(Instrument::ScrapedP99), Limit::AtMost(1.1)),
    (Figure::Cockpit(Instrument::LogLoss), Limit::AtMost(0.03)),
    (Figure::Cockpit(Instrument::Logged), Limit::AtLeast(1.0)),
];

/// A part of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Part {
    /// Start to first 200, with one upstream.
    Start,
    /// The same, and memory, with 10,000 upstreams.
    Upstreams,
    /// A reload every 100 ms at 256 connections.
    Reloads,
    /// A reload of 10,000 routes and upstreams at half load.
    Large,
    /// Saved to in force on both of two cores.
    Effect,
    /// `/metrics` with 10,000 series under traffic.
    Scrape,
    /// The access log, on and off in turn.
    Log,
}

/// What to measure, how often, and what to print.
#[derive(Debug, Clone, clap::Args)]
pub struct Options {
    /// Interleaved rounds; fewer than five say little.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u16).range(1..=100))]
    rounds: u16,
    /// Seconds of the reload every 100 ms, which is done in the first round only.
    #[arg(long, default_value_t = 60.0, value_parser = crate::versus::seconds)]
    seconds: f64,
    /// Measure these parts only.
    #[arg(long, value_delimiter = ',', value_name = "PARTS")]
    only: Vec<Part>,
    /// Only this engine: `uring` or `epoll`.
    #[arg(long)]
    engine: Option<Proxy>,
    #[command(flatten)]
    output: Output,
    #[command(flatten)]
    given: Given,
}

/// Measures and prints.
pub fn run(options: &Options, stop: Interrupt) -> Result<(), CampaignError> {
    let engines = options.engine.map_or(vec![Proxy::Uring, Proxy::Epoll], |only| vec![only]);
    let campaign = Campaign {
        rounds: options.rounds.into(),
        window: WINDOW,
        peers: engines,
        given: options.given.clone(),
    };
    let sheet = campaign.run(|round| trials(options, round), stop)?;
    let how = format!(
        "{} rounds; Outrigger alone on one CPU (two cores: on both), load and origin on another; a \
         reload every 100 ms for {} s",
        options.rounds, options.seconds
    );
    let subject = Subject { name: "cockpit", how, targets: &TARGETS };
    Ok(report::print(&sheet, &subject, &options.output)?)
}

fn trials(options: &Options, round: usize) -> Vec<Trial> {
    let of_part = |part| match part {
        Part::Start => Some(Trial::Idle),
        Part::Upstreams => Some(Trial::Upstreams(10_000)),
        Part::Reloads if round > 0 => None,
        Part::Reloads => Some(Trial::ReloadStorm(Duration::from_secs_f64(options.seconds))),
        Part::Large => Some(Trial::LargeReload),
        Part::Effect => Some(Trial::Effect),
        Part::Scrape => Some(Trial::Scrape),
        Part::Log => Some(Trial::AccessLog),
    };
    Part::value_variants()
        .iter()
        .filter(|part| options.only.is_empty() || options.only.contains(part))
        .filter_map(|&part| of_part(part))
        .collect()
}

/// Finds what the proxy can do and opens a load of half of that, warmed up.
fn open_half_load(running: &Running, stage: &mut Stage<'_>) -> Result<(), TrialError> {
    let request = load::get("/");
    let target = running.address.clone();
    let load = Load { target, connections: CONNECTIONS, pace: Pace::Closed, request };
    stage.drive.open(load.clone())?;
    stage.drive.run(stage.window / 4)?;
    let most = stage.drive.run(stage.window / 2)?.per_second();
    // A rate is a whole number of requests; half of it is far above one.
    let half = (most / 2.0) as u32;
    stage.drive.open(Load { pace: Pace::Open(half), ..load })?;
    stage.drive.run(stage.window / 4)?;
    Ok(())
}

/// How much longer `now` lets one request in a hundred wait than `before` did.
fn p99_ratio(now: &Latencies, before: &Latencies) -> Option<f64> {
    Some(now.percentile_us(99.0)? / before.percentile_us(99.0)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_storm_of_reloads_is_in_the_first_round_only() {
        let options = Options {
            rounds: 2,
            seconds: 1.0,
            only: vec![Part::Reloads, Part::Effect],
            engine: None,
            output: Output::default(),
            given: Given::default(),
        };
        let storm = Trial::ReloadStorm(Duration::from_secs(1));
        assert_eq!(trials(&options, 0), [storm, Trial::Effect]);
        assert_eq!(trials(&options, 1), [Trial::Effect]);
    }
}
