//! Where io_uring is denied, as in most containers: `auto` falls back and says so, `uring` does not
//! start and says why.

use tests::program::{Program, outrigger_command};
use tests::proxy::{Addresses, ConfigFile};
use tests::{Engine, Origin, Setup, to_origin};

const LAUNCHER: &str = env!("CARGO_BIN_EXE_deny_io_uring");

#[test]
fn auto_falls_back_to_epoll_and_serves() {
    let origin = Origin::saying("by epoll");
    let proxy = Setup::new(Engine::Auto).under([LAUNCHER]).start(&to_origin(&origin));
    for _ in 0..10 {
        assert_eq!(proxy.fetch("/").text(), "by epoll");
    }
    let epoll = [("engine", "epoll"), ("fallback", "true")];
    let metrics = proxy.metrics();
    assert_eq!(metrics.sum("outrigger_io_engine_info", &epoll), 1.0, "{metrics}");
}

#[test]
fn the_first_log_line_says_why_and_what_to_do() {
    let proxy = Setup::new(Engine::Auto).under([LAUNCHER]).start(&to_origin(&Origin::saying("ok")));
    let log = proxy.log();
    let first = log.lines().next().unwrap_or_default().to_owned();
    for word in ["epoll", "io_uring", "seccomp", "outrigger doctor"] {
        assert!(first.contains(word), "{word:?} is not in: {first}");
    }
}

#[test]
fn without_the_filter_auto_takes_io_uring() {
    let proxy = Setup::new(Engine::Auto).start(&to_origin(&Origin::saying("ok")));
    let uring = [("engine", "uring"), ("fallback", "false")];
    let metrics = proxy.metrics();
    assert_eq!(metrics.sum("outrigger_io_engine_info", &uring), 1.0, "{metrics}");
}

#[test]
fn uring_itself_does_not_start() {
    let config = Setup::new(Engine::Uring).whole(&to_origin(&Origin::saying("ok")));
    let file = ConfigFile::new(&Addresses::default().fill(&config));
    let run = outrigger_command(["run".as_ref(), file.path().as_os_str()]);
    let mut command = std::process::Command::new(LAUNCHER);
    command.arg(run.get_program()).args(run.get_args());
    let ended = Program::run(&mut command);
    assert_eq!(ended.code, Some(1), "{}", ended.output);
    for word in ["io_uring", "seccomp"] {
        assert!(ended.output.contains(word), "{word:?} is not in: {}", ended.output);
    }
}
