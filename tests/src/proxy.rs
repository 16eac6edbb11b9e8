//! A running proxy: one `outrigger run` with a configuration of the test's, on its own addresses.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::path::PathBuf;
use std::process::{self, Command};
use std::sync::atomic::{AtomicUsize, Ordering};

use rustix::process::Signal;

use crate::address::Address;
use crate::engines::Engine;
use crate::message::Message;
use crate::metrics::Metrics;
use crate::peer::Peer;
use crate::program::{Ended, Program, outrigger_command};
use crate::wait::until;

/// Starts a proxy with two workers; see [`Setup::start`].
#[track_caller]
pub fn proxy(engine: Engine, config: &str) -> Proxy {
    Setup::new(engine).start(config)
}

/// How a proxy is started.
#[derive(Debug, Clone)]
pub struct Setup {
    engine: Engine,
    workers: usize,
    process_keys: String,
    launcher: Vec<OsString>,
}

/// A proxy that was ready; killed when dropped.
pub struct Proxy {
    program: Program,
    addresses: Addresses,
    config: ConfigFile,
}

impl Setup {
    /// Two workers, no wait before a drain.
    pub fn new(engine: Engine) -> Setup {
        let process_keys = "pre_drain = \"0s\"\n".to_owned();
        Setup { engine, workers: 2, process_keys, launcher: Vec::new() }
    }

    /// So many cores. One makes pools and balancing exact.
    pub fn workers(mut self, count: usize) -> Setup {
        self.workers = count;
        self
    }

    /// The keys of `[process]` beside `io_engine` and `workers`, instead of `pre_drain = "0s"`.
    pub fn process(mut self, keys: &str) -> Setup {
        keys.clone_into(&mut self.process_keys);
        self
    }

    /// A program that executes the rest of its command line.
    pub fn under(mut self, launcher: impl IntoIterator<Item = impl Into<OsString>>) -> Setup {
        self.launcher = launcher.into_iter().map(Into::into).collect();
        self
    }

    /// Starts the program on `config` and waits until it is ready. `"@name"` stands for an address
    /// of its own, the same one wherever it is named; `[process]` and `[admin]` are put before it.
    #[track_caller]
    pub fn start(&self, config: &str) -> Proxy {
        for _ in 0..3 {
            let mut addresses = Addresses::default();
            let config = ConfigFile::new(&addresses.fill(&self.whole(config)));
            let mut program = Program::start(&mut self.command(&config));
            if wait_ready(&mut program, &addresses.of("admin")) {
                return Proxy { program, addresses, config };
            }
            let ended = program.wait();
            let taken = ended.output.contains("in use");
            assert!(taken, "the program ended ({:?}):\n{}", ended.code, ended.output);
        }
        panic!("three times in a row somebody took a reserved address");
    }

    /// The text that the program would be started with, addresses filled in.
    pub fn whole(&self, config: &str) -> String {
        let Setup { engine, workers, process_keys, .. } = self;
        format!(
            "[process]\nio_engine = \"{engine}\"\nworkers = {workers}\n{process_keys}\n\
             [admin]\nlisten = \"@admin\"\n{config}"
        )
    }

    fn command(&self, config: &ConfigFile) -> Command {
        let run = outrigger_command([OsString::from("run"), config.path().into()]);
        let Some((launcher, arguments)) = self.launcher.split_first() else { return run };
        let mut command = Command::new(launcher);
        command.args(arguments).arg(run.get_program()).args(run.get_args());
        command
    }
}

impl Proxy {
    /// The address that stood for `"@name"`.
    #[track_caller]
    pub fn address(&self, name: &str) -> Address {
        self.addresses.of(name)
    }

    /// A new connection to the listener `@in`.
    #[track_caller]
    pub fn client(&self) -> Peer {
        Peer::connect(&self.address("in"))
    }

    /// One GET of `path` on a connection of its own, for host `test`.
    #[track_caller]
    pub fn fetch(&self, path: &str) -> Message {
        self.exchange(&format!("GET {path} HTTP/1.1\r\nhost: test\r\nconnection: close\r\n\r\n"))
    }

    /// One request, written out, on a connection of its own to `@in`; its response.
    #[track_caller]
    pub fn exchange(&self, request: &str) -> Message {
        let method = request.split(' ').next().unwrap_or_default();
        self.client().send(request).response_to(method)
    }

    /// A GET to the admin listener.
    #[track_caller]
    pub fn admin(&self, path: &str) -> Message {
        let mut admin = Peer::connect(&self.address("admin"));
        admin.send(format!("GET {path} HTTP/1.1\r\nhost: admin\r\nconnection: close\r\n\r\n"));
        admin.response()
    }

    /// A POST to the admin listener.
    #[track_caller]
    pub fn post(&self, path: &str) -> Message {
        let mut admin = Peer::connect(&self.address("admin"));
        admin.send(format!("POST {path} HTTP/1.1\r\nhost: admin\r\nconnection: close\r\n\r\n"));
        admin.response()
    }

    /// Moves a new file over the old one; on return it is in force on all cores.
    #[track_caller]
    pub fn reload(&self, text: impl AsRef<[u8]>) {
        self.config.replace(text);
        // The watch may have been quicker: the file is unchanged then.
        let answer = self.post("/reload");
        assert_eq!(answer.status(), 200, "{answer}");
    }

    /// Waits until this generation, or a later one, is in force on all cores.
    #[track_caller]
    pub fn until_generation(&self, wanted: u64) {
        until("all cores have taken it up", || {
            let status = self.admin("/config_status");
            let mut seen = numbers(status.text(), "generation").into_iter();
            seen.all(|generation| generation >= wanted).then_some(())
        });
    }

