//! The stage: the proxy, its two origins, and what happens to them while the actors play.
//!
//! The file changes every second (renamed into place or written over, now and then with a mistake
//! in it), the flaky origin is killed and started again, and for a while descriptors are scarce.

use std::fs;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Resource, Rlimit};

use super::SoakError;
use super::books::State;
use super::scene::{Scene, Tally};
use crate::admin::Samples;
use crate::interrupt::Interrupt;
use crate::line::{Line, rest};
use crate::load::get;
use crate::measure::machine::Cpus;
use crate::measure::process::{self, Processes};
use crate::net;
use crate::peers::Proxy;
use crate::peers::launch::Child;
use crate::peers::template::fill;
use crate::scratch::Scratch;

/// The beat of the troubles.
const TICK: Duration = Duration::from_millis(250);
/// Of so many ticks, the flaky origin lives through the first half.
const FLAKY_TICKS: u32 = 12;
/// Of so many ticks, descriptors are scarce in the last few.
const SCARCE_TICKS: u32 = 40;
const SCARCE_FOR: u32 = 4;
/// A file is effective long before that.
const RELOAD_LIMIT: Duration = Duration::from_secs(5);
/// For connections, buffers and timers to go when the actors have left.
const QUIET_LIMIT: Duration = Duration::from_secs(30);
/// Memory that has not shrunk for so long will not.
const SHRINK_PAUSE: Duration = Duration::from_secs(6);
/// Descriptors left when they are scarce.
const SCARCE_SPARE: u64 = 8;
/// Connections opened then.
const CROWD: usize = 64;
/// Upstreams that every reload replaces.
const REPLACED_UPSTREAMS: usize = 200;

/// The programs and their file.
pub(super) struct Stage {
    proxy: Child,
    target: SocketAddr,
    admin: SocketAddr,
    flaky: Option<Child>,
    flaky_port: u16,
    _steady: Child,
    file: PathBuf,
    directory: PathBuf,
    engine: Proxy,
    steady_port: u16,
    load_cpu: usize,
    generation: u64,
    stop: Interrupt,
}

impl Stage {
    /// Starts the origins and the proxy, and waits for its first answer.
    pub(super) fn build(
        engine: Proxy,
        program: &Path,
        cpus: Cpus,
        scratch: &Scratch,
        stop: Interrupt,
    ) -> Result<Self, SoakError> {
        let local = |port: u16| SocketAddr::from(([127, 0, 0, 1], port));
        let (steady_port, flaky_port) = (net::free_port()?, net::free_port()?);
        let directory = scratch.path().to_path_buf();
        let file = directory.join("soak.toml");
        let (target, admin) = (local(net::free_port()?), local(net::free_port()?));
        let text = configuration(engine, target, admin, (steady_port, flaky_port), 0);
        fs::write(&file, text)?;
        let steady = origin(steady_port, cpus.load, &directory)?;
        let flaky = Some(origin(flaky_port, cpus.load, &directory)?);
        let line = [program.into(), "run".into(), file.clone().into()];
        let proxy = Child::start(&[cpus.proxy], &line, &directory.join("outrigger.log"))?;
        let stage = Self {
            proxy,
            target,
            admin,
            flaky,
            flaky_port,
            _steady: steady,
            file,
            directory,
            engine,
            steady_port,
            load_cpu: cpus.load,
            generation: 0,
            stop,
        };
        stage.await_generation(QUIET_LIMIT, &mut Tally::default())?;
        Ok(stage)
    }

    pub(super) fn target(&self) -> SocketAddr {
        self.target
    }

    pub(super) fn reloads(&self) -> u64 {
        self.generation
    }

    /// Makes trouble for `length`; the answers that it asked for itself are in the tally.
    pub(super) fn trouble(&mut self, length: Duration, scene: &Scene) -> Result<Tally, SoakError> {
        let mut tally = Tally::default();
        let end = Instant::now() + length;
        let mut tick = 0;
        while Instant::now() < end {
            self.pause(TICK)?;
            tick += 1;
            match tick % FLAKY_TICKS {
                0 => {
                    self.flaky = Some(origin(self.flaky_port, self.load_cpu, &self.directory)?);
                }
                half if half == FLAKY_TICKS / 2 => self.flaky = None,
                _ => {}
            }
            if tick % SCARCE_TICKS == SCARCE_TICKS - SCARCE_FOR {
                self.scarcity(scene, &mut tally)?;
            }
            if tick.is_multiple_of(4) {
                self.reload(tick / 4)?;
                self.await_generation(RELOAD_LIMIT, &mut tally)?;
            }
        }
        if self.proxy.has_ended() {
            return Err(io::Error::other(format!("it ended: {}", self.proxy.last_words())).into());
        }
        Ok(tally)
    }

    /// Makes none for `length`.
    pub(super) fn peace(&mut self, length: Duration) -> Result<Tally, SoakError> {
        let end = Instant::now() + length;
        while Instant::now() < end {
            self.pause(TICK)?;
        }
        Ok(Tally::default())
    }

