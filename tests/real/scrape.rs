//! `/metrics` before promtool, with every metric in use.

use std::io::Write;
use std::process::Stdio;

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
    let page = proxy.admin("/metrics");
    let mut promtool = command("promtool");
    promtool.args(["check", "metrics"]).stdin(Stdio::piped());
    promtool.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = promtool.spawn().expect("promtool starts");
    child.stdin.take().expect("it is piped").write_all(&page.body).expect("promtool reads");
    let output = child.wait_with_output().expect("promtool ends");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success() && said.is_empty(), "{said}\n{page}");
}
