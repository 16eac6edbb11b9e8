//! `bench soak`: minutes of clients good and bad, while the file changes, an origin dies and comes
//! back and descriptors run out; then the books must balance.
//!
//! At the end no request may have failed without an outside reason, every request has one outcome,
//! and nothing is left: no connection, descriptor, receive buffer or memory. `actors` are the
//! clients, `troubles` the outside reasons, `books` the judgement.

mod actors;
mod books;
mod scene;
mod troubles;

use std::io;
use std::time::Duration;

use crate::interrupt::Interrupt;
use crate::measure::machine::{CpuError, Cpus};
use crate::peers::find::{self, Given, Missing};
use crate::peers::{Proxy, launch};
use crate::scratch::Scratch;
use actors::Actor;
use books::{Books, State};
use scene::{Scene, Tally};
use troubles::Stage;

/// How long the honest clients are among themselves.
const ENCORE: Duration = Duration::from_secs(3);

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

/// Two acts of the same play: what the second leaves behind beyond the first is a leak. An encore
/// of honest clients without trouble: what was recorded must be what was answered, to the last one.
fn soak(options: &Options, stage: &mut Stage) -> Result<Books, SoakError> {
    let act = Duration::from_secs_f64(options.seconds / 2.0);
    let wanted = |actor: &Actor| actor.name.starts_with(&options.actors);
    let opening = stage.quiet_state()?;
    let mut tally = play(options.seed, wanted, stage, |stage, scene| stage.trouble(act, scene))?;
    let middle = stage.quiet_state()?;
    let seed = options.seed.wrapping_add(1);
    tally.add(play(seed, wanted, stage, |stage, scene| stage.trouble(act, scene))?);
    let closing = stage.quiet_state()?;
    let requests = State::requests_between(&opening, &closing);

    let is_honest = |actor: &Actor| actor.is_honest && wanted(actor);
    let encore = play(seed, is_honest, stage, |stage, _| stage.peace(ENCORE))?;
    let recorded = State::requests_between(&closing, &stage.quiet_state()?);
    Ok(Books { tally, requests, middle, closing, encore, recorded, reloads: stage.reloads() })
}

fn play(
    seed: u64,
    chosen: impl Fn(&Actor) -> bool,
    stage: &mut Stage,
    meanwhile: impl FnOnce(&mut Stage, &Scene) -> Result<Tally, SoakError>,
) -> Result<Tally, SoakError> {
    let scene = Scene::new(stage.target());
    let actors = scene.begin(seed, chosen);
    let trouble = meanwhile(stage, &scene);
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
