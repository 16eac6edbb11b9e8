//! Collecting and showing what the cores counted.
//!
//! One task owns the totals. A page that shows counts makes it ask every core for its tally; those
//! that come within [`ANSWER_WITHIN`] are merged, and the page is rendered, on a thread of its own:
//! neither a slow core nor a large page can hold up `/ready`. Pages asked for meanwhile share the
//! round. A tally that comes late is merged in a later one: nothing is lost.

use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use config::Snapshot;
use hyper::body::Bytes;
use rt::CoreId;
use signals::{Generation, Generations, Tally, Totals};
use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout_at;

use crate::background;
use crate::core_link::CoreOrder;
use crate::metrics::{CoreFigures, ProcessFigures, Scrape};
use crate::pages::{self, Page};
use crate::shared::Shared;

/// How long a round waits for the cores.
pub(crate) const ANSWER_WITHIN: Duration = Duration::from_millis(250);

/// What the collector is told.
#[derive(Debug)]
pub(crate) enum Note {
    /// A core handed over its tally.
    Collected(CoreId, Box<Tally>),
    /// Cores may count against this snapshot from now on.
    Begun(Generation, Arc<Snapshot>),
    /// A core does not count against this generation any more.
    Retired(Generation),
    /// Somebody wants a page.
    Wanted(Page, oneshot::Sender<Bytes>),
}

/// The collector.
pub(crate) struct Collector {
    shared: Rc<Shared>,
    books: Box<Books>,
    desks: Vec<Desk>,
    arrived: Vec<(CoreId, Box<Tally>)>,
    wanted: Vec<(Page, oneshot::Sender<Bytes>)>,
    retired: BTreeMap<Generation, usize>,
    /// Generations that all cores have retired, once their last counts are merged.
    ending: Vec<Generation>,
    began: Instant,
}

/// What is merged into, and by which names.
#[derive(Debug)]
struct Books {
    totals: Totals,
    generations: Generations,
}

/// What the collector knows of one core.
#[derive(Debug)]
struct Desk {
    /// The empty tally for its next collection; `None` while one is under way.
    spare: Option<Box<Tally>>,
    missed: u64,
}

/// What a round takes to its thread, and what it brings back.
struct Work {
    books: Box<Books>,
    arrived: Vec<(CoreId, Box<Tally>)>,
    ended: Vec<Generation>,
    now_s: u64,
}

impl Collector {
    /// A collector for all cores of `shared`.
    pub(crate) fn new(shared: Rc<Shared>) -> Self {
        let series_max = shared.config.borrow().snapshot.metrics.series_max;
        let desk = || Desk { spare: Some(empty(series_max)), missed: 0 };
        let desks = shared.cores.iter().map(|_| desk()).collect();
        let books = Books { totals: Totals::new(series_max), generations: Generations::default() };
        Self {
            shared,
            books: Box::new(books),
            desks,
            arrived: Vec::new(),
            wanted: Vec::new(),
            retired: BTreeMap::new(),
            ending: Vec::new(),
            began: Instant::now(),
        }
    }

    /// Runs until nobody can send notes any more.
    pub(crate) async fn run(mut self, mut notes: mpsc::Receiver<Note>) {
        while let Some(note) = notes.recv().await {
            self.take(note);
            // The second round is for a tally that came so late that the first could not ask for
            // the next one. A core that stays silent is asked again when something is noted.
            for _ in 0..2 {
                if self.wanted.is_empty() && self.ending.is_empty() {
                    break;
                }
                let ended = self.round(&mut notes).await;
                self = self.settle(ended).await;
            }
        }
    }

    fn take(&mut self, note: Note) {
        match note {
            Note::Collected(core, tally) => {
                self.arrived.push((core, tally));
                // It can be asked again, also before what it handed over is merged.
                self.desks[usize::from(core.0)].spare = Some(empty(self.series_max()));
            }
            Note::Begun(generation, snapshot) => {
                self.books.generations.begin(generation, snapshot);
            }
            Note::Retired(generation) => {
                let cores = self.retired.entry(generation).or_default();
                *cores += 1;
                if *cores == self.desks.len() {
                    self.retired.remove(&generation);
                    self.ending.push(generation);
                }
            }
            Note::Wanted(page, reply) => self.wanted.push((page, reply)),
        }
    }

