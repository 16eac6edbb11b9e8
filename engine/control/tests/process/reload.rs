//! A process whose file changes: every kind of change takes effect, a bad one changes nothing and
//! is shown, and what is not reloadable says so.

use std::fs;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::unix::fs::symlink;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::Value;

use crate::fake_core::{Script, Told};
use crate::process::{Process, start, start_from_file, start_while_saved};

/// One more upstream, so that the file differs.
const MORE: &str = "[upstreams.more]\nendpoints = [\"127.0.0.1:2\"]\n";

fn status(process: &Process) -> Value {
    serde_json::from_str(&process.fetch("/config_status").body).expect("JSON")
}

/// Waits until `/config_status` is as wanted.
#[track_caller]
fn status_until(process: &Process, wanted: impl Fn(&Value) -> bool) -> Value {
    let parse = |body: &str| serde_json::from_str::<Value>(body).expect("JSON");
    parse(&process.fetch_until("/config_status", |answer| wanted(&parse(&answer.body))).body)
}

#[track_caller]
fn applied(process: &Process, generation: u32) {
    let status = status_until(process, |status| status["generation"] == generation);
    assert_eq!(status["rejected"], Value::Null);
}

/// As editors and `kubectl cp` do: a new file, moved over the old one.
fn replace(file: &Path, text: &str) {
    let new = file.with_extension("new");
    fs::write(&new, text).expect("the directory is writable");
    fs::rename(&new, file).expect("the directory is writable");
}

#[test]
fn a_file_moved_over_the_old_one_takes_effect_on_every_core() {
    let process = start_from_file();
    replace(&process.file(), &process.good_file("", MORE));
    let told = |core| Told::Publish { core, generation: 2, sockets: 0 };
    process.wait_all_told(&[told(0), told(1)]);
    applied(&process, 2);
    assert!(process.fetch("/clusters").body.contains("more::127.0.0.1:2::weight::1"));
    let metrics = process.fetch("/metrics").body;
    assert!(metrics.contains("outrigger_config_reload_total{result=\"applied\"} 1\n"), "{metrics}");
}

#[test]
fn each_core_says_by_which_file_it_serves_and_since_when() {
    let process = start_from_file();
    let saved_ms = unix_ms();
    replace(&process.file(), &process.good_file("", MORE));
    let is_behind = |core: &Value| core["generation"] != 2;
    let status = status_until(&process, |status| !cores(status).iter().any(is_behind));
    for (core, number) in cores(&status).iter().zip(0..) {
        assert_eq!(core["core"], number);
        let since_ms = core["since_unix_ms"].as_u64().expect("it serves");
        assert!((saved_ms..=unix_ms()).contains(&since_ms), "saved at {saved_ms}: {core}");
    }
}

fn cores(status: &Value) -> &[Value] {
    status["cores"].as_array().expect("a list")
}

fn unix_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970");
    u64::try_from(since.as_millis()).expect("this era")
}

#[test]
fn a_file_written_in_place_takes_effect() {
    let process = start_from_file();
    fs::write(process.file(), process.good_file("", MORE)).expect("the file is writable");
    applied(&process, 2);
}

#[test]
fn a_file_saved_while_the_process_started_takes_effect() {
    applied(&start_while_saved(MORE), 2);
}

#[test]
fn an_untouched_file_is_not_counted_as_a_reload() {
    let process = start_from_file();
    assert_eq!(process.post("/reload").body, "unchanged\n");
    let reloads = serde_json::json!({ "applied": 0, "rejected": 0, "unchanged": 1 });
    assert_eq!(status(&process)["reloads"], reloads);
}

#[test]
fn a_mounted_config_map_s_swap_takes_effect() {
    let process = start_from_file();
    let file = process.file();
    let directory = file.parent().expect("it lies in one");
    for (version, text) in
        [("..1", process.good_file("", "")), ("..2", process.good_file("", MORE))]
    {
        fs::create_dir(directory.join(version)).expect("the directory is writable");
        fs::write(directory.join(version).join("sidecar.toml"), text).expect("writable");
    }
    symlink("..1", directory.join("..data")).expect("the directory is writable");
    fs::remove_file(&file).expect("it is there");
    symlink("..data/sidecar.toml", &file).expect("the directory is writable");
    assert_eq!(process.post("/reload").body, "unchanged\n");
    symlink("..2", directory.join("..data_tmp")).expect("the directory is writable");
    fs::rename(directory.join("..data_tmp"), directory.join("..data")).expect("writable");
    applied(&process, 2);
}

