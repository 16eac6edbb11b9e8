//! What the process can be told from outside: by a signal, by the admin listener, by `demo`, by a
//! test. All of them come through here, so a test that sends a command does what the signal does.

use std::fmt;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::mpsc;

use crate::reload::Asked;

/// Commands that wait at most; a storm of signals beyond it says nothing new.
pub(crate) const COMMANDS_MAX: usize = 64;

/// Tells a running process what a signal would. Any thread.
#[derive(Debug, Clone)]
pub struct Commands(mpsc::Sender<Command>);

/// One command.
#[derive(Debug)]
pub(crate) enum Command {
    /// SIGTERM or SIGINT.
    Terminate,
    /// `POST /drain`.
    Drain,
    /// SIGHUP or `POST /reload`, which waits for the result.
    Reload(Asked),
}

/// What a reload came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Reloaded {
    /// All cores were told of this generation; some of its keys take effect with the next start.
    Applied { generation: u32, needs_restart: Vec<String> },
    /// The file says what is in force already; some of its keys take effect with the next start.
    Unchanged { needs_restart: Vec<String> },
    /// It changed nothing, and why.
    Rejected(String),
    /// It changed nothing yet, and why; it is tried again.
    Postponed(String),
}

impl Commands {
    pub(crate) fn new(sender: mpsc::Sender<Command>) -> Self {
        Self(sender)
    }

    /// What SIGTERM does: drain and end; at once if said twice.
    pub fn terminate(&self) {
        self.say(Command::Terminate);
    }

    /// What SIGHUP does: read the file again.
    pub fn reload(&self) {
        self.say(Command::Reload(None));
    }

    fn say(&self, command: Command) {
        let _ = self.0.try_send(command);
    }
}

/// SIGTERM, SIGINT and SIGHUP of this process, caught from here on; and SIGXFSZ, of which nobody is
/// told.
#[derive(Debug)]
pub(crate) struct Signals {
    terminate: Signal,
    interrupt: Signal,
    hang_up: Signal,
    /// A log that reaches the limit of file sizes is an error of its writer's, not the end.
    _file_size: Signal,
}

impl Signals {
    /// Needs a tokio runtime around it.
    pub(crate) fn catch() -> std::io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            hang_up: signal(SignalKind::hangup())?,
            _file_size: signal(SignalKind::from_raw(rustix::process::Signal::XFSZ.as_raw()))?,
        })
    }

    /// Passes them on for as long as the process lives.
    pub(crate) async fn forward(mut self, commands: Commands) {
        loop {
            tokio::select! {
                _ = self.terminate.recv() => commands.terminate(),
                _ = self.interrupt.recv() => commands.terminate(),
                _ = self.hang_up.recv() => commands.reload(),
            }
        }
    }
}

impl fmt::Display for Reloaded {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Applied { generation, needs_restart } => {
                write!(out, "applied, generation {generation}{}", waiting(needs_restart))
            }
            Self::Unchanged { needs_restart } => {
                write!(out, "unchanged{}", waiting(needs_restart))
            }
            Self::Postponed(why) => write!(out, "postponed, to be tried again: {why}"),
            Self::Rejected(why) => write!(out, "rejected, nothing changed: {why}"),
        }
    }
}

/// The end of an answer: the keys that wait, if any do.
fn waiting(needs_restart: &[String]) -> String {
    match needs_restart {
        [] => String::new(),
        keys => format!("; with the next start: {}", keys.join(", ")),
    }
}
