//! `bench versus`: Outrigger beside Envoy, HAProxy, nginx and the floor relay.
//!
//! Here stand the options and what they choose; `campaign` does the rounds, `trial` one
//! measurement, `figure` the rows, `sheet` holds the readings, `targets` the promises.

pub mod campaign;
pub mod figure;
pub mod sheet;
pub mod targets;
pub mod trial;

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use clap::ValueEnum;

use crate::interrupt::Interrupt;
use crate::peers::Proxy;
use crate::peers::find::Given;
use crate::report::{self, Output, Subject, svg};
use campaign::{Campaign, CampaignError};
use figure::{Shape, Way};
use targets::TARGETS;
use trial::Trial;

/// Start times and memory hardly vary: their dearest trials are done in so many rounds only.
const UPSTREAM_ROUNDS: usize = 3;

/// A part of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Part {
    /// CPU per request at 1, 64 and 256 connections.
    Cpu,
    /// CPU per request at 2,000 requests a second.
    Paced,
    /// CPU per request with the origin behind a Unix socket.
    Unix,
    /// Latency percentiles at a fixed rate.
    Latency,
    /// 1 MiB bodies both ways.
    Bulk,
    /// Start, idle memory, wake-ups.
    Idle,
    /// 5,000 idle connections.
    Crowd,
    /// 1,000 and 10,000 upstreams.
    Upstreams,
}

/// What to measure, how often, and what to print.
#[derive(Debug, Clone, clap::Args)]
pub struct Options {
    /// Interleaved rounds; fewer than five say little.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u16).range(1..=100))]
    pub rounds: u16,
    /// Seconds that each load is measured, after a quarter of that to warm up.
    #[arg(long, default_value_t = 2.0, value_parser = seconds)]
    pub seconds: f64,
    /// Requests a second of the latency figures; every proxy must be able to follow.
    #[arg(long, default_value_t = 4000, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub rate: u32,
    /// Measure these parts only.
    #[arg(long, value_delimiter = ',', value_name = "PARTS")]
    pub only: Vec<Part>,
    /// Measure these programs only.
    #[arg(long, value_delimiter = ',', value_name = "PROGRAMS")]
    pub peers: Vec<Proxy>,
    /// Write the latency curve as `latency.svg` into this directory.
    #[arg(long, value_name = "DIR")]
    pub charts: Option<PathBuf>,
    /// What to print.
    #[command(flatten)]
    pub output: Output,
    /// Where the programs are.
    #[command(flatten)]
    pub given: Given,
}

/// Measures and prints.
pub fn run(options: &Options, stop: Interrupt) -> Result<(), CampaignError> {
    let campaign = Campaign {
        rounds: options.rounds.into(),
        window: Duration::from_secs_f64(options.seconds),
        peers: options.peers.clone(),
        given: options.given.clone(),
    };
    let sheet = campaign.run(|round| trials(options, round), stop)?;
    let how = format!(
        "{} rounds of {} s; each proxy alone on one CPU, load and origin on another; latency at \
         {}/s",
        options.rounds, options.seconds, options.rate
    );
    let subject = Subject { name: "versus", how, targets: &TARGETS };
    report::print(&sheet, &subject, &options.output)?;
    if let Some(directory) = &options.charts {
        fs::create_dir_all(directory)?;
        let path = directory.join("latency.svg");
        fs::write(&path, svg::latency_curve(&sheet, options.rate))?;
        eprintln!("wrote {}", path.display());
    }
    Ok(())
}

fn trials(options: &Options, round: usize) -> Vec<Trial> {
    let of_part = |part| match part {
        Part::Cpu => [1, 64, 256].map(|n| Trial::Traffic(Shape::Closed(n))).to_vec(),
        Part::Paced => vec![Trial::Traffic(Shape::Paced)],
        Part::Unix => vec![Trial::Traffic(Shape::Unix)],
        Part::Latency => vec![Trial::Open(options.rate)],
        Part::Bulk => vec![Trial::Bulk(Way::Down), Trial::Bulk(Way::Up)],
        Part::Idle => vec![Trial::Idle],
        Part::Crowd => vec![Trial::Crowd],
        Part::Upstreams if round >= UPSTREAM_ROUNDS => Vec::new(),
        Part::Upstreams => vec![Trial::Upstreams(1000), Trial::Upstreams(10_000)],
    };
    Part::value_variants()
        .iter()
        .filter(|part| options.only.is_empty() || options.only.contains(part))
        .flat_map(|&part| of_part(part))
        .collect()
}

/// Parses a measuring time.
pub(crate) fn seconds(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(seconds) if (0.1..=60.0).contains(&seconds) => Ok(seconds),
        _ => Err("from 0.1 to 60".to_owned()),
    }
}
