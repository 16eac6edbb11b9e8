//! Scraping a large page again and again, beside traffic and a readiness probe.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use super::instrument::Instrument::{Ready, Scrape, ScrapeP99Before, ScrapedP99, Series};
use super::reloads::told;
use super::{open_half_load, p99_ratio};
use crate::admin::{self, Samples};
use crate::line::{Line, rest};
use crate::load::get;
use crate::load::latency::Latencies;
use crate::net::Address;
use crate::peers::start::Running;
use crate::versus::trial::{OwnShare, Stage, Told, TrialError};

/// Upstreams that answered once, each with series of its own.
pub(crate) const UPSTREAMS: usize = 1000;
/// Before, and while scraped.
const LENGTH: Duration = Duration::from_secs(3);
/// From the end of one scrape to the next, and of one probe to the next.
const SCRAPE_PAUSE: Duration = Duration::from_millis(100);
const READY_PAUSE: Duration = Duration::from_millis(2);
/// The origin answers only while the load runs.
const SLICE: Duration = Duration::from_millis(20);

/// Scrapes ten times a second for three seconds.
pub(crate) fn scrape(running: &mut Running, stage: &mut Stage<'_>) -> Result<Told, TrialError> {
    let admin = running.live_file()?.admin();
    use_every_upstream(running, stage)?;
    let series = Samples::scrape(admin)?.series;
    open_half_load(running, stage)?;
    let share = OwnShare::watch(running, stage)?;
    let before = stage.drive.run(LENGTH)?;
    let stop = Arc::new(AtomicBool::new(false));
    let scraper = ask_again_and_again(admin, "/metrics", SCRAPE_PAUSE, &stop);
    let prober = ask_again_and_again(admin, "/ready", READY_PAUSE, &stop);
    let during = stage.drive.run(LENGTH);
    stop.store(true, Ordering::Relaxed);
    let (scrapes, probes) = (times(scraper)?, times(prober)?);
    let during = during?;
    let foreign_share = share.end(running)?.1;
    if before.failed + during.failed > 0 {
        let why = during.first_failure.or(before.first_failure).unwrap_or_default();
        return Err(io::Error::other(format!("a request failed: {why}")).into());
    }
    let millis = |us: f64| us / 1000.0;
    let told = told(
        &[
            (Series, Some(series as f64)),
            (Scrape, scrapes.percentile_us(50.0).map(millis)),
            (Ready, probes.longest_us().map(millis)),
            (ScrapeP99Before, before.latencies.percentile_us(99.0)),
            (ScrapedP99, p99_ratio(&during.latencies, &before.latencies)),
        ],
        None,
    );
    Ok(Told { foreign_share, ..told })
}

/// One request to each upstream, by a client in a thread of its own.
pub(crate) fn use_every_upstream(
    running: &Running,
    stage: &mut Stage<'_>,
) -> Result<(), TrialError> {
    let Address::Inet(target) = running.address else {
        return Err(io::Error::other("the proxy listens on no port").into());
    };
    let client = thread::spawn(move || -> io::Result<()> {
        let mut line = Line::open(target)?;
        for upstream in 0..UPSTREAMS {
            line.send(&get(&format!("/u/{upstream}/")))?;
            let status = line.answer(|_| {})?;
            if status != 200 {
                return Err(io::Error::other(format!("/u/{upstream}/ answered {status}")));
            }
        }
        Ok(())
    });
    while !client.is_finished() {
        stage.drive.run(SLICE)?;
    }
    Ok(client.join().map_err(|_| io::Error::other("a thread panicked, see above"))??)
}

fn ask_again_and_again(
    admin: SocketAddr,
    path: &'static str,
    pause: Duration,
    stop: &Arc<AtomicBool>,
) -> JoinHandle<io::Result<Latencies>> {
    let stop = Arc::clone(stop);
    thread::spawn(move || {
        let mut times = Latencies::new();
        while !stop.load(Ordering::Relaxed) {
            let asked = Instant::now();
            admin::fetch(admin, path)?;
            times.record(asked.elapsed());
            rest(pause);
        }
        Ok(times)
    })
}

fn times(thread: JoinHandle<io::Result<Latencies>>) -> io::Result<Latencies> {
    thread.join().map_err(|_| io::Error::other("a thread panicked, see above"))?
}
