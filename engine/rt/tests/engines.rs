//! The choice of the engine on a real host: taken where it is allowed, passed over with a reason
//! where it is not.

#![allow(clippy::unwrap_used, reason = "a test fails by it")]

mod common;

use common::{forbid_io_uring, head, on_core, pair, recv_exactly};
use rt::{EngineChoice, EngineKind, StartError};

fn file(path: &str) -> String {
    std::fs::read_to_string(path).unwrap_or_default()
}

/// Keeps the other tests honest: they leave io_uring out where the probe says no.
#[test]
fn a_host_that_forbids_nothing_gets_io_uring() {
    let release = file("/proc/sys/kernel/osrelease");
    let mut numbers = release.split('.').map(|number| number.parse::<u32>().unwrap_or(0));
    let new_enough = (numbers.next(), numbers.next()) >= (Some(6), Some(1));
    let disabled = file("/proc/sys/kernel/io_uring_disabled");
    let status = file("/proc/self/status");
    let filtered = !status.lines().any(|line| line.split_whitespace().eq(["Seccomp:", "0"]));
    if new_enough && ["", "0"].contains(&disabled.trim()) && !filtered {
        let probed = rt::probe(EngineChoice::Auto).unwrap();
        assert_eq!((probed.kind, probed.fallback), (EngineKind::Uring, None));
    }
}

fn falls_back_when_io_uring_answers(errno: i32) {
    forbid_io_uring(errno);
    let probed = rt::probe(EngineChoice::Auto).unwrap();
    assert_eq!(probed.kind, EngineKind::Epoll);
    let why = probed.fallback.unwrap();
    assert!(why.contains("seccomp") && why.contains("remedy"), "{why}");
    let refused = rt::probe(EngineChoice::Uring).unwrap_err();
    assert!(matches!(&refused, StartError::Uring(text) if *text == why), "{refused}");
    on_core(EngineKind::Epoll, || async {
        let (client, server) = pair().await;
        client.send(head(b"served").into()).await.unwrap();
        assert_eq!(recv_exactly(&server, 6).await, b"served");
    });
}

#[test]
fn a_container_that_forbids_io_uring_gets_epoll_and_a_remedy() {
    falls_back_when_io_uring_answers(libc::EPERM);
}

#[test]
fn a_container_that_hides_io_uring_gets_epoll_and_a_remedy() {
    falls_back_when_io_uring_answers(libc::ENOSYS);
}
