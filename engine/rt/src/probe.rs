//! Which engine runs: asked once, before any core starts, for all cores alike.

use std::fmt;
use std::io;

use io_uring::IoUring;

use crate::{sys, uring};

/// The first kernel with all that the io_uring engine needs (multishot receive with
/// `DEFER_TASKRUN`).
const KERNEL_MIN: (u32, u32) = (6, 1);

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
    /// The engine panicked before the core ran: the text of the panic.
    Died(String),
}

impl fmt::Display for StartError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Uring(why) => write!(out, "io_uring cannot be used: {why}"),
            Self::Epoll(error) => write!(out, "the epoll engine cannot be started: {error}"),
            Self::Thread(error) => write!(out, "no thread for a core: {error}"),
            Self::Pin(cpu, error) => write!(out, "cannot pin a core to CPU {cpu}: {error}"),
            Self::Died(panic) => write!(out, "a core died at its start: {panic}"),
        }
    }
}

impl std::error::Error for StartError {}

/// Decides on the engine: `Auto` takes io_uring if a real executor and ring can be built under the
/// live limits, else epoll.
pub fn probe(choice: EngineChoice) -> Result<Probed, StartError> {
    if choice == EngineChoice::Epoll {
        return Ok(Probed { kind: EngineKind::Epoll, fallback: None });
    }
    let usable =
        Host::read().kernel_suffices().and_then(|()| try_ring()).and_then(|()| uring::probe());
    match (usable, choice) {
        (Ok(()), _) => Ok(Probed { kind: EngineKind::Uring, fallback: None }),
        (Err(why), EngineChoice::Uring) => Err(StartError::Uring(why)),
        (Err(why), _) => Ok(Probed { kind: EngineKind::Epoll, fallback: Some(why) }),
    }
}

/// Makes a bare ring, whose error has a number: the executor's has only words.
fn try_ring() -> Result<(), String> {
    let made: io::Result<IoUring> =
        IoUring::builder().setup_single_issuer().setup_defer_taskrun().build(1);
    made.map(drop).map_err(|error| explain("io_uring_setup", &error))
}

/// Why a step of building the ring failed, in words, with what the operator can do about it.
pub(crate) fn explain(step: &str, error: &io::Error) -> String {
    match Host::read().remedy(error.raw_os_error()) {
        Some(remedy) => format!("{step}: {error}; {remedy}"),
        None => format!("{step}: {error}"),
    }
}

/// What of the host decides whether io_uring works.
#[derive(Debug, Default)]
struct Host {
    /// `uname -r`, such as `6.1.0-13-amd64`.
    release: String,
    /// `kernel.io_uring_disabled`: 0 for all, 1 for a group, 2 for nobody; absent before Linux 6.6.
    disabled: Option<u8>,
    /// Whether a seccomp filter is in force on this thread.
    filtered: bool,
    /// The limit of locked memory, in bytes.
    memlock_bytes: u64,
}

impl Host {
    fn read() -> Self {
        let file = |path| std::fs::read_to_string(path).unwrap_or_default();
        let status = file("/proc/thread-self/status");
        Self {
            release: file("/proc/sys/kernel/osrelease").trim().to_owned(),
            disabled: file("/proc/sys/kernel/io_uring_disabled").trim().parse().ok(),
            filtered: status.lines().any(|line| line.split_whitespace().eq(["Seccomp:", "2"])),
            memlock_bytes: sys::memlock().map_or(u64::MAX, |limit| limit.rlim_cur),
        }
    }

    /// Fails below the floor; a release that cannot be read passes, as the ring itself is tried
    /// next.
    fn kernel_suffices(&self) -> Result<(), String> {
        let mut numbers = self.release.split(|c: char| !c.is_ascii_digit()).map(str::parse::<u32>);
        let (Some(Ok(major)), Some(Ok(minor))) = (numbers.next(), numbers.next()) else {
            return Ok(());
        };
        if (major, minor) >= KERNEL_MIN {
            return Ok(());
        }
        let (least_major, least_minor) = KERNEL_MIN;
        Err(format!(
            "Linux {} is older than {least_major}.{least_minor}; remedy: a newer kernel, or \
             process.io_engine = \"epoll\"",
            self.release
        ))
    }

