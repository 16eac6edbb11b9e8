//! Which engine runs: asked once, before any core starts, for all cores alike.

use std::fmt;
use std::io;

/// The engines there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EngineKind {
    /// Our driver over io_uring.
    Uring,
    /// tokio over epoll.
    Epoll,
}

impl EngineKind {
    /// As written in the configuration, in logs and in metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Uring => "uring",
            Self::Epoll => "epoll",
        }
    }
}

/// What the configuration asks for (`process.io_engine`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum EngineChoice {
    /// io_uring where it works, else epoll.
    #[default]
    Auto,
    /// io_uring, or no start.
    Uring,
    /// epoll.
    Epoll,
}

/// The engine that will run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Probed {
    /// For all cores alike.
    pub kind: EngineKind,
    /// Why io_uring was passed over, and the remedy; `None` when nothing was passed over.
    pub fallback: Option<String>,
}

/// Why no core could be started.
#[derive(Debug)]
pub enum StartError {
    /// io_uring was demanded and cannot be used: why, and the remedy.
    Uring(String),
    /// The epoll engine could not be built.
    Epoll(io::Error),
    /// The thread could not be made.
    Thread(io::Error),
    /// The thread could not be bound to the processor.
    Pin(usize, io::Error),
}

impl fmt::Display for StartError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Uring(why) => write!(out, "io_uring cannot be used: {why}"),
            Self::Epoll(error) => write!(out, "the epoll engine cannot be started: {error}"),
            Self::Thread(error) => write!(out, "no thread for a core: {error}"),
            Self::Pin(cpu, error) => write!(out, "cannot pin a core to CPU {cpu}: {error}"),
        }
    }
}

impl std::error::Error for StartError {}

/// Decides on the engine: `Auto` takes io_uring if a real executor and ring can be built under the live limits, else epoll.
pub fn probe(choice: EngineChoice) -> Result<Probed, StartError> {
    let epoll = |fallback| Probed { kind: EngineKind::Epoll, fallback };
    if choice == EngineChoice::Epoll {
        return Ok(epoll(None));
    }
    match (crate::uring::probe(), choice) {
        (Ok(()), _) => Ok(Probed { kind: EngineKind::Uring, fallback: None }),
        (Err(why), EngineChoice::Uring) => Err(StartError::Uring(why)),
        (Err(why), _) => Ok(epoll(Some(why))),
    }
}

/// Why a step of building the ring failed, in words, with what the operator can do about it.
pub(crate) fn explain(step: &str, error: &io::Error) -> String {
    format!("{step}: {error}")
}