    /// Waits until so many reloads came to `result`: `applied`, `rejected` or `unchanged`.
    #[track_caller]
    pub fn until_reloads(&self, result: &str, count: u64) {
        until(&format!("{count} reloads were {result}"), || {
            let status = self.admin("/config_status");
            let seen = numbers(status.text(), result);
            (*seen.last()? >= count).then_some(())
        });
    }

    /// A scrape.
    #[track_caller]
    pub fn metrics(&self) -> Metrics {
        let page = self.admin("/metrics");
        assert_eq!(page.status(), 200, "{page}");
        Metrics::parse(page.text())
    }

    /// Scrapes until `ask` answers; panics at the deadline with the last scrape's non-zero series.
    #[track_caller]
    pub fn metrics_until(&self, what: &str, ask: impl Fn(&Metrics) -> bool) -> Metrics {
        until(what, || Some(self.metrics()).filter(&ask))
    }

    /// The process.
    pub fn program(&mut self) -> &mut Program {
        &mut self.program
    }

    /// What it logged so far.
    pub fn log(&self) -> String {
        self.program.output()
    }

    /// From now on it may have so many descriptors; returns the limit before.
    pub fn limit_descriptors(&self, count: u64) -> u64 {
        self.program.limit_descriptors(count)
    }

    /// Descriptors it holds now.
    pub fn descriptors(&self) -> usize {
        self.program.descriptors()
    }

    /// Memory it holds now (`VmRSS`).
    pub fn resident_bytes(&self) -> u64 {
        self.program.resident_bytes()
    }

    /// Sends a signal.
    pub fn signal(&self, signal: Signal) {
        self.program.signal(signal);
    }

    /// SIGTERM: it drains.
    pub fn terminate(&self) {
        self.signal(Signal::TERM);
    }

    /// Waits for its end.
    #[track_caller]
    pub fn wait(self) -> Ended {
        self.program.wait()
    }

    /// The file it was started with.
    pub fn config(&self) -> &ConfigFile {
        &self.config
    }
}

/// The numbers of a JSON page that stand under this key, in order.
pub fn numbers(json: &str, key: &str) -> Vec<u64> {
    let quoted = format!("\"{key}\": ");
    let rests = json.split(&quoted).skip(1);
    let digits = rests.map(|rest| rest.split(|char: char| !char.is_ascii_digit()).next());
    digits.filter_map(|digits| digits?.parse().ok()).collect()
}

/// True when ready, false when the program ended instead.
#[track_caller]
fn wait_ready(program: &mut Program, admin: &Address) -> bool {
    until("the proxy is ready", || {
        if program.try_wait().is_some() {
            return Some(false);
        }
        let mut peer = Peer::try_connect(admin).ok()?;
        peer.send("GET /ready HTTP/1.1\r\nhost: admin\r\nconnection: close\r\n\r\n");
        (peer.response().status() == 200).then_some(true)
    })
}

/// The addresses that stand for `"@name"`s.
#[derive(Debug, Default)]
pub struct Addresses {
    by_name: BTreeMap<String, Address>,
}

impl Addresses {
    /// The text with every `"@name"` replaced.
    pub fn fill(&mut self, config: &str) -> String {
        let mut pieces = config.split("\"@");
        let mut filled = pieces.next().unwrap_or_default().to_owned();
        for piece in pieces {
            let (name, rest) = piece.split_once('"').expect("a quoted name ends");
            let address = self.by_name.entry(name.to_owned()).or_insert_with(Address::reserve);
            filled.push_str(&format!("\"{address}\"{rest}"));
        }
        filled
    }

    #[track_caller]
    fn of(&self, name: &str) -> Address {
        let address = self.by_name.get(name);
        address.unwrap_or_else(|| panic!("the configuration has no \"@{name}\"")).clone()
    }
}

/// A configuration in a directory of its own; removed when dropped.
#[derive(Debug)]
pub struct ConfigFile {
    directory: PathBuf,
}

impl ConfigFile {
    /// Writes the text to a new file.
    pub fn new(text: &str) -> ConfigFile {
        static MADE: AtomicUsize = AtomicUsize::new(0);
        let number = MADE.fetch_add(1, Ordering::SeqCst);
        let name = format!("outrigger-test-{}-{number}", process::id());
        let directory = std::env::temp_dir().join(name);
        fs::create_dir_all(&directory).expect("the temporary directory is writable");
        let file = ConfigFile { directory };
        fs::write(file.path(), text).expect("the temporary directory is writable");
        file
    }

    /// The file.
    pub fn path(&self) -> PathBuf {
        self.directory.join("outrigger.toml")
    }

    /// What it says.
    pub fn text(&self) -> String {
        fs::read_to_string(self.path()).expect("it is there")
    }

    /// Writes it anew in place: for a moment it is empty.
    pub fn write(&self, text: impl AsRef<[u8]>) {
        fs::write(self.path(), text).expect("the directory is ours");
    }

    /// Moves another file over it, as editors do.
    pub fn replace(&self, text: impl AsRef<[u8]>) {
        let new = self.beside("outrigger.toml.new");
        fs::write(&new, text).expect("the directory is ours");
        fs::rename(new, self.path()).expect("the directory is ours");
    }

    /// A path beside it, for a Unix socket.
    pub fn beside(&self, name: &str) -> PathBuf {
        self.directory.join(name)
    }
}

impl Drop for ConfigFile {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.directory);
    }
}
