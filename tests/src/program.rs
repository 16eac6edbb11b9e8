//! The real program as a child process: built, started, signalled, and never left behind.

use std::ffi::OsStr;
use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, OnceLock};
use std::thread::{self, JoinHandle};
use std::time::Duration;
use std::{env, io};

use rustix::process::{Pid, Resource, Rlimit, Signal, getrlimit, kill_process, prlimit};

use crate::wait::{DEADLINE, until_within};

/// A running child whose output is collected; killed when dropped.
pub struct Program {
    child: Child,
    output: Arc<Mutex<String>>,
    readers: Vec<JoinHandle<()>>,
}

/// What a program that ended by itself left.
#[derive(Debug)]
pub struct Ended {
    /// `None`: by a signal.
    pub code: Option<i32>,
    /// Standard output and standard error, in the order of arrival.
    pub output: String,
}

impl Program {
    /// Starts `command`, its output collected, its input empty.
    #[track_caller]
    pub fn start(command: &mut Command) -> Program {
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap_or_else(|error| panic!("{command:?}: {error}"));
        let output = Arc::default();
        let readers = vec![
            collect(child.stdout.take().expect("it is piped"), &output),
            collect(child.stderr.take().expect("it is piped"), &output),
        ];
        Program { child, output, readers }
    }

    /// Runs `command` to its end.
    #[track_caller]
    pub fn run(command: &mut Command) -> Ended {
        Program::start(command).wait()
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// What it printed so far.
    pub fn output(&self) -> String {
        self.output.lock().expect("no holder panics").clone()
    }

    /// Sends a signal.
    pub fn signal(&self, signal: Signal) {
        let raw = i32::try_from(self.child.id()).expect("Linux process ids fit");
        let pid = Pid::from_raw(raw).expect("a process id is positive");
        kill_process(pid, signal).expect("the child is not reaped yet");
    }

    /// From now on it may have so many descriptors; returns the limit before.
    pub fn limit_descriptors(&self, count: u64) -> u64 {
        let raw = i32::try_from(self.child.id()).expect("Linux process ids fit");
        // It has inherited ours.
        let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
        let limit = Rlimit { current: Some(count), maximum };
        let before = prlimit(Pid::from_raw(raw), Resource::Nofile, limit);
        before.expect("it is our child").current.expect("descriptors are never unlimited")
    }

    /// Descriptors it holds now, by /proc.
    pub fn descriptors(&self) -> usize {
        let entries = fs::read_dir(format!("/proc/{}/fd", self.pid())).expect("it runs");
        entries.count()
    }

    /// Memory it holds now: `VmRSS` of /proc.
    pub fn resident_bytes(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.pid())).expect("it runs");
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kib = line.expect("Linux tells it").trim().trim_end_matches(" kB");
        kib.parse::<u64>().expect("a number of kB") * 1024
    }

    /// The exit status, if it has ended.
    pub fn try_wait(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().expect("it is our child")
    }

    /// Waits for its end; panics at the deadline.
    #[track_caller]
    pub fn wait(self) -> Ended {
        self.wait_within(DEADLINE)
    }

    /// Waits for its end, with another deadline.
    #[track_caller]
    pub fn wait_within(mut self, deadline: Duration) -> Ended {
        let status = until_within(deadline, "the program ends", || self.try_wait());
        for reader in self.readers.drain(..) {
            reader.join().expect("reading does not panic");
        }
        Ended { code: status.code(), output: self.output() }
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The `outrigger` program of this test's own profile and target directory, built if need be.
/// `OUTRIGGER_BIN` names another one.
pub fn outrigger() -> &'static Path {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(|| match env::var_os("OUTRIGGER_BIN") {
        Some(path) => path.into(),
        None => build(),
    })
}

/// A command that runs it with these arguments.
pub fn outrigger_command<I: AsRef<OsStr>>(arguments: impl IntoIterator<Item = I>) -> Command {
    let mut command = Command::new(outrigger());
    command.args(arguments);
    command
}

/// Cargo itself decides whether anything is stale, and locks out a second build.
fn build() -> PathBuf {
    let test = env::current_exe().expect("this test is a file");
    let profile = test.parent().and_then(Path::parent).expect("it stands in PROFILE/deps");
    let target = profile.parent().expect("PROFILE stands in the target directory");
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command.current_dir(workspace()).env("CARGO_TARGET_DIR", target);
    command.args(["build", "--quiet", "--package", "engine", "--bin", "outrigger"]);
    if profile.ends_with("release") {
        command.arg("--release");
    }
    let status = command.stdin(Stdio::null()).status().expect("cargo starts");
    assert!(status.success(), "the program does not build");
    profile.join("outrigger")
}

/// The workspace's root.
pub fn workspace() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("tests/ stands in the workspace")
}

fn collect(from: impl Read + Send + 'static, into: &Arc<Mutex<String>>) -> JoinHandle<()> {
    let into = Arc::clone(into);
    thread::spawn(move || {
        let mut lines = BufReader::new(from);
        let mut line = Vec::new();
        while next_line(&mut lines, &mut line).is_ok_and(|count| count > 0) {
            into.lock().expect("no holder panics").push_str(&String::from_utf8_lossy(&line));
        }
    })
}

fn next_line(from: &mut impl BufRead, line: &mut Vec<u8>) -> io::Result<usize> {
    line.clear();
    from.read_until(b'\n', line)
}
