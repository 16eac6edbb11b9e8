//! A core on io_uring ends at once, whatever is under way, and leaves nothing open. One test, as it
//! counts the descriptors of the process.

#![allow(clippy::unwrap_used, reason = "a test fails by it")]

mod common;

use std::future::pending;
use std::sync::mpsc::channel;
use std::time::{Duration, Instant};

use common::{head, listen, pair, start};
use rt::{Address, EngineKind, Stream};

fn descriptors() -> usize {
    std::fs::read_dir("/proc/self/fd").unwrap().count()
}

/// Every kind of operation waits, and a task that nothing will wake, and one that never rests.
async fn keep_everything_busy() {
    let (listener, address) = listen();
    let (quiet, silent) = pair().await;
    rt::spawn(async move {
        let _ = quiet.recv().await;
        drop(silent);
    });
    let (sending, unread) = pair().await;
    rt::spawn(async move {
        // Nobody reads: one of these sends, and the next, wait.
        while sending.send(head(&[7; 1 << 20]).into()).await.is_ok() {}
        drop(unread);
    });
    rt::spawn(async move {
        while let Ok(stream) = listener.accept().await {
            // A stream that nobody drops is closed nevertheless.
            std::mem::forget(stream);
        }
    });
    rt::spawn(async move {
        let _connected = Stream::connect(&Address::Inet(address)).await;
        pending::<()>().await;
    });
    rt::spawn(async {
        let (_sender, mut inbox) = rt::mailbox::<()>(1);
        inbox.recv().await;
    });
    rt::spawn(rt::sleep(Duration::from_secs(3600)));
    rt::spawn(async {
        loop {
            rt::yield_now().await;
        }
    });
}

#[test]
fn a_core_ends_at_once_and_leaves_nothing_open() {
    let before = descriptors();
    let (tell, told) = channel();
    let core = start(EngineKind::Uring, || async move {
        keep_everything_busy().await;
        rt::sleep(Duration::from_millis(50)).await;
        tell.send((Instant::now(), descriptors())).unwrap();
    });
    let gauges = core.gauges().clone();
    core.join().unwrap();
    let (over, during) = told.recv().unwrap();
    assert!(over.elapsed() < Duration::from_millis(500), "{:?} to end", over.elapsed());
    assert!(during >= before + 8, "{during} descriptors: not much was under way");
    // The executor's helper thread closes its eventfd a moment after the core's thread has ended.
    let mut left = descriptors();
    while left > before && over.elapsed() < Duration::from_secs(10) {
        std::thread::sleep(Duration::from_millis(1));
        left = descriptors();
    }
    assert_eq!(left, before, "{during} meanwhile");
    assert_eq!(gauges.task_panics.read(), 0);
}