#[test]
fn a_directory_deleted_and_made_again_is_found_again() {
    let process = start_from_file();
    let file = process.file();
    let directory = file.parent().expect("it lies in one");
    for (generation, rest) in [(2, MORE), (3, "")] {
        fs::remove_dir_all(directory).expect("it is there");
        fs::create_dir(directory).expect("its parent is writable");
        fs::write(&file, process.good_file("", rest)).expect("it is writable");
        applied(&process, generation);
    }
    replace(&file, &process.good_file("", MORE));
    applied(&process, 4);
}

#[test]
fn a_bad_file_changes_nothing_and_every_mistake_is_shown() {
    let process = start_from_file();
    let bad =
        process.good_file("", "[upstreams.bad]\nendpoint = []\n").replace("\"app\"", "\"ap\"");
    replace(&process.file(), &bad);
    let status = status_until(&process, |status| !status["rejected"].is_null());
    assert_eq!((&status["generation"], &status["reloads"]["rejected"]), (&1.into(), &1.into()));
    let problems = status["rejected"]["problems"]["problems"].as_array().expect("a list").len();
    assert!(problems >= 2, "{status:#}");
    assert!(status["rejected"]["message"].as_str().expect("a text").contains("sidecar.toml"));
    assert!(process.fetch("/metrics").body.contains("outrigger_config_rejected 1\n"));
    assert_eq!(process.fetch("/ready").status, 200);
    replace(&process.file(), &process.good_file("", MORE));
    applied(&process, 2);
    assert!(process.fetch("/metrics").body.contains("outrigger_config_rejected 0\n"));
}

#[test]
fn a_bad_file_taken_back_is_forgotten() {
    let process = start_from_file();
    replace(&process.file(), "nonsense");
    status_until(&process, |status| !status["rejected"].is_null());
    replace(&process.file(), &process.good_file("", ""));
    let status = status_until(&process, |status| status["rejected"].is_null());
    assert_eq!(status["generation"], 1);
}

#[test]
fn an_empty_file_changes_nothing() {
    let process = start_from_file();
    replace(&process.file(), "");
    let status = status_until(&process, |status| !status["rejected"].is_null());
    assert_eq!(status["generation"], 1);
}

#[test]
fn a_file_that_is_gone_changes_nothing_and_is_found_when_it_is_back() {
    let process = start_from_file();
    fs::remove_file(process.file()).expect("it is there");
    let status = status_until(&process, |status| !status["rejected"].is_null());
    let message = status["rejected"]["message"].as_str().expect("a text");
    assert!(message.contains("sidecar.toml is not there"), "{message}");
    fs::write(process.file(), process.good_file("", "")).expect("it is writable");
    status_until(&process, |status| status["rejected"].is_null());
}

#[test]
fn post_reload_tells_the_result() {
    let process = start_from_file();
    let answer = process.post("/reload");
    assert_eq!((answer.status, &*answer.body), (200, "unchanged\n"));
    replace(&process.file(), &process.good_file("", MORE));
    let answer = process.post("/reload");
    assert_eq!((answer.status, &*answer.body), (200, "applied, generation 2\n"));
    replace(&process.file(), "nonsense");
    let answer = process.post("/reload");
    assert_eq!(answer.status, 400);
    assert!(answer.body.starts_with("rejected, nothing changed: "), "{}", answer.body);
}

#[test]
fn a_built_in_configuration_is_not_reloaded() {
    let process = start("", Script::default());
    process.wait_ready();
    let answer = process.post("/reload");
    assert_eq!(answer.status, 400);
    assert!(answer.body.contains("built in"), "{}", answer.body);
}

#[test]
fn a_storm_of_sighup_is_a_few_reloads() {
    let process = start_from_file();
    for _ in 0..1_000 {
        process.wait_ready().commands.reload();
    }
    assert_eq!(process.post("/reload").body, "unchanged\n");
    let reloads = &status(&process)["reloads"];
    assert!(reloads["unchanged"].as_u64().expect("a count") < 20, "{reloads}");
}

