//! The bench's parts by themselves: `bench load`, `bench origin`, `bench floor`.
//!
//! For trying something by hand; `versus` and `quick` use the same parts in one process.

use std::time::Duration;

use clap::Args;
use serde_json::json;

use crate::floor::Floor;
use crate::interrupt::Interrupt;
use crate::load::drive::Drive;
use crate::load::origin::{Answers, BULK_TARGET};
use crate::load::{self, Load, LoadError, Pace, Window};
use crate::measure::machine;
use crate::net::Address;

/// How long `bench origin` serves without a look at anything else.
const LONG: Duration = Duration::from_secs(3600);

/// `bench load`
#[derive(Debug, Args)]
pub struct LoadOptions {
    /// IP:PORT or unix:/PATH.
    target: Address,
    /// Path of the requests.
    #[arg(long, default_value = "/")]
    path: String,
    /// Keep-alive connections, one request in flight on each.
    #[arg(short, long, default_value_t = 64)]
    connections: usize,
    /// Open loop of so many requests a second; without it, closed loop.
    #[arg(short, long)]
    rate: Option<u32>,
    /// Seconds to measure, after a quarter of that to warm up.
    #[arg(short, long, default_value_t = 2.0, value_parser = crate::versus::seconds)]
    seconds: f64,
    /// POST a body of so many bytes instead of GET.
    #[arg(long, value_name = "BYTES")]
    upload: Option<usize>,
    /// Run on this CPU.
    #[arg(long)]
    cpu: Option<usize>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// `bench origin`
#[derive(Debug, Args)]
pub struct OriginOptions {
    /// IP:PORT or unix:/PATH; may be given several times.
    #[arg(long, required = true)]
    listen: Vec<Address>,
    /// Bytes of an answer's body.
    #[arg(long, default_value_t = 128)]
    body: usize,
    /// Bytes of the body of `/bulk`.
    #[arg(long, default_value_t = 1 << 20)]
    bulk: usize,
    /// Run on this CPU.
    #[arg(long)]
    cpu: Option<usize>,
}

/// `bench floor`
#[derive(Debug, Args)]
pub struct FloorOptions {
    /// IP:PORT or unix:/PATH.
    #[arg(long)]
    listen: Address,
    /// Where every connection is relayed to.
    #[arg(long)]
    to: Address,
}

/// Loads the target and prints what came of it.
pub fn run_load(options: &LoadOptions, stop: Interrupt) -> Result<(), LoadError> {
    pin(options.cpu)?;
    let mut drive = Drive::new(stop)?;
    let request = match options.upload {
        Some(bytes) => load::post(&options.path, bytes),
        None => load::get(&options.path),
    };
    let pace = options.rate.map_or(Pace::Closed, Pace::Open);
    let target = options.target.clone();
    drive.open(Load { target, connections: options.connections, pace, request })?;
    let length = Duration::from_secs_f64(options.seconds);
    drive.run(length / 4)?;
    let window = drive.run(length)?;
    if options.json {
        println!("{:#}", as_json(&window));
    } else {
        print!("{}", as_text(&window));
    }
    Ok(())
}

/// Serves until interrupted.
pub fn run_origin(options: &OriginOptions, stop: Interrupt) -> Result<(), LoadError> {
    pin(options.cpu)?;
    let mut drive = Drive::new(stop)?;
    for address in drive.serve(&options.listen, Answers::new(options.body, options.bulk))? {
        println!("listening on {address}; {BULK_TARGET} answers {} bytes", options.bulk);
    }
    loop {
        match drive.run(LONG) {
            Ok(_) => {}
            Err(LoadError::Interrupted) => return Ok(()),
            Err(error) => return Err(error),
        }
    }
}

/// Relays until interrupted.
pub fn run_floor(options: &FloorOptions, stop: &Interrupt) -> Result<(), LoadError> {
    let mut floor = Floor::bind(&options.listen, options.to.clone())?;
    println!("listening on {}", floor.address());
    Ok(floor.run(stop)?)
}

fn pin(cpu: Option<usize>) -> Result<(), LoadError> {
    Ok(cpu.map_or(Ok(()), |cpu| machine::pin_to(&[cpu]))?)
}

fn as_text(window: &Window) -> String {
    let mut out = format!(
        "{} answers in {:.2} s: {:.0}/s; {} failed, {} reconnects, {} due and not sent\n",
        window.answered,
        window.elapsed.as_secs_f64(),
        window.per_second(),
        window.failed,
        window.reconnects,
        window.unsent,
    );
    if let Some(why) = &window.first_failure {
        out.push_str(&format!("first failure: {why}\n"));
    }
    for percentile in [50.0, 90.0, 99.0, 99.9] {
        if let Some(us) = window.latencies.percentile_us(percentile) {
            out.push_str(&format!("p{percentile:<5}{us:>10.1} µs\n"));
        }
    }
    out
}

fn as_json(window: &Window) -> serde_json::Value {
    json!({
        "answered": window.answered,
        "seconds": window.elapsed.as_secs_f64(),
        "per_second": window.per_second(),
        "failed": window.failed,
        "first_failure": window.first_failure,
        "reconnects": window.reconnects,
        "unsent": window.unsent,
        "curve_percentile_us": window.latencies.curve(),
    })
}
