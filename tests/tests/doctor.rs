//! `outrigger doctor` on the real machine: what it prints, how it exits, and that it names what
//! stands in the way. What each finding says of which facts is tested beside its code.

use std::ffi::OsStr;
use std::net::TcpListener;
use std::process::Command;

use tests::program::{Ended, Program, outrigger_command};
use tests::proxy::{Addresses, ConfigFile};
use tests::{Engine, Origin, Setup, on_both_engines, proxy, to_origin};

const DENY_IO_URING: &str = env!("CARGO_BIN_EXE_deny_io_uring");

/// Executes the rest of its command line with few descriptors.
const FEW_DESCRIPTORS: [&str; 3] = ["sh", "-c", "ulimit -n 100; exec \"$0\" \"$@\""];

/// A good file on addresses of its own, asking for this engine.
fn good_file(engine: Engine) -> ConfigFile {
    let config = Setup::new(engine).whole(&to_origin(&Origin::saying("ok")));
    ConfigFile::new(&Addresses::default().fill(&config))
}

fn doctor(file: &ConfigFile) -> Ended {
    Program::run(&mut outrigger_command(["doctor".as_ref(), file.path().as_os_str()]))
}

fn doctor_under(launcher: &[&str], file: &ConfigFile) -> Ended {
    let plain = outrigger_command([OsStr::new("doctor"), file.path().as_os_str()]);
    let mut command = Command::new(launcher[0]);
    command.args(&launcher[1..]).arg(plain.get_program()).args(plain.get_args());
    Program::run(&mut command)
}

/// The one line about something.
#[track_caller]
fn about<'e>(ended: &'e Ended, what: &str) -> &'e str {
    let line = ended.output.lines().find(|line| line.contains(&format!("  {what}: ")));
    line.unwrap_or_else(|| panic!("nothing about {what}:\n{}", ended.output))
}

#[track_caller]
fn assert_line(line: &str, verdict: &str, words: &[&str]) {
    assert!(line.starts_with(verdict), "{line}");
    for word in words {
        assert!(line.contains(word), "{word:?} is not in: {line}");
    }
}

#[test]
fn without_a_file_the_machine_is_looked_at() {
    let ended = Program::run(&mut outrigger_command(["doctor"]));
    assert_eq!(ended.code, Some(0), "{}", ended.output);
    for what in ["kernel", "io_uring", "workers", "descriptors", "ports", "watch"] {
        about(&ended, what);
    }
    let last = ended.output.lines().last().unwrap_or_default();
    assert!(last.ends_with(" 0 fail"), "{}", ended.output);
}

#[test]
fn with_a_good_file_its_addresses_are_tried_and_given_back() {
    let file = good_file(Engine::Auto);
    for _ in 0..2 {
        let ended = doctor(&file);
        assert_eq!(ended.code, Some(0), "{}", ended.output);
        assert_line(about(&ended, "file"), "ok", &["is good"]);
        assert_line(about(&ended, "listener in"), "ok", &["can be had"]);
        assert_line(about(&ended, "admin"), "ok", &["can be had"]);
    }
}

#[test]
fn a_seccomp_filter_is_named_with_its_remedy() {
    let ended = doctor_under(&[DENY_IO_URING], &good_file(Engine::Auto));
    assert_eq!(ended.code, Some(0), "epoll serves: {}", ended.output);
    assert_line(about(&ended, "io_uring"), "warn", &["seccomp", "epoll", "io_uring_setup"]);
}

#[test]
fn a_file_that_insists_on_a_denied_engine_is_a_failure() {
    let ended = doctor_under(&[DENY_IO_URING], &good_file(Engine::Uring));
    assert_eq!(ended.code, Some(1), "{}", ended.output);
    assert_line(about(&ended, "io_uring"), "fail", &["seccomp", "does not start"]);
}

#[test]
fn too_few_descriptors_are_counted_against_the_file() {
    let ended = doctor_under(&FEW_DESCRIPTORS, &good_file(Engine::Auto));
    assert_eq!(ended.code, Some(0), "{}", ended.output);
    let words = ["RLIMIT_NOFILE is 100,", "50000 connections", "LimitNOFILE="];
    assert_line(about(&ended, "descriptors"), "warn", &words);
}

