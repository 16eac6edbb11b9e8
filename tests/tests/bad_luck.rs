//! What a machine may do to a proxy that serves: a log that nobody takes, a watch that cannot be
//! had, a directory that goes, signals in a storm. Traffic never notices.

use tests::{Engine, Load, Origin, Proxy, Setup, as_version, on_both_engines, versioned};

/// A pipe as the program's stderr whose other end is open and never read.
const UNREAD: &str = "d=$(mktemp -d) && mkfifo $d/f && exec 3<>$d/f && rm -r $d && \
                      exec \"$@\" 2>&3";

const DISK_FULL: &str = "exec \"$@\" 2>/dev/full";

#[test]
fn a_log_that_nobody_reads_holds_nobody_up_and_what_is_lost_is_counted() {
    on_both_engines(|engine| {
        let (proxy, _origin) = start(&under_shell(engine, UNREAD));
        log_much(&proxy, 20);
        assert_eq!(proxy.wait().code, Some(0));
    });
}

#[test]
fn a_log_on_a_full_disk_holds_nobody_up_and_what_is_lost_is_counted() {
    on_both_engines(|engine| {
        let (proxy, _origin) = start(&under_shell(engine, DISK_FULL));
        log_much(&proxy, 1);
        assert_eq!(proxy.wait().code, Some(0));
    });
}

/// Refusals, each of 100 long mistakes: 20 are more than a pipe and a queue hold.
#[track_caller]
fn log_much(proxy: &Proxy, refusals: usize) {
    assert_eq!(proxy.post("/logging?level=debug").status(), 200);
    let good = proxy.config().text();
    for round in 0..refusals {
        let long = "x".repeat(150);
        let wrong = (0..100).map(|line| format!("{long}_{round}_{line} = 1\n"));
        proxy.config().replace(wrong.collect::<String>());
        assert_eq!(proxy.post("/reload").status(), 400);
    }
    let load = Load::on(&proxy.address("in"));
    proxy.config().replace(as_version(&good, 2));
    assert_eq!(proxy.post("/reload").text(), "applied, generation 2\n");
    load.expect_version(2);
    load.finish();
    let metrics = proxy.metrics();
    assert!(metrics.sum("outrigger_log_dropped_total", &[]) > 0.0, "{metrics}");
    proxy.terminate();
}

fn under_shell(engine: Engine, script: &str) -> Setup {
    Setup::new(engine).under(["sh", "-c", script, "sh"])
}

fn start(setup: &Setup) -> (Proxy, Origin) {
    let origin = Origin::saying("ok");
    (setup.start(&versioned(&origin, 1)), origin)
}