    /// The proxy at rest: waits until nothing is in flight and its memory has stopped shrinking;
    /// tells what is left if that does not come.
    pub(super) fn quiet_state(&mut self) -> Result<State, SoakError> {
        let asked = Instant::now();
        let mut smallest = (u64::MAX, asked);
        loop {
            let state = self.state()?;
            if state.resident < smallest.0 {
                smallest = (state.resident, Instant::now());
            }
            let is_settled = state.is_quiet() && smallest.1.elapsed() > SHRINK_PAUSE;
            if is_settled || asked.elapsed() > QUIET_LIMIT {
                return Ok(state);
            }
            self.pause(TICK)?;
        }
    }

    fn state(&self) -> io::Result<State> {
        let samples = Samples::scrape(self.admin)?;
        let pid = self.proxy.pid();
        Ok(State {
            requests: samples.of("outrigger_requests_total").unwrap_or(0.0),
            downstream: samples.of("outrigger_downstream_connections_active")?,
            upstream: samples.of("outrigger_upstream_connections_active")?,
            active: samples.of("outrigger_requests_active")?,
            buffers: samples.of("outrigger_core_buffers_held")?,
            buffer_bytes: samples.of("outrigger_core_buffer_bytes")?,
            panics: samples.of("outrigger_task_panics_total")?,
            descriptors: process::descriptors(pid)?,
            resident: Processes::of_session(pid)?.resident_bytes()?,
        })
    }

    /// Every fifth time a mistake is saved first, which must change nothing.
    fn reload(&mut self, times: u32) -> io::Result<()> {
        if times.is_multiple_of(5) {
            fs::write(&self.file, "[[listeners]]\nname = \"half a file\n")?;
            rest(TICK);
        }
        self.generation += 1;
        let ports = (self.steady_port, self.flaky_port);
        let text = configuration(self.engine, self.target, self.admin, ports, self.generation);
        if times.is_multiple_of(2) {
            return fs::write(&self.file, text);
        }
        let beside = self.directory.join("soak.toml.new");
        fs::write(&beside, text)?;
        fs::rename(&beside, &self.file)
    }

    /// Waits until an answer comes from the file last written.
    fn await_generation(&self, limit: Duration, tally: &mut Tally) -> Result<(), SoakError> {
        let wanted = format!("x-generation: {}\r\n", self.generation);
        let asked = Instant::now();
        while asked.elapsed() < limit {
            let mut told = Vec::new();
            let answer = Line::open(self.target).and_then(|mut line| {
                line.send(&get("/"))?;
                line.answer(|bytes| told.extend_from_slice(bytes))
            });
            tally.certain += u64::from(answer.is_ok());
            tally.maybe += u64::from(answer.is_err());
            if memchr::memmem::find(&told, wanted.as_bytes()).is_some() {
                return Ok(());
            }
            self.pause(Duration::from_millis(10))?;
        }
        let text =
            format!("{} never took effect; it said: {}", wanted.trim(), self.proxy.last_words());
        Err(io::Error::other(text).into())
    }

    /// Leaves the proxy a few descriptors only, comes with a crowd, and gives them back.
    fn scarcity(&mut self, scene: &Scene, tally: &mut Tally) -> Result<(), SoakError> {
        let pid = i32::try_from(self.proxy.pid()).ok().and_then(Pid::from_raw);
        let used = process::descriptors(self.proxy.pid())? as u64;
        let maximum = rustix::process::getrlimit(Resource::Nofile).maximum;
        let few = Rlimit { current: Some(used + SCARCE_SPARE), maximum };
        scene.turn_scarcity();
        let before =
            rustix::process::prlimit(pid, Resource::Nofile, few).map_err(io::Error::from)?;
        let crowd: Vec<Line> = (0..CROWD)
            .filter_map(|_| {
                let mut line = Line::open(self.target).ok()?;
                line.send(&get("/")).ok()?;
                Some(line)
            })
            .collect();
        tally.maybe += crowd.len() as u64;
        self.pause(TICK * SCARCE_FOR)?;
        rustix::process::prlimit(pid, Resource::Nofile, before).map_err(io::Error::from)?;
        drop(crowd);
        self.await_generation(RELOAD_LIMIT, tally)?;
        scene.turn_scarcity();
        Ok(())
    }

    fn pause(&self, length: Duration) -> Result<(), SoakError> {
        rest(length);
        if self.stop.is_set() { Err(SoakError::Interrupted) } else { Ok(()) }
    }
}

fn origin(port: u16, cpu: usize, directory: &Path) -> io::Result<Child> {
    let program = std::env::current_exe()?;
    let listen = format!("127.0.0.1:{port}");
    let line = [program.into(), "origin".into(), "--listen".into(), listen.into()];
    Child::start(&[cpu], &line, &directory.join(format!("origin-{port}.log")))
}

fn configuration(
    engine: Proxy,
    target: SocketAddr,
    admin: SocketAddr,
    (steady, flaky): (u16, u16),
    generation: u64,
) -> String {
    let values = [
        ("ENGINE", engine.key().to_owned()),
        ("LISTEN", target.to_string()),
        ("ADMIN", admin.to_string()),
        ("STEADY", format!("127.0.0.1:{steady}")),
        ("FLAKY", format!("127.0.0.1:{flaky}")),
        ("GENERATION", generation.to_string()),
    ];
    let values: Vec<(&str, &str)> = values.iter().map(|(name, value)| (*name, &**value)).collect();
    fill(include_str!("../../peers/soak.toml"), &values, REPLACED_UPSTREAMS)
}