#[test]
fn sigterm_during_a_storm_of_reloads_ends_the_process() {
    let process = start_from_file();
    let commands = &process.wait_ready().commands;
    for number in 0..50 {
        replace(&process.file(), &process.good_file("", &format!("# {number}\n")));
        commands.reload();
    }
    commands.terminate();
    commands.terminate();
    process.wait_end();
}

fn listener(name: &str, address: &str) -> String {
    format!("[[listeners]]\nname = \"{name}\"\nlisten = \"{address}\"\nroutes = \"t\"\n")
}

fn address_of(process: &Process, listener: &str) -> Option<SocketAddr> {
    let info: Value = serde_json::from_str(&process.fetch("/server_info").body).expect("JSON");
    info["listeners"][listener].as_str().and_then(|address| address.parse().ok())
}

#[test]
fn a_listener_is_added_and_removed_and_the_other_one_keeps_its_socket() {
    let process = start_from_file();
    let kept = address_of(&process, "in");
    replace(&process.file(), &process.good_file("", &listener("new", "127.0.0.1:0")));
    process.wait_told(Told::Publish { core: 0, generation: 2, sockets: 1 });
    applied(&process, 2);
    let new = address_of(&process, "new").expect("it is bound");
    TcpStream::connect(new).expect("it listens");
    replace(&process.file(), &process.good_file("", ""));
    applied(&process, 3);
    assert_eq!(address_of(&process, "new"), None);
    assert_eq!(address_of(&process, "in"), kept);
}

#[test]
fn a_listener_that_cannot_be_bound_rejects_the_whole_file() {
    let process = start_from_file();
    let other = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let taken = other.local_addr().expect("bound").to_string();
    let rest = listener("free", "127.0.0.1:0") + &listener("taken", &taken);
    replace(&process.file(), &process.good_file("", &rest));
    let status = status_until(&process, |status| !status["rejected"].is_null());
    let message = status["rejected"]["message"].as_str().expect("a text");
    assert!(message.contains("`taken`") && message.contains(&taken), "{message}");
    assert_eq!(status["generation"], 1);
    assert_eq!(address_of(&process, "free"), None);
    assert!(!process.told.try_iter().any(|told| matches!(told, Told::Publish { .. })));
}

#[test]
fn what_needs_a_restart_is_told_and_the_rest_takes_effect() {
    let process = start_from_file();
    let text =
        process.good_file("drain_timeout = \"7s\"", "").replace("workers = 2", "workers = 3");
    replace(&process.file(), &text);
    // The watch may have been quicker: the file is unchanged then.
    let answer = process.post("/reload").body;
    assert!(answer.ends_with("; with the next start: process.workers\n"), "{answer}");
    let status = status(&process);
    assert_eq!(status["needs_restart"], serde_json::json!(["process.workers"]));
    assert!(process.fetch("/config_dump").body.contains("\"drain_timeout\":\"7s\""));
    assert!(process.fetch("/metrics").body.contains("outrigger_config_needs_restart 1\n"));
}

#[test]
fn the_admin_listener_moves() {
    let process = start_from_file();
    let old = process.admin_path();
    let new = old.with_file_name("moved.sock");
    let text = process.good_file("", "").replace("admin.sock", "moved.sock");
    fs::write(process.file(), text).expect("it is writable");
    assert_eq!(process.post("/reload").body, "applied, generation 2\n");
    let answer = crate::http::Client::connect(&new).ask("GET", "/ready");
    assert_eq!(answer.status, 200);
    assert!(!old.exists());
}

#[test]
fn counts_go_on_over_a_reload_and_the_old_snapshot_is_freed() {
    let process = start_from_file();
    let counted = "route=\"all\",upstream=\"\",code=\"200\",flag=\"\"} ";
    let requests = |page: &str| -> u64 {
        let line = page.lines().find(|line| line.contains(counted)).expect("the series");
        line.rsplit(' ').next().expect("a value").parse().expect("a count")
    };
    let before = requests(&process.fetch("/metrics").body);
    replace(&process.file(), &process.good_file("", MORE));
    applied(&process, 2);
    assert!(requests(&process.fetch("/metrics").body) > before);
    process.fetch_until("/ready", |_| process.first.upgrade().is_none());
    assert!(process.fetch("/metrics").body.contains("outrigger_config_snapshots 1\n"));
}