#[test]
fn a_start_is_said_to_take_what_a_proxy_holds() {
    let listener =
        |n| format!("[[listeners]]\nname = \"{n}\"\nlisten = \"127.0.0.1:0\"\nroutes = \"app\"\n");
    let config: String = (0..40).map(listener).collect();
    let config = format!("{config}{}", to_origin(&Origin::saying("ok")));
    on_both_engines(|engine| {
        let running = Setup::new(engine).workers(2).start(&config);
        let one_less = format!("ulimit -n {}; exec \"$0\" \"$@\"", running.descriptors() - 1);
        let ended = doctor_under(&["sh", "-c", &one_less], running.config());
        assert_line(about(&ended, "descriptors"), "fail", &["a start alone takes"]);
    });
}

#[test]
fn who_holds_a_port_is_told() {
    let other = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let taken = other.local_addr().expect("it is bound").to_string();
    let config = Setup::new(Engine::Auto).whole(&to_origin(&Origin::saying("ok")));
    let file = ConfigFile::new(&Addresses::default().fill(&config.replace("@in", &taken)));
    let ended = doctor(&file);
    assert_eq!(ended.code, Some(1), "{}", ended.output);
    let pid = format!("pid {}", std::process::id());
    assert_line(about(&ended, "listener in"), "fail", &[&taken, "in use", &pid, "`listen`"]);
}

#[test]
fn beside_the_proxy_that_serves_the_file_nothing_fails() {
    let origin = Origin::saying("ok");
    let mut running = proxy(Engine::Auto, &to_origin(&origin));
    let ended = doctor(running.config());
    assert_eq!(ended.code, Some(0), "{}", ended.output);
    let pid = format!("pid {}, which runs with this file", running.program().pid());
    for listener in ["listener in", "admin"] {
        assert_line(about(&ended, listener), "ok", &["held by outrigger", &pid]);
    }
    assert_eq!(running.fetch("/").text(), "ok", "it serves on");
}

#[test]
fn a_bad_file_is_shown_as_check_shows_it() {
    let ended = doctor(&ConfigFile::new("[proces]\nworkers = 1\n"));
    assert_eq!(ended.code, Some(1), "{}", ended.output);
    assert_line(about(&ended, "file"), "fail", &["outrigger check"]);
    assert!(ended.output.contains("did you mean"), "{}", ended.output);
}

#[test]
fn programs_get_findings_and_problems_as_json() {
    let bad = ConfigFile::new("[proces]\nworkers = 1\n");
    let path = bad.path();
    let arguments = ["doctor".as_ref(), "--json".as_ref(), path.as_os_str()];
    let ended = Program::run(&mut outrigger_command(arguments));
    assert_eq!(ended.code, Some(1), "{}", ended.output);
    assert!(ended.output.starts_with('{'), "nothing but JSON: {}", ended.output);
    for word in ["\"verdict\": \"fail\"", "\"about\": \"file\"", "\"severity\": \"error\""] {
        assert!(ended.output.contains(word), "{word:?} is not in: {}", ended.output);
    }
}

#[test]
fn a_wrong_command_line_exits_with_two() {
    let ended = Program::run(&mut outrigger_command(["doctor", "--no-such-flag"]));
    assert_eq!(ended.code, Some(2), "{}", ended.output);
}

#[test]
fn an_access_log_without_its_directory_is_told_and_not_made() {
    let config = to_origin(&Origin::saying("ok"));
    let log = tests::lines::Log::new();
    for (path, verdict) in [(log.path(), "ok"), (log.beside("none/a"), "warn")] {
        let text = tests::lines::with_log_at(&path, "", &config);
        let text = Setup::new(Engine::Auto).whole(&text);
        let ended = doctor(&ConfigFile::new(&Addresses::default().fill(&text)));
        assert_line(about(&ended, "access log"), verdict, &[&path.display().to_string()]);
        assert!(!path.exists(), "the doctor changes nothing");
    }
}
