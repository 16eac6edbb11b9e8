//! The program as its user meets it: run as a process, judged by what it prints and leaves behind.

use std::io::{BufRead, BufReader, Read};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal};
use serde_json::Value;

/// Nothing here may take longer.
const LIMIT: Duration = Duration::from_secs(60);

fn bench(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_bench"));
    // Not run by cargo: then it would build Outrigger.
    command.args(arguments).env_remove("CARGO").env("ENVOY", "/nonexistent/envoy");
    command
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Whether the machine has the two CPUs that a measurement needs; the program says so itself.
fn refused_for_one_cpu(output: &Output) -> bool {
    text(&output.stderr).contains("one CPU only")
}

#[test]
fn versus_measures_the_floor_and_prints_json_of_it() {
    let arguments = [
        "versus",
        "--peers",
        "floor",
        "--rounds",
        "2",
        "--seconds",
        "0.2",
        "--only",
        "cpu",
        "--json",
    ];
    let output = bench(&arguments).output().unwrap();
    if refused_for_one_cpu(&output) {
        return;
    }
    assert!(output.status.success(), "{}", text(&output.stderr));
    let told: Value = serde_json::from_slice(&output.stdout).unwrap();
    let figures = told["figures"].as_array().unwrap();
    let cpu = figures.iter().find(|figure| figure["key"] == "cpu_us_at_64").unwrap();
    let rounds = cpu["programs"]["floor"]["rounds"].as_array().unwrap();
    assert_eq!(rounds.len(), 2);
    assert!(rounds.iter().all(|us| us.as_f64().unwrap() > 0.5), "{rounds:?}");
}

#[test]
fn a_missing_peer_is_a_note_with_a_remedy_and_not_a_column() {
    let arguments =
        ["versus", "--peers", "floor,envoy", "--rounds", "1", "--seconds", "0.1", "--only", "unix"];
    let output = bench(&arguments).output().unwrap();
    if refused_for_one_cpu(&output) {
        return;
    }
    let printed = text(&output.stdout);
    assert!(printed.contains("note: envoy is missing: --envoy or $ENVOY names"), "{printed}");
    let heading = printed.lines().find(|line| line.starts_with("median")).unwrap();
    assert!(heading.contains("floor") && !heading.contains("envoy"), "{heading}");
}

#[test]
fn a_proxy_that_does_not_start_explains_itself() {
    let arguments = [
        "versus",
        "--peers",
        "uring",
        "--outrigger",
        "/bin/false",
        "--rounds",
        "1",
        "--seconds",
        "0.1",
        "--only",
        "unix",
    ];
    let output = bench(&arguments).output().unwrap();
    if refused_for_one_cpu(&output) {
        return;
    }
    let printed = text(&output.stdout);
    assert!(printed.contains("Outrigger (io_uring) ended instead of serving"), "{printed}");
}

#[test]
fn load_and_origin_work_by_themselves() {
    let mut origin = bench(&["origin", "--listen", "127.0.0.1:0", "--body", "7"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(origin.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
    let address = line.split(&[' ', ';']).nth(2).unwrap();
    let arguments = ["load", address, "-c", "4", "-s", "0.2", "--rate", "1000", "--json"];
    let output = bench(&arguments).output().unwrap();
    interrupt(origin.id());
    assert!(origin.wait().is_ok());
    let told: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(told["failed"], 0, "{told}");
    assert!(told["answered"].as_u64().unwrap() > 100, "{told}");
}

#[test]
fn an_interrupt_ends_the_program_and_its_children() {
    let arguments = ["versus", "--peers", "floor", "--rounds", "100", "--only", "cpu"];
    let mut versus =
        bench(&arguments).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let mut told = BufReader::new(versus.stderr.take().unwrap());
    let mut line = String::new();
    // The first value stands: a relay is running or about to be started.
    while !line.contains("floor") && told.read_line(&mut line).unwrap() > 0 {}
    if line.contains("one CPU only") {
        assert!(!versus.wait().unwrap().success());
        return;
    }
    interrupt(versus.id());
    let asked = Instant::now();
    let status = loop {
        if let Some(status) = versus.try_wait().unwrap() {
            break status;
        }
        assert!(asked.elapsed() < LIMIT, "it did not end");
        std::thread::yield_now();
    };
    assert_eq!(status.code(), Some(130));
    told.read_to_string(&mut line).unwrap();
    assert!(line.contains("interrupted"), "{line}");
    let scratch = std::env::temp_dir().join(format!("outrigger-bench-{}", versus.id()));
    assert!(!scratch.exists(), "its files are removed");
}

fn interrupt(pid: u32) {
    let pid = i32::try_from(pid).ok().and_then(Pid::from_raw).expect("a child's pid is a pid");
    rustix::process::kill_process(pid, Signal::INT).expect("the child was not waited for yet");
}
