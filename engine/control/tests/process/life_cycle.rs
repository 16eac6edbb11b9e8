//! Starting, ready, draining, ending; what SIGTERM does is done by the function that it calls.

use control::Ending;

use crate::fake_core::{Script, Told};
use crate::process::start;

const AT_ONCE: &str = "pre_drain = \"0s\"";
const LATER: &str = "pre_drain = \"1m\"";

#[test]
fn ready_is_red_until_every_core_serves() {
    let process = start(AT_ONCE, Script { never_serves: Some(1), ..Script::default() });
    let answer = process.fetch_until("/ready", |answer| answer.body.contains("core 1"));
    assert_eq!((answer.status, &*answer.body), (503, "starting: core 1 does not listen yet\n"));
    assert_eq!(process.fetch("/live").status, 200);
}

#[test]
fn ready_is_green_when_every_core_serves() {
    let process = start(AT_ONCE, Script::default());
    let running = process.wait_ready();
    let answer = process.fetch("/ready");
    assert_eq!((answer.status, &*answer.body), (200, "ready\n"));
    let names: Vec<_> = running.listeners.iter().map(|(name, _)| &**name).collect();
    assert_eq!(names, ["in", "admin"]);
    let (_, address) = &running.listeners[0];
    assert!(!address.to_string().ends_with(":0"), "the port that the kernel chose: {address}");
}

#[test]
fn sigterm_turns_ready_red_and_serves_on_through_pre_drain() {
    let process = start(LATER, Script::default());
    process.wait_ready().commands.terminate();
    let answer = process.fetch_until("/ready", |answer| answer.status == 503);
    assert_eq!(answer.body, "draining\n");
    assert_eq!(process.fetch("/live").status, 200);
    assert!(process.fetch("/server_info").body.contains("\"pre-drain\""));
    assert!(!process.told.try_iter().any(|told| matches!(told, Told::Drain(_))));
}

#[test]
fn sigterm_drains_every_core_and_then_the_process_ends() {
    let process = start(AT_ONCE, Script::default());
    process.wait_ready().commands.terminate();
    assert_eq!(process.wait_end(), Ending::Drained);
    let told: Vec<_> = process.told.try_iter().collect();
    for core in 0..2 {
        let drain = told.iter().position(|told| *told == Told::Drain(core));
        let stop = told.iter().position(|told| *told == Told::Stop(core));
        assert!(drain.is_some() && drain < stop, "{told:?}");
    }
}

#[test]
fn the_process_ends_at_drain_timeout_with_requests_in_flight() {
    let keys = "pre_drain = \"0s\"\ndrain_timeout = \"50ms\"";
    let process = start(keys, Script { never_drains: Some(0), ..Script::default() });
    process.wait_ready().commands.terminate();
    assert_eq!(process.wait_end(), Ending::TimedOut);
}

#[test]
fn a_second_sigterm_ends_the_process_at_once() {
    let process = start(LATER, Script::default());
    let commands = process.wait_ready().commands.clone();
    commands.terminate();
    commands.terminate();
    assert_eq!(process.wait_end(), Ending::Forced);
}

#[test]
fn a_drain_hook_before_sigterm_cuts_nothing_short() {
    let process = start(LATER, Script::default());
    let commands = process.wait_ready().commands.clone();
    assert_eq!(process.post("/drain").status, 200);
    process.fetch_until("/ready", |answer| answer.status == 503);
    commands.terminate();
    assert_eq!(process.post("/drain").status, 200);
    assert!(process.fetch("/server_info").body.contains("\"pre-drain\""));
    assert!(process.lives());
}

#[test]
fn a_core_that_dies_turns_ready_and_live_red_and_ends_the_process() {
    let keys = "pre_drain = \"0s\"\ndrain_timeout = \"1m\"";
    let script = Script { dies: Some(1), never_drains: Some(0), ..Script::default() };
    let process = start(keys, script);
    process.wait_ready();
    // The scrape that kills the core is answered with the other core's counts.
    assert_eq!(process.fetch("/metrics").status, 200);
    let answer = process.fetch_until("/ready", |answer| answer.status == 503);
    assert_eq!(answer.body, "core 1 died\n");
    assert_eq!(process.fetch("/live").status, 503);
    assert!(process.fetch("/metrics").body.contains("outrigger_core_up{core=\"1\"} 0\n"));
    process.wait_told(Told::Drain(0));
}

#[test]
fn a_core_that_dies_makes_the_exit_code_tell() {
    let process = start(AT_ONCE, Script { dies: Some(1), ..Script::default() });
    process.wait_ready();
    // The process may end before it answers.
    process.client().send("GET /metrics HTTP/1.1\r\nhost: admin\r\n\r\n");
    let ending = process.wait_end();
    assert_eq!((ending, ending.exit_code()), (Ending::CoreDied, 1));
}

#[test]
fn the_admin_socket_s_path_is_gone_after_the_end() {
    let process = start(AT_ONCE, Script::default());
    assert!(process.admin_path().exists());
    process.wait_ready().commands.terminate();
    process.wait_end();
    assert!(!process.admin_path().exists());
}