    fn remedy(&self, errno: Option<i32>) -> Option<String> {
        const ALLOW: &str = "a seccomp profile that allows io_uring_setup, io_uring_enter and \
                             io_uring_register";
        let remedy = match (errno?, self.disabled) {
            (libc::EPERM, Some(2)) => "the host forbids io_uring to all processes; remedy: sysctl \
                                       kernel.io_uring_disabled=0"
                .to_owned(),
            (libc::EPERM, Some(1)) => "the host allows io_uring to one group only; remedy: sysctl \
                 kernel.io_uring_disabled=0, or join the group of kernel.io_uring_group"
                .to_owned(),
            (libc::EPERM | libc::ENOSYS, _) if self.filtered => format!(
                "most likely the container's seccomp profile (Docker Engine 25, containerd 2.0 and \
                 later deny io_uring by default); remedy: {ALLOW}"
            ),
            (libc::EPERM | libc::EACCES, _) => {
                "a security module forbids it; remedy: allow io_uring in its policy".to_owned()
            }
            (libc::ENOSYS, _) => "this kernel was built without io_uring; remedy: a kernel with \
                                  CONFIG_IO_URING"
                .to_owned(),
            (libc::ENOMEM, _) => format!(
                "the limit of locked memory is {} KiB; remedy: raise it (ulimit -l, LimitMEMLOCK=, \
                 docker --ulimit memlock=-1)",
                self.memlock_bytes / 1024
            ),
            (libc::EMFILE | libc::ENFILE, _) => {
                "too few descriptors; remedy: raise the limit (ulimit -n, LimitNOFILE=)".to_owned()
            }
            _ => return None,
        };
        Some(remedy)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn host(release: &str, disabled: Option<u8>, filtered: bool) -> Host {
        Host { release: release.to_owned(), disabled, filtered, memlock_bytes: 65_536 }
    }

    #[test]
    fn the_floor_is_linux_6_1() {
        for good in ["6.1.0-13-amd64", "6.18.44-fc", "7.0", "unreadable", ""] {
            assert_eq!(host(good, None, false).kernel_suffices(), Ok(()), "{good}");
        }
        for old in ["6.0.19", "5.15.0-1051-aws", "4.19.0"] {
            let why = host(old, None, false).kernel_suffices().unwrap_err();
            assert!(why.contains(old) && why.contains("remedy"), "{why}");
        }
    }

    #[test]
    fn each_way_of_forbidding_names_its_own_remedy() {
        let cases = [
            (libc::EPERM, host("6.6", Some(2), false), "kernel.io_uring_disabled=0"),
            (libc::EPERM, host("6.6", Some(1), true), "kernel.io_uring_group"),
            (libc::EPERM, host("6.6", Some(0), true), "seccomp"),
            (libc::ENOSYS, host("6.1", None, true), "seccomp"),
            (libc::ENOSYS, host("6.1", None, false), "CONFIG_IO_URING"),
            (libc::EPERM, host("6.1", None, false), "security module"),
            (libc::ENOMEM, host("6.1", None, false), "64 KiB"),
        ];
        for (errno, host, words) in cases {
            let remedy = host.remedy(Some(errno)).unwrap();
            assert!(remedy.contains(words), "{errno} on {host:?}: {remedy}");
        }
        assert_eq!(host("6.1", None, false).remedy(Some(libc::EINVAL)), None);
    }

    #[test]
    fn epoll_is_taken_without_a_word_when_asked_for() {
        let probed = probe(EngineChoice::Epoll).unwrap();
        assert_eq!(probed, Probed { kind: EngineKind::Epoll, fallback: None });
    }

    #[test]
    fn auto_says_why_it_passed_io_uring_over() {
        let probed = probe(EngineChoice::Auto).unwrap();
        assert_eq!(probed.fallback.is_some(), probed.kind == EngineKind::Epoll);
        assert_eq!(probe(EngineChoice::Uring).is_ok(), probed.kind == EngineKind::Uring);
    }
}
