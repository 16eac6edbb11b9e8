//! `bench soak`: minutes of clients good and bad, while the file changes, an origin dies and comes
//! back and descriptors run out; then the books must balance.
//!
//! At the end no request may have failed without an outside reason, every request has one outcome,
//! and nothing is left: no connection, descriptor, receive buffer or memory. `actors` are the
//! clients, `troubles` the outside reasons, `gauge` what the proxy and the kernel tell, `books` the
//! judgement.

mod actors;
mod books;
mod gauge;
mod line;
mod scene;
mod troubles;

use std::io;
use std::time::Duration;

use crate::interrupt::Interrupt;
use crate::measure::machine::{CpuError, Cpus};
use crate::peers::find::{self, Given, Missing};
use crate::peers::{Proxy, launch};
use crate::scratch::Scratch;
use books::{Books, State};
use scene::{Scene, Tally};
use troubles::Stage;

/// How long, and which engine.
#[derive(Debug, clap::Args)]
pub struct Options {
    /// Seconds of traffic for each engine.
    #[arg(long, default_value_t = 60.0, value_parser = soak_seconds)]
    seconds: f64,
    /// Only this engine: `uring` or `epoll`.
    #[arg(long)]
    engine: Option<Proxy>,
    /// What the clients' choices are drawn from.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Only clients whose names begin so, to find which of them matters.
    #[arg(long, default_value = "", value_name = "PREFIX")]
    actors: String,
    /// Where Outrigger is.
    #[command(flatten)]
    given: Given,
}

/// Why there is no verdict, or a bad one.
#[derive(Debug, thiserror::Error)]
pub enum SoakError {
    /// No two CPUs.
    #[error(transparent)]
    Cpu(#[from] CpuError),
    /// Outrigger is not there.
    #[error(transparent)]
    Missing(#[from] Missing),
    /// Something of the bench's own, or the proxy is gone.
    #[error("{0}")]
    Own(#[from] io::Error),
    /// Ctrl-C.
    #[error("interrupted")]
    Interrupted,
    /// What it is all about.
    #[error("{0}: the books do not balance")]
    Unbalanced(&'static str),
}

/// Soaks one engine after the other.
pub fn run(options: &Options, stop: &Interrupt) -> Result<(), SoakError> {
    let cpus = Cpus::choose()?;
    let program = find::program(Proxy::Uring, &options.given)?;
    cpus.settle_load().map_err(CpuError::from)?;
    launch::adopt_orphans()?;
    let engines = [Proxy::Uring, Proxy::Epoll];
    let wanted = |engine: &Proxy| options.engine.is_none_or(|only| only == *engine);
    for engine in engines.into_iter().filter(wanted) {
        let scratch = Scratch::new()?;
        let mut stage = Stage::build(engine, &program, cpus, &scratch, stop.clone())?;
        let books = soak(options, &mut stage)?;
        println!("{}, {} s, seed {}", engine.name(), options.seconds, options.seed);
        print!("{books}");
        if !books.balance() {
            return Err(SoakError::Unbalanced(engine.name()));
        }
    }
    Ok(())
}

/// Two acts of the same play: what the second leaves behind beyond the first is a leak.
fn soak(options: &Options, stage: &mut Stage) -> Result<Books, SoakError> {
    let act = Duration::from_secs_f64(options.seconds / 2.0);
    let opening = stage.quiet_state()?;
    let mut tally = play(act, options.seed, &options.actors, stage)?;
    let middle = stage.quiet_state()?;
    tally.add(play(act, options.seed.wrapping_add(1), &options.actors, stage)?);
    let closing = stage.quiet_state()?;
    let requests = State::requests_between(&opening, &closing);
    Ok(Books { tally, requests, middle, closing, reloads: stage.reloads() })
}

fn play(length: Duration, seed: u64, actors: &str, stage: &mut Stage) -> Result<Tally, SoakError> {
    let scene = Scene::new(stage.target());
    let actors = scene.begin(seed, actors);
    let trouble = stage.trouble(length, &scene);
    scene.end();
    let mut tally = Tally::default();
    for actor in actors {
        let one = actor.join().map_err(|_| io::Error::other("an actor panicked, see above"))?;
        tally.add(one);
    }
    tally.add(trouble?);
    Ok(tally)
}

fn soak_seconds(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(seconds) if (2.0..=86_400.0).contains(&seconds) => Ok(seconds),
        _ => Err("from 2 to 86400".to_owned()),
    }
}