    /// Asks every core and waits for the answers. Returns the generations that can end, as every
    /// core handed over what it had counted against them.
    async fn round(&mut self, notes: &mut mpsc::Receiver<Note>) -> Vec<Generation> {
        let ending = std::mem::take(&mut self.ending);
        let mut complete = true;
        let mut asked = Vec::new();
        for (desk, core) in self.desks.iter_mut().zip(&self.shared.cores) {
            let Some(empty) = desk.spare.take_if(|_| core.alive.get()) else {
                complete &= !core.alive.get();
                continue;
            };
            match core.orders.send(CoreOrder::Collect { empty }) {
                Ok(()) => asked.push(core.id),
                Err(CoreOrder::Collect { empty }) => desk.spare = Some(empty),
                Err(_) => complete = false,
            }
        }
        let deadline = tokio::time::Instant::now() + ANSWER_WITHIN;
        while !asked.is_empty() {
            let Ok(Some(note)) = timeout_at(deadline, notes.recv()).await else { break };
            if let Note::Collected(core, _) = &note {
                asked.retain(|one| one != core);
            }
            asked.retain(|one| self.shared.core(*one).alive.get());
            self.take(note);
        }
        for core in &asked {
            self.desks[usize::from(core.0)].missed += 1;
        }
        if complete && asked.is_empty() {
            return ending;
        }
        self.ending.extend(ending);
        Vec::new()
    }

    /// Merges what arrived and answers the pages, on a thread of its own.
    async fn settle(mut self, ended: Vec<Generation>) -> Self {
        let wanted = std::mem::take(&mut self.wanted);
        let pages: Vec<Page> = wanted.iter().map(|(page, _)| *page).collect();
        let (cores, series_max) = (self.core_figures(), self.series_max());
        let about = self.shared.about.clone();
        let access_log = self.shared.access_log.figures().clone();
        let (config, snapshot) = {
            let config = self.shared.config.borrow();
            (config.figures(), config.snapshot.clone())
        };
        let mut work = Work {
            books: self.books,
            arrived: self.arrived,
            ended,
            now_s: self.began.elapsed().as_secs(),
        };
        let done = tokio::task::spawn_blocking(move || {
            background::step_back();
            work.merge(&snapshot);
            let process = ProcessFigures::read();
            let rendered = pages::render(
                &pages,
                &Scrape {
                    totals: &work.books.totals,
                    cores: &cores,
                    about: &about,
                    config: &config,
                    access_log: &access_log,
                    snapshot: &snapshot,
                    snapshots: work.books.generations.len(),
                    process: &process,
                },
            );
            (work, rendered)
        });
        let (work, rendered) = done.await.expect("merging and rendering do not panic");
        for ((_, reply), page) in wanted.into_iter().zip(rendered) {
            // Whoever asked may have gone.
            let _ = reply.send(page);
        }
        self.books = work.books;
        for (core, mut tally) in work.arrived {
            tally.limit(series_max);
            // In place of the new one: this one has its memory already.
            self.desks[usize::from(core.0)].spare = Some(tally);
        }
        self.arrived = Vec::new();
        self
    }

    /// As the file in force says.
    fn series_max(&self) -> usize {
        self.shared.config.borrow().snapshot.metrics.series_max
    }

    fn core_figures(&self) -> Vec<CoreFigures> {
        let each = self.shared.cores.iter().zip(&self.desks);
        let figures = each.map(|(core, desk)| CoreFigures {
            label: core.id.0.to_string().into(),
            alive: core.alive.get(),
            levels: core.levels.clone(),
            runtime: core.runtime.clone(),
            collections_missed: desk.missed,
        });
        figures.collect()
    }
}

/// Takes no memory before it is counted in.
fn empty(series_max: usize) -> Box<Tally> {
    Box::new(Tally::new(series_max))
}

impl Work {
    fn merge(&mut self, snapshot: &Snapshot) {
        let Books { totals, generations } = &mut *self.books;
        totals.limit(snapshot.metrics.series_max);
        for (core, tally) in &mut self.arrived {
            totals.take_levels(core.0, tally, generations);
            totals.merge(tally, generations, self.now_s);
        }
        if let Some(idle_expiry) = snapshot.metrics.idle_expiry {
            totals.expire(idle_expiry.as_secs(), snapshot);
        }
        if self.ended.is_empty() {
            return;
        }
        for generation in self.ended.drain(..) {
            // The last reference to an old snapshot: it is freed here, in nobody's way.
            drop(generations.end(generation));
        }
        rt::give_back_memory();
    }
}
