//! `/metrics` before promtool, with every metric in use.

use std::io::Write;
use std::process::Stdio;

use tests::program::workspace;
use tests::{Engine, Origin, proxy, to_origin};

use crate::programs::command;

#[test]
fn promtool_finds_nothing_wrong_with_the_metrics() {
    let origin = Origin::saying("ok");
    let proxy = proxy(Engine::Auto, &to_origin(&origin));
    assert_eq!(proxy.fetch("/").text(), "ok");
    assert_eq!(proxy.exchange("GET / HTTP/1.1\r\n\r\n").status(), 400);
    drop(origin);
    assert_eq!(proxy.fetch("/").status(), 503);
    assert_accepted(&proxy.admin("/metrics").body);
}

/// One of everything that is counted, more than a few requests bring about.
#[test]
fn promtool_finds_nothing_wrong_with_the_golden_page() {
    let golden = workspace().join("engine/control/tests/golden/metrics.txt");
    assert_accepted(&std::fs::read(golden).expect("it is committed"));
}

#[track_caller]
fn assert_accepted(page: &[u8]) {
    let mut promtool = command("promtool");
    promtool.args(["check", "metrics"]).stdin(Stdio::piped());
    promtool.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = promtool.spawn().expect("promtool starts");
    child.stdin.take().expect("it is piped").write_all(page).expect("promtool reads");
    let output = child.wait_with_output().expect("promtool ends");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(
        output.status.success() && said.is_empty(),
        "{said}\n{}",
        String::from_utf8_lossy(page)
    );
}
