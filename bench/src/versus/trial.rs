//! The trials: one proxy, started afresh, under one load; what it tells are readings of figures.
//!
//! A window with a failed request gives no reading: its figures would be those of the failure.

use std::io;
use std::path::Path;
use std::time::Duration;

use super::figure::{Figure, Quantity, Shape, Way};
use crate::budgets::system_calls;
use crate::cockpit::{log, reloads, scrape};
use crate::load::drive::Drive;
use crate::load::latency::Latencies;
use crate::load::origin::BULK_TARGET;
use crate::load::{self, Load, LoadError, Pace, Window};
use crate::measure::machine::{CpuWatch, Cpus, FOREIGN_SHARE_MAX};
use crate::measure::process::{CpuTime, CpuUse};
use crate::net::Address;
use crate::peers::Proxy;
use crate::peers::start::{Running, Setup, StartError};

/// Bytes of a bulk body.
pub const BULK_BYTES: usize = 1024 * 1024;
/// Bytes of every other answer's body.
pub const SMALL_BYTES: usize = 128;

const CROWD: usize = 5000;
/// Connections of the crowd that ask at the same time.
const CROWD_STEP: usize = 50;
const BULK_CONNECTIONS: usize = 8;
/// Replaced by others with every small reload.
const FEW_UPSTREAMS: usize = 10;
const PACED_RATE: u32 = 2000;
const PACED_CONNECTIONS: usize = 16;
const OPEN_CONNECTIONS: usize = 64;

/// A quiet time after a start or a burst, before memory is read.
const SETTLE: Duration = Duration::from_secs(1);
/// How long an idle proxy's wake-ups are counted.
const QUIET: Duration = Duration::from_secs(2);
/// For one step of the crowd.
const STEP_LIMIT: Duration = Duration::from_secs(10);
/// An open loop must reach this share of its rate.
const RATE_HELD: f64 = 0.98;

/// One thing to do with every proxy in every round.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trial {
    /// Cost under a load.
    Traffic(Shape),
    /// Latency at a fixed rate.
    Open(u32),
    /// 1 MiB bodies.
    Bulk(Way),
    /// Start, idle memory, wake-ups.
    Idle,
    /// 5,000 idle connections.
    Crowd,
    /// So many upstreams in the configuration.
    Upstreams(u32),
    /// Each of [`scrape::UPSTREAMS`] called once.
    CalledUpstreams,
    /// Idle memory with two cores.
    TwoCores,
    /// System calls per request, so many connections.
    SystemCalls(u16),
    /// A reload every 100 ms, for so long.
    ReloadStorm(Duration),
    /// 10,000 routes and upstreams replaced under load.
    LargeReload,
    /// Saved to in force.
    Effect,
    /// A large page scraped under load.
    Scrape,
    /// The access log on and off.
    AccessLog,
}

/// What trials share.
pub struct Stage<'a> {
    /// The loop with the origin in it.
    pub drive: &'a mut Drive,
    /// Who runs where.
    pub cpus: Cpus,
    /// The origin over TCP.
    pub origin: &'a Address,
    /// The origin over a Unix socket.
    pub unix_origin: &'a Address,
    /// For configurations and logs.
    pub directory: &'a Path,
    /// How long a load is measured; it runs a quarter of that before.
    pub window: Duration,
}

/// What a trial tells.
#[derive(Debug, Default)]
pub struct Told {
    /// In the figures' units.
    pub readings: Vec<(Figure, f64)>,
    /// Of [`Trial::Open`].
    pub latencies: Option<Latencies>,
    /// The share of the proxy's CPU that others used, where it is too large.
    pub foreign_share: Option<f64>,
    /// What a reader of the readings must know: why a request failed, where that is a reading.
    pub remark: Option<String>,
}

