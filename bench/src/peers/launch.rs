//! Starting a program on a CPU of its own, and ending it with all its children, whatever happens.
//!
//! The bench starts programs by way of itself (`bench launch CPUS PROGRAM ARGUMENTS`): that process
//! makes a session of its own, binds itself to the CPUs, asks to be told when its parent dies, and
//! becomes the program. So no child outlives the bench, be it killed by SIGKILL.

use std::ffi::OsString;
use std::fmt;
use std::fs::{self, File};
use std::io;
use std::num::ParseIntError;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{self, Command, Stdio};
use std::str::FromStr;
use std::time::{Duration, Instant};

use rustix::process::{Pid, PidfdFlags, Signal, WaitOptions};

use crate::measure::machine;
use crate::measure::process::Processes;
use crate::net::poll::{Interest, Poll};

/// Lines of a program's output that an error message quotes.
const QUOTED_LINES: usize = 6;

/// A started program. Dropping it kills its process group.
pub struct Child {
    process: process::Child,
    log: PathBuf,
    started: Instant,
}

impl Child {
    /// Starts the program and arguments of `line` on `cpus`; its output goes to the file `log`.
    pub fn start(cpus: &[usize], line: &[OsString], log: &Path) -> io::Result<Self> {
        let cpus = CpuList(cpus.to_vec());
        let output = File::create(log)?;
        let mut command = Command::new(std::env::current_exe()?);
        command
            .args(["launch", &cpus.to_string()])
            .args(line)
            .stdin(Stdio::null())
            .stdout(output.try_clone()?)
            .stderr(output);
        let started = Instant::now();
        Ok(Self { process: command.spawn()?, log: log.to_path_buf(), started })
    }

    /// Just before the program was started. Its own start costs about 1 ms of launching.
    pub fn started(&self) -> Instant {
        self.started
    }

    /// Of the program, and of its session.
    pub fn pid(&self) -> u32 {
        self.process.id()
    }

    /// The processes that it consists of now.
    pub fn processes(&self) -> io::Result<Processes> {
        Processes::of_session(self.process.id())
    }

    /// Whether the program ended by itself.
    pub fn has_ended(&mut self) -> bool {
        matches!(self.process.try_wait(), Ok(Some(_)))
    }

    /// Asks it to end and waits for that, at most `limit`; false if it still lives then.
    pub fn end(&mut self, limit: Duration) -> io::Result<bool> {
        let Some(pid) = i32::try_from(self.process.id()).ok().and_then(Pid::from_raw) else {
            return Ok(self.has_ended());
        };
        // The child is not waited for yet, so its pid is its own, even if it ended by itself.
        let handle = rustix::process::pidfd_open(pid, PidfdFlags::empty())?;
        rustix::process::pidfd_send_signal(&handle, Signal::TERM)?;
        let mut poll = Poll::new()?;
        poll.add(&handle, 0, Interest::READ)?;
        poll.wait(Some(limit))?;
        Ok(self.has_ended())
    }

    /// The last lines that it wrote.
    pub fn last_words(&self) -> String {
        let text = fs::read_to_string(&self.log).unwrap_or_default();
        let lines: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
        let quoted = &lines[lines.len().saturating_sub(QUOTED_LINES)..];
        if quoted.is_empty() { "(it wrote nothing)".to_owned() } else { quoted.join("\n  ") }
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        // The group is the program's own, by setsid. Before that it has no such group, hence the
        // second kill. Both may find nothing left, which is what was wanted.
        let group = i32::try_from(self.process.id()).ok().and_then(Pid::from_raw);
        if let Some(group) = group {
            let _ = rustix::process::kill_process_group(group, Signal::KILL);
        }
        let _ = self.process.kill();
        let _ = self.process.wait();
        // Workers, which are ours since their master died; ends with ECHILD.
        while let Some(group) = group
            && rustix::process::waitpgid(group, WaitOptions::empty()).is_ok()
        {}
    }
}

/// CPUs as one argument: `0,1`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CpuList(Vec<usize>);

impl fmt::Display for CpuList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let cpus: Vec<String> = self.0.iter().map(usize::to_string).collect();
        f.write_str(&cpus.join(","))
    }
}

impl FromStr for CpuList {
    type Err = ParseIntError;

    fn from_str(text: &str) -> Result<Self, ParseIntError> {
        text.split(',').map(str::parse).collect::<Result<_, _>>().map(Self)
    }
}

/// Makes the calling process the parent of what its children leave behind when they are killed.
pub fn adopt_orphans() -> io::Result<()> {
    Ok(rustix::process::set_child_subreaper(Some(rustix::process::getpid()))?)
}

/// Becomes `program` on `cpus` (the subcommand `launch`). Returns only if it cannot.
pub fn become_program(cpus: &CpuList, program: &Path, arguments: &[OsString]) -> io::Error {
    let prepare = || -> io::Result<()> {
        rustix::process::setsid()?;
        rustix::process::set_parent_process_death_signal(Some(Signal::TERM))?;
        machine::pin_to(&cpus.0)
    };
    match prepare() {
        Ok(()) => Command::new(program).args(arguments).exec(),
        Err(error) => error,
    }
}
