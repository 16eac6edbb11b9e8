//! `bench quick`: CPU per request of Outrigger against the floor relay, in under a minute.
//!
//! For every day: 64 keep-alive connections, 128-byte answers, both engines, interleaved rounds.

use std::time::Duration;

use clap::Args;

use crate::interrupt::Interrupt;
use crate::peers::Proxy;
use crate::peers::find::Given;
use crate::versus;
use crate::versus::campaign::{Campaign, CampaignError};
use crate::versus::figure::{Figure, Quantity, Shape};
use crate::versus::sheet::Sheet;
use crate::versus::trial::Trial;

/// The step of the request path that is being worked on must stay below this.
const RATIO_MAX: f64 = 1.5;

/// How often and how long.
#[derive(Debug, Clone, Args)]
pub struct Options {
    /// Interleaved rounds.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u16).range(1..=100))]
    rounds: u16,
    /// Seconds that each program is measured in a round.
    #[arg(long, default_value_t = 1.5, value_parser = versus::seconds)]
    seconds: f64,
    #[command(flatten)]
    given: Given,
}

/// Measures and prints.
pub fn run(options: Options, stop: Interrupt) -> Result<(), CampaignError> {
    let campaign = Campaign {
        rounds: options.rounds.into(),
        window: Duration::from_secs_f64(options.seconds),
        peers: vec![Proxy::Floor, Proxy::Uring, Proxy::Epoll],
        given: options.given,
    };
    let sheet = campaign.run(|_| vec![Trial::Traffic(Shape::Closed(64))], stop)?;
    print!("{}", render(&sheet));
    Ok(())
}

fn render(sheet: &Sheet) -> String {
    let figure = |quantity| Figure::Traffic(Shape::Closed(64), quantity);
    let mut out = format!(
        "{:<22}{:>12}{:>10}{:>10}{:>12}{:>10}\n",
        "64 connections", "CPU/request", "× floor", "core busy", "requests/s", "spread"
    );
    for &proxy in &sheet.proxies {
        let Some(cpu) = sheet.summary(proxy, figure(Quantity::Cpu)) else { continue };
        let median = |quantity| sheet.summary(proxy, figure(quantity)).map_or(0.0, |s| s.median);
        let ratio = sheet.ratio(proxy, Proxy::Floor, figure(Quantity::Cpu));
        out.push_str(&format!(
            "{:<22}{:>9.2} µs{:>10}{:>8.0} %{:>12.0}{:>8.0} %{}\n",
            proxy.name(),
            cpu.median,
            ratio.map_or("-".to_owned(), |ratio| format!("{:.2}", ratio.median)),
            median(Quantity::Busy) * 100.0,
            median(Quantity::PerSecond),
            cpu.spread * 100.0,
            if cpu.is_wide() { " ~" } else { "" },
        ));
        if proxy.is_ours() && ratio.is_some_and(|ratio| ratio.median > RATIO_MAX) {
            out.push_str(&format!("  above {RATIO_MAX} × the floor\n"));
        }
    }
    for note in sheet.notes.iter().chain(&sheet.disturbance()) {
        out.push_str(&format!("note: {note}\n"));
    }
    out
}