/// Why a trial tells nothing.
#[derive(Debug, thiserror::Error)]
pub enum TrialError {
    /// The proxy did not come up, or died.
    #[error(transparent)]
    Start(#[from] StartError),
    /// The load generator.
    #[error(transparent)]
    Load(#[from] LoadError),
    /// /proc.
    #[error("cannot be measured: {0}")]
    Proc(#[from] io::Error),
    /// Requests failed.
    #[error("{failed} of {} requests failed, the first by: {first}", failed + answered)]
    Failures {
        /// Not answered with 200.
        failed: u64,
        /// Answered with 200.
        answered: u64,
        /// In words.
        first: String,
    },
    /// An open loop that the proxy could not follow.
    #[error("answered {got:.0} requests a second of the {asked} that were due")]
    RateNotHeld {
        /// The rate of the schedule.
        asked: u32,
        /// The rate of the answers.
        got: f64,
    },
}

impl TrialError {
    /// Ctrl-C.
    pub fn is_interrupt(&self) -> bool {
        matches!(
            self,
            Self::Load(LoadError::Interrupted)
                | Self::Start(StartError::Load(LoadError::Interrupted))
        )
    }
}

impl Trial {
    /// For progress lines and notes.
    pub fn title(self) -> String {
        match self {
            Self::Traffic(shape) => Figure::Traffic(shape, Quantity::Cpu).title(),
            Self::Open(rate) => format!("latency at {rate}/s"),
            Self::Bulk(way) => Figure::Bulk(way).title(),
            Self::Idle => "start and idle".to_owned(),
            Self::Crowd => "5,000 idle connections".to_owned(),
            Self::Upstreams(upstreams) => format!("{upstreams} upstreams"),
            Self::CalledUpstreams => "every upstream called".to_owned(),
            Self::TwoCores => "two idle cores".to_owned(),
            Self::SystemCalls(connections) => Figure::SystemCalls(connections).title(),
            Self::ReloadStorm(length) => format!("ten reloads a second for {length:?}"),
            Self::LargeReload => "10,000 routes and upstreams reloaded".to_owned(),
            Self::Effect => "saved to in force".to_owned(),
            Self::Scrape => "scraped under load".to_owned(),
            Self::AccessLog => "access log on and off".to_owned(),
        }
    }

    /// Whether the proxy has what is tried: the floor relay has no upstreams to configure, and only
    /// Outrigger's own file is known here.
    pub fn fits(self, proxy: Proxy) -> bool {
        match self {
            Self::Traffic(_) | Self::Open(_) | Self::Bulk(_) | Self::Idle | Self::Crowd => true,
            Self::Upstreams(_) => proxy != Proxy::Floor,
            _ => proxy.is_ours(),
        }
    }

    /// Starts `proxy`, does the trial, stops it.
    pub fn run(
        self,
        proxy: Proxy,
        program: &Path,
        stage: &mut Stage<'_>,
    ) -> Result<Told, TrialError> {
        let over_unix = self == Self::Traffic(Shape::Unix);
        let Cpus { proxy: own, load } = stage.cpus;
        let cpus = [own, load];
        // Two cores have nowhere else to go than to the load's CPU; they are tried without traffic.
        let workers = if matches!(self, Self::TwoCores | Self::Effect) { 2 } else { 1 };
        let setup = Setup {
            program,
            cpus: &cpus[..workers],
            workers,
            origin: if over_unix { stage.unix_origin } else { stage.origin },
            further_upstreams: self.further_upstreams(),
            directory: stage.directory,
            wrapper: &[],
        };
        let mut running = Running::start(proxy, &setup, stage.drive)?;
        let told = self.measure(&mut running, stage);
        stage.drive.close();
        // A proxy that died explains its own failures better than the sockets do.
        if told.is_err()
            && let Some(death) = running.death(proxy)
        {
            return Err(death.into());
        }
        told
    }

    fn further_upstreams(self) -> usize {
        match self {
            Self::Upstreams(upstreams) => upstreams as usize,
            Self::LargeReload => 10_000,
            Self::ReloadStorm(_) | Self::Effect => FEW_UPSTREAMS,
            Self::Scrape | Self::CalledUpstreams => scrape::UPSTREAMS,
            _ => 0,
        }
    }

    fn measure(self, running: &mut Running, stage: &mut Stage<'_>) -> Result<Told, TrialError> {
        match self {
            Self::Traffic(shape) => traffic(shape, running, stage),
            Self::Open(rate) => open(rate, running, stage),
            Self::Bulk(way) => bulk(way, running, stage),
            Self::Idle => idle(running, stage),
            Self::Crowd => crowd(running, stage),
            Self::Upstreams(upstreams) => many_upstreams(upstreams, running, stage),
            Self::CalledUpstreams => called_upstreams(running, stage),
            Self::TwoCores => two_cores(running, stage),
            Self::SystemCalls(connections) => system_calls::count(connections, running, stage),
            Self::ReloadStorm(length) => reloads::storm(length, running, stage),
            Self::LargeReload => reloads::large(running, stage),
            Self::Effect => reloads::effect(running, stage),
            Self::Scrape => scrape::scrape(running, stage),
            Self::AccessLog => log::access_log(running, stage),
        }
    }
}

fn traffic(shape: Shape, running: &Running, stage: &mut Stage<'_>) -> Result<Told, TrialError> {
    let (connections, pace) = match shape {
        Shape::Closed(connections) => (usize::from(connections), Pace::Closed),
        Shape::Unix => (64, Pace::Closed),
        Shape::Paced => (PACED_CONNECTIONS, Pace::Open(PACED_RATE)),
    };
    let target = running.address.clone();
    let load = Load { target, connections, pace, request: load::get("/") };
    let costed = measure(load, running, stage, stage.window)?;
    let (window, used) = (&costed.window, costed.used);
    let requests = window.answered as f64;
    let values = [
        (Quantity::Cpu, Some(used.total_us / requests)),
        (Quantity::User, Some(used.user_us / requests)),
        (Quantity::System, Some(used.system_us / requests)),
        (Quantity::Busy, Some(used.total_us / 1e6 / window.elapsed.as_secs_f64())),
        (Quantity::PerSecond, Some(window.per_second())),
        (Quantity::P50, window.latencies.percentile_us(50.0)),
    ];
    let readings = values
        .into_iter()
        .filter_map(|(quantity, value)| Some((Figure::Traffic(shape, quantity), value?)))
        .collect();
    Ok(Told { readings, foreign_share: costed.foreign_share, ..Told::default() })
}

fn open(rate: u32, running: &Running, stage: &mut Stage<'_>) -> Result<Told, TrialError> {
    let target = running.address.clone();
    let pace = Pace::Open(rate);
    let load = Load { target, connections: OPEN_CONNECTIONS, pace, request: load::get("/") };
    // A p99.9 wants thousands of samples.
    let costed = measure(load, running, stage, stage.window * 2)?;
    let latencies = costed.window.latencies;
    let readings = [5000_u16, 9900, 9990]
        .into_iter()
        .filter_map(|hundredths| {
            let us = latencies.percentile_us(f64::from(hundredths) / 100.0)?;
            Some((Figure::Percentile(hundredths), us))
        })
        .collect();
    let foreign_share = costed.foreign_share;
    Ok(Told { readings, latencies: Some(latencies), foreign_share, ..Told::default() })
}

fn bulk(way: Way, running: &Running, stage: &mut Stage<'_>) -> Result<Told, TrialError> {
    let request = match way {
        Way::Down => load::get(BULK_TARGET),
        Way::Up => load::post("/", BULK_BYTES),
    };
    let target = running.address.clone();
    let load = Load { target, connections: BULK_CONNECTIONS, pace: Pace::Closed, request };
    let costed = measure(load, running, stage, stage.window)?;
    let mib = costed.window.answered as f64 * BULK_BYTES as f64 / f64::from(1 << 20);
    let rate = mib / (costed.used.total_us / 1e6);
    let readings = vec![(Figure::Bulk(way), rate)];
    Ok(Told { readings, foreign_share: costed.foreign_share, ..Told::default() })
}

fn idle(running: &Running, stage: &mut Stage<'_>) -> Result<Told, TrialError> {
    stage.drive.run(SETTLE)?;
    let memory = running.processes.resident_bytes()?;
    let before = running.processes.voluntary_switches()?;
    stage.drive.run(QUIET)?;
    let switches = running.processes.voluntary_switches()? - before;
    let readings = vec![
        (Figure::RssIdle, mib(memory)),
        (Figure::Start, millis(running.start_time)),
        (Figure::WakeUps, switches as f64 / QUIET.as_secs_f64()),
    ];
    Ok(Told { readings, ..Told::default() })
}

fn crowd(running: &Running, stage: &mut Stage<'_>) -> Result<Told, TrialError> {
    stage.drive.run(SETTLE)?;
    let before = running.processes.resident_bytes()?;
    let target = running.address.clone();
    let load = Load { target, connections: 0, pace: Pace::Once, request: load::get("/") };
    stage.drive.open(load)?;
    for _ in 0..CROWD / CROWD_STEP {
        stage.drive.connect_more(CROWD_STEP)?;
        let window = stage.drive.run(STEP_LIMIT)?;
        if window.answered < CROWD_STEP as u64 {
            return Err(failures(window));
        }
    }
    stage.drive.run(SETTLE)?;
    let after = running.processes.resident_bytes()?;
    let each = after.saturating_sub(before) as f64 / CROWD as f64;
    let readings = vec![(Figure::RssCrowd, mib(after)), (Figure::PerConnection, each)];
    Ok(Told { readings, ..Told::default() })
}

fn many_upstreams(
    upstreams: u32,
    running: &Running,
    stage: &mut Stage<'_>,
) -> Result<Told, TrialError> {
    stage.drive.run(SETTLE)?;
    let memory = running.processes.resident_bytes()?;
    let readings = vec![
        (Figure::RssWith(upstreams), mib(memory)),
        (Figure::StartWith(upstreams), millis(running.start_time)),
    ];
    Ok(Told { readings, ..Told::default() })
}

fn called_upstreams(running: &Running, stage: &mut Stage<'_>) -> Result<Told, TrialError> {
    stage.drive.run(SETTLE)?;
    let before = running.processes.resident_bytes()?;
    scrape::use_every_upstream(running, stage)?;
    stage.drive.run(SETTLE)?;
    let after = running.processes.resident_bytes()?;
    let each = after.saturating_sub(before) as f64 / scrape::UPSTREAMS as f64;
    Ok(Told { readings: vec![(Figure::PerCalledUpstream, each)], ..Told::default() })
}

fn two_cores(running: &Running, stage: &mut Stage<'_>) -> Result<Told, TrialError> {
    stage.drive.run(SETTLE)?;
    let memory = running.processes.resident_bytes()?;
    Ok(Told { readings: vec![(Figure::RssIdleTwo, mib(memory))], ..Told::default() })
}

/// A window of load and what it cost the proxy.
struct Costed {
    window: Window,
    used: CpuUse,
    foreign_share: Option<f64>,
}

fn measure(
    load: Load,
    running: &Running,
    stage: &mut Stage<'_>,
    length: Duration,
) -> Result<Costed, TrialError> {
    let pace = load.pace;
    stage.drive.open(load)?;
    stage.drive.run(length / 4)?;
    let share = OwnShare::watch(running, stage)?;
    let window = stage.drive.run(length)?;
    let (used, foreign_share) = share.end(running)?;
    if window.failed > 0 || window.answered == 0 {
        return Err(failures(window));
    }
    if let Pace::Open(asked) = pace
        && window.per_second() < f64::from(asked) * RATE_HELD
    {
        return Err(TrialError::RateNotHeld { asked, got: window.per_second() });
    }
    Ok(Costed { window, used, foreign_share })
}

/// Looks whether the proxy's CPU is the proxy's.
pub(crate) struct OwnShare {
    watch: CpuWatch,
    before: CpuTime,
}

impl OwnShare {
    /// From now on.
    pub(crate) fn watch(running: &Running, stage: &Stage<'_>) -> io::Result<Self> {
        let watch = CpuWatch::start(stage.cpus.proxy);
        Ok(Self { watch, before: running.processes.cpu_time()? })
    }

    /// What the proxy used since, and the share of others, where it is too large.
    pub(crate) fn end(&self, running: &Running) -> io::Result<(CpuUse, Option<f64>)> {
        let used = running.processes.cpu_time()?.since(&self.before);
        let share = self.watch.foreign_share(&used).filter(|&share| share > FOREIGN_SHARE_MAX);
        Ok((used, share))
    }
}

fn failures(window: Window) -> TrialError {
    let first = window.first_failure.unwrap_or_else(|| "no answer in time".to_owned());
    TrialError::Failures { failed: window.failed, answered: window.answered, first }
}

/// Bytes as [`super::figure::Unit::MiB`].
pub(crate) fn mib(bytes: u64) -> f64 {
    bytes as f64 / f64::from(1 << 20)
}

fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}
