//! What the actors share, and what each of them remembers.

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use policy::random::{Rng, below};

use super::actors::{ACTORS, Actor};
use crate::line::{Line, rest};

/// Between two episodes, so that those of one request do not crowd out the others.
const BETWEEN: Duration = Duration::from_millis(2);

/// Shared by all threads.
#[derive(Debug)]
pub(super) struct Scene {
    /// The proxy.
    pub(super) target: SocketAddr,
    /// The curtain falls.
    ended: AtomicBool,
    /// Goes up when descriptors become scarce and again when they no longer are: a failure of an
    /// episode that saw it odd, or saw it change, has an outside reason.
    scarcity: AtomicU64,
}

/// One actor's memory.
pub(super) struct Cast {
    scene: Arc<Scene>,
    random: Rng,
    pub(super) tally: Tally,
}

/// What came of some episodes.
#[derive(Debug, Default)]
pub(super) struct Tally {
    /// Requests that were answered.
    pub(super) certain: u64,
    /// Requests that the proxy may or may not have seen as such.
    pub(super) maybe: u64,
    /// Episodes that went well.
    pub(super) well: u64,
    /// Episodes that failed for an outside reason.
    pub(super) excused: u64,
    /// Episodes that failed for none.
    pub(super) failed: u64,
    /// The same, by what was wrong.
    pub(super) failures: BTreeMap<String, u64>,
}

impl Tally {
    pub(super) fn add(&mut self, other: Self) {
        self.certain += other.certain;
        self.maybe += other.maybe;
        self.well += other.well;
        self.excused += other.excused;
        self.failed += other.failed;
        for (why, times) in other.failures {
            *self.failures.entry(why).or_insert(0) += times;
        }
    }
}

impl Scene {
    pub(super) fn new(target: SocketAddr) -> Arc<Self> {
        let ended = AtomicBool::new(false);
        Arc::new(Self { target, ended, scarcity: AtomicU64::new(0) })
    }

    /// Starts the actors that are `chosen`, each with a seed drawn from `seed`.
    pub(super) fn begin(
        self: &Arc<Self>,
        seed: u64,
        chosen: impl Fn(&Actor) -> bool,
    ) -> Vec<JoinHandle<Tally>> {
        let mut seeds = Rng::new(seed);
        ACTORS
            .iter()
            .filter(|actor| chosen(actor))
            .flat_map(|actor| (0..actor.threads).map(move |_| actor))
            .map(|actor| {
                let random = Rng::new(seeds.draw());
                let cast = Cast { scene: Arc::clone(self), random, tally: Tally::default() };
                thread::spawn(move || cast.play(actor))
            })
            .collect()
    }

    /// Lets every actor finish its episode.
    pub(super) fn end(&self) {
        self.ended.store(true, Ordering::Relaxed);
    }

    /// Descriptors become scarce, or no longer are.
    pub(super) fn turn_scarcity(&self) {
        self.scarcity.fetch_add(1, Ordering::Relaxed);
    }
}

impl Cast {
    fn play(mut self, actor: &Actor) -> Tally {
        while !self.scene.ended.load(Ordering::Relaxed) {
            let before = self.scene.scarcity.load(Ordering::Relaxed);
            let result = (actor.episode)(&mut self);
            let after = self.scene.scarcity.load(Ordering::Relaxed);
            match result {
                Ok(()) => self.tally.well += 1,
                Err(_) if before % 2 == 1 || before != after => {
                    self.tally.excused += 1;
                    // Whatever it had in flight.
                    self.tally.maybe += 8;
                }
                Err(error) => {
                    self.tally.failed += 1;
                    self.tally.maybe += 8;
                    let why = format!("{}: {error}", actor.name);
                    *self.tally.failures.entry(why).or_insert(0) += 1;
                }
            }
            rest(BETWEEN);
        }
        self.tally
    }

    pub(super) fn open(&mut self) -> io::Result<Line> {
        Line::open(self.scene.target)
    }

    /// Uniform below `bound`.
    pub(super) fn draw(&mut self, bound: usize) -> usize {
        usize::try_from(below(self.random.draw(), bound as u64)).expect("below a usize")
    }

    /// So many requests were answered.
    pub(super) fn certain(&mut self, requests: u64) {
        self.tally.certain += requests;
    }

    /// So many requests may count or not.
    pub(super) fn maybe(&mut self, requests: u64) {
        self.tally.maybe += requests;
    }
}
