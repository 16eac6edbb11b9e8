//! io_uring, and what of the kernel it stands on.

use config::snapshot::IoEngine;

use super::super::facts::Facts;
use super::super::finding::Finding;

/// The first kernel whose multishot receives end themselves after so many bytes.
const BOUNDED_RECEIVE: (u32, u32) = (6, 17);

/// What the executor asks for; kernels before 5.12 count rings against it.
const LOCKED_BYTES_MIN: u64 = 512 << 10;

pub(super) fn kernel(facts: &Facts) -> Finding {
    let release = &facts.release;
    match version(release) {
        None => Finding::ok("kernel", format!("Linux {release}")),
        Some(version) if version >= BOUNDED_RECEIVE => {
            Finding::ok("kernel", format!("Linux {release} has all that Outrigger can use"))
        }
        Some(_) => Finding::ok(
            "kernel",
            format!("Linux {release}; from 6.17 on, io_uring receives small messages cheaper"),
        ),
    }
}

pub(super) fn io_uring(facts: &Facts) -> Finding {
    let file = facts.file.as_ref();
    let wanted = file.and_then(|file| file.wants.as_ref().ok()).map(|wants| wants.engine);
    let (why, remedy) = match (&facts.ring.usable, wanted) {
        (Ok(()), Some(IoEngine::Epoll)) => {
            return Finding::ok("io_uring", "usable; the file asks for epoll");
        }
        (Ok(()), _) => return Finding::ok("io_uring", "usable: a ring was built and used"),
        (Err((why, remedy)), _) => (why, remedy),
    };
    let finding = match wanted {
        Some(IoEngine::Epoll) => {
            return Finding::ok("io_uring", format!("{why}; the file asks for epoll anyway"));
        }
        Some(IoEngine::Uring) => Finding::fail(
            "io_uring",
            format!("{why}; with process.io_engine = \"uring\" the process does not start"),
        ),
        _ => Finding::warn("io_uring", format!("{why}; the cores run on epoll instead")),
    };
    match remedy {
        Some(remedy) => finding.remedy(remedy),
        None => finding,
    }
}

/// Only a ring that cannot be built makes the limit worth a word.
pub(super) fn locked_memory(facts: &Facts) -> Option<Finding> {
    facts.ring.usable.as_ref().err()?;
    let hard = facts.ring.locked.hard.filter(|hard| *hard < LOCKED_BYTES_MIN)?;
    let says = format!(
        "RLIMIT_MEMLOCK is at most {} KiB, and io_uring may need {} KiB",
        hard / 1024,
        LOCKED_BYTES_MIN / 1024
    );
    let remedy = "ulimit -l unlimited, LimitMEMLOCK=infinity (systemd), or docker run --ulimit \
                  memlock=-1; Kubernetes has no field for it: set it for the container runtime";
    Some(Finding::warn("locked memory", says).remedy(remedy))
}

/// `6.18.44-generic` as (6, 18).
fn version(release: &str) -> Option<(u32, u32)> {
    let mut numbers = release.split(|char: char| !char.is_ascii_digit());
    Some((numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
}
