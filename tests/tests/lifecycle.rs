//! How the process starts, drains and ends; what it says when it cannot start.

use std::fs;
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::Signal;
use tests::load::until_refused;
use tests::program::{Ended, Program, outrigger_command};
use tests::proxy::{Addresses, ConfigFile};
use tests::{Address, Engine, Gate, Origin, Peer, Proxy, Setup, on_both_engines, origin, proxy};
use tests::{to_origin, to_origin_with, to_routes, until};

const GET: &str = "GET / HTTP/1.1\r\nhost: test\r\n\r\n";

#[test]
fn the_first_log_line_names_engine_workers_and_listeners() {
    on_both_engines(|engine| {
        let origin = Origin::saying("ok");
        let proxy = proxy(engine, &to_origin(&origin));
        let log = proxy.log();
        let first = log.lines().next().unwrap_or_default();
        let address = proxy.address("in").to_string();
        for named in [engine.to_string().as_str(), "workers", "2", &address] {
            assert!(first.contains(named), "{named:?} is not in: {first}");
        }
    });
}

#[test]
fn the_engine_is_the_one_that_was_asked_for() {
    on_both_engines(|engine| {
        let proxy = proxy(engine, &to_origin(&Origin::saying("ok")));
        let metrics = proxy.metrics();
        let engine = engine.to_string();
        assert_eq!(metrics.sum("outrigger_io_engine_info", &[("engine", &engine)]), 1.0);
        assert_eq!(metrics.sum("outrigger_core_up", &[]), 2.0);
    });
}

#[test]
fn ready_and_live_answer() {
    let proxy = proxy(Engine::Auto, &to_origin(&Origin::saying("ok")));
    assert_eq!(proxy.admin("/ready").status(), 200);
    assert_eq!(proxy.admin("/live").status(), 200);
    assert_eq!(proxy.admin("/nothing-here").status(), 404);
}

#[test]
fn every_core_serves() {
    on_both_engines(|engine| {
        let origin = Origin::saying("ok");
        let proxy = proxy(engine, &to_origin(&origin));
        let mut clients: Vec<Peer> = (0..64).map(|_| proxy.client()).collect();
        for client in &mut clients {
            assert_eq!(client.send(GET).response().text(), "ok");
        }
        let metrics = proxy.metrics();
        let shares = metrics.matching("outrigger_downstream_connections_active", &[]);
        let shares: Vec<f64> = shares.map(|sample| sample.value).collect();
        assert_eq!(shares.iter().sum::<f64>(), 64.0);
        assert!(shares.len() == 2 && shares.iter().all(|&share| share > 0.0), "{shares:?}");
    });
}

#[test]
fn a_request_in_flight_is_finished_before_the_process_ends() {
    on_both_engines(|engine| {
        let (arrived, release) = (Gate::new(), Gate::new());
        let origin = {
            let (arrived, release) = (arrived.clone(), release.clone());
            Origin::scripted(move |peer, _| {
                peer.request();
                arrived.open();
                release.wait();
                peer.send(origin::ok("finished"));
            })
        };
        let proxy = proxy(engine, &to_origin(&origin));
        let mut client = proxy.client();
        client.send(GET);
        arrived.wait();
        proxy.terminate();
        until("not ready", || (proxy.admin("/ready").status() == 503).then_some(()));
        release.open();
        let answer = client.response();
        assert_eq!((answer.text(), answer.field("connection")), ("finished", Some("close")));
        client.closed();
        assert_eq!(proxy.wait().code, Some(0));
    });
}

#[test]
fn no_request_fails_because_of_sigterm() {
    on_both_engines(|engine| {
        let origin = Origin::saying("ok");
        let proxy = Setup::new(engine).process("pre_drain = \"300ms\"").start(&to_origin(&origin));
        thread::scope(|scope| {
            let clients: Vec<_> =
                (0..8).map(|_| scope.spawn(|| until_told_to_close(&proxy))).collect();
            proxy.metrics_until("all of them are at it", |metrics| {
                metrics.sum("outrigger_requests_total", &[("code", "200")]) > 80.0
            });
            proxy.terminate();
            for client in clients {
                assert!(client.join().expect("no request fails") > 0);
            }
        });
        assert_eq!(proxy.wait().code, Some(0));
    });
}

/// Request after request until an answer says `connection: close`; how many there were.
fn until_told_to_close(proxy: &Proxy) -> usize {
    let mut client = proxy.client();
    let started = Instant::now();
    for count in 1.. {
        let answer = client.send(GET).response();
        assert_eq!(answer.text(), "ok");
        if answer.field("connection") == Some("close") {
            client.closed();
            return count;
        }
        assert!(started.elapsed() < tests::DEADLINE, "never told to close");
    }
    unreachable!("the loop ends by return or panic")
}

#[test]
fn clients_that_keep_coming_are_not_cut_because_of_sigterm() {
    on_both_engines(|engine| {
        let origin = Origin::saying("ok");
        let proxy = proxy(engine, &to_origin(&origin));
        let listen = proxy.address("in");
        thread::scope(|scope| {
            let clients: Vec<_> = (0..16).map(|_| scope.spawn(|| until_refused(&listen))).collect();
            proxy.metrics_until("all of them are at it", |metrics| {
                metrics.sum("outrigger_requests_total", &[("code", "200")]) > 160.0
            });
            proxy.terminate();
            let cut = clients.into_iter().filter_map(|client| client.join().expect("it ends"));
            let cut: Vec<_> = cut.collect();
            // The kernel resets a connection that completes in the instant in which its socket is
            // closed. Without a drain of the queue all 16 are cut.
            assert!(cut.len() <= 4, "{cut:?}");
        });
        assert_eq!(proxy.wait().code, Some(0));
    });
}

#[test]
fn during_the_drain_new_clients_are_served_and_idle_ones_let_go() {
    on_both_engines(|engine| {
        let (arrived, release) = (Gate::new(), Gate::new());
        let origin = {
            let (arrived, release) = (arrived.clone(), release.clone());
            Origin::answering(move |request| {
                if request.target() == "/held" {
                    arrived.open();
                    release.wait();
                }
                origin::ok("ok")
            })
        };
        let proxy = proxy(engine, &to_origin(&origin));
        let mut idle = proxy.client();
        assert_eq!(idle.send(GET).response().text(), "ok");
        let mut held = proxy.client();
        held.send("GET /held HTTP/1.1\r\nhost: test\r\n\r\n");
        arrived.wait();
        proxy.terminate();
        idle.closed();
        let mut late = proxy.client();
        let answer = late.send(GET).response();
        assert_eq!((answer.text(), answer.field("connection")), ("ok", Some("close")));
        late.closed();
        release.open();
        assert_eq!(held.response().text(), "ok");
        assert_eq!(proxy.wait().code, Some(0));
    });
}

#[test]
fn before_the_drain_all_is_served_as_before_and_ready_is_red() {
    on_both_engines(|engine| {
        let origin = Origin::saying("ok");
        let proxy = Setup::new(engine).process("pre_drain = \"1m\"").start(&to_origin(&origin));
        let mut client = proxy.client();
        client.send(GET).response();
        proxy.terminate();
        until("not ready", || (proxy.admin("/ready").status() == 503).then_some(()));
        assert_eq!(proxy.admin("/live").status(), 200);
        for _ in 0..3 {
            assert_eq!(client.send(GET).response().field("connection"), None);
            assert_eq!(proxy.fetch("/").text(), "ok");
        }
    });
}

#[test]
fn a_request_that_does_not_end_is_cut_at_the_drain_timeout() {
    on_both_engines(|engine| {
        let origin = Origin::scripted(|peer, _| {
            peer.request();
            peer.rest();
        });
        let keys = "pre_drain = \"0s\"\ndrain_timeout = \"300ms\"";
        let proxy = Setup::new(engine).process(keys).start(&to_origin(&origin));
        let mut client = proxy.client();
        client.send(GET);
        until("it is in flight", || (origin.connections() == 1).then_some(()));
        let told = Instant::now();
        proxy.terminate();
        assert_eq!(proxy.wait().code, Some(0));
        assert!(told.elapsed() >= Duration::from_millis(300), "{:?}", told.elapsed());
    });
}

#[test]
fn a_second_sigterm_ends_the_process_at_once() {
    on_both_engines(|engine| {
        let proxy = Setup::new(engine)
            .process("pre_drain = \"1m\"")
            .start(&to_origin(&Origin::saying("ok")));
        proxy.terminate();
        until("not ready", || (proxy.admin("/ready").status() == 503).then_some(()));
        proxy.terminate();
        assert_eq!(proxy.wait().code, Some(1));
    });
}

#[test]
fn ctrl_c_drains_like_sigterm() {
    on_both_engines(|engine| {
        let mut proxy = proxy(engine, &to_origin(&Origin::saying("ok")));
        proxy.program().signal(Signal::INT);
        assert_eq!(proxy.wait().code, Some(0));
    });
}

#[test]
fn a_killed_proxy_starts_again_on_the_same_addresses() {
    on_both_engines(|engine| {
        let origin = Origin::saying("ok");
        let address = Address::reserve();
        let config = to_origin(&origin).replace("\"@in\"", &format!("\"{address}\""));
        for _ in 0..2 {
            let mut proxy = proxy(engine, &config);
            let mut client = Peer::connect(&address);
            assert_eq!(client.send(GET).response().text(), "ok");
            proxy.program().signal(Signal::KILL);
            client.closed();
        }
    });
}

#[test]
fn a_port_in_use_is_an_error_that_names_it() {
    on_both_engines(|engine| {
        let somebody = Origin::saying("mine");
        let config =
            to_origin(&somebody).replace("\"@in\"", &format!("\"{}\"", somebody.address()));
        let ended = run(&Setup::new(engine), &config);
        assert_eq!(ended.code, Some(1), "{}", ended.output);
        let address = somebody.address().to_string();
        assert!(
            ended.output.contains(&address) && ended.output.contains("in use"),
            "{}",
            ended.output
        );
    });
}

#[test]
fn an_admin_port_in_use_is_an_error_that_names_it() {
    let origin = Origin::saying("ok");
    let config = Setup::new(Engine::Auto).whole(&to_origin(&origin));
    let config = config.replace("\"@admin\"", &format!("\"{}\"", origin.address()));
    let ended = run_file("run", &Addresses::default().fill(&config));
    assert_eq!(ended.code, Some(1), "{}", ended.output);
    for named in ["admin", &origin.address().to_string(), "in use"] {
        assert!(ended.output.contains(named), "{named:?} is not in: {}", ended.output);
    }
}

#[test]
fn an_engine_that_there_is_not_is_an_error_that_names_those_there_are() {
    let config = Setup::new(Engine::Auto).whole(&to_origin(&Origin::saying("ok")));
    let config = config.replace("io_engine = \"auto\"", "io_engine = \"kqueue\"");
    let ended = run_file("run", &Addresses::default().fill(&config));
    assert_eq!(ended.code, Some(1), "{}", ended.output);
    for named in ["kqueue", "auto", "uring", "epoll"] {
        assert!(ended.output.contains(named), "{named:?} is not in: {}", ended.output);
    }
}

#[test]
fn a_second_outrigger_does_not_take_half_of_the_traffic() {
    on_both_engines(|engine| {
        let origin = Origin::saying("ok");
        let first = proxy(engine, &to_origin(&origin));
        let taken = first.address("in");
        let config = to_origin(&origin).replace("\"@in\"", &format!("\"{taken}\""));
        let ended = run(&Setup::new(engine), &config);
        assert_eq!(ended.code, Some(1), "{}", ended.output);
        assert!(ended.output.contains(&taken.to_string()), "{}", ended.output);
        assert_eq!(first.fetch("/").text(), "ok");
    });
}

#[test]
fn a_unix_socket_left_by_a_killed_proxy_is_replaced_and_a_file_is_not() {
    on_both_engines(|engine| {
        let origin = Origin::saying("ok");
        let files = ConfigFile::new("");
        let path = files.beside("proxy.sock");
        let listen = Address::Unix(path.clone());
        let config = to_origin(&origin).replace("\"@in\"", &format!("\"{listen}\""));
        let mut killed = proxy(engine, &config);
        killed.program().signal(Signal::KILL);
        killed.wait();
        assert!(path.exists());
        let ended = proxy(engine, &config);
        assert_eq!(Peer::connect(&listen).send(GET).response().text(), "ok");
        ended.terminate();
        assert_eq!(ended.wait().code, Some(0));
        assert!(!path.exists(), "a proxy that ends takes its socket with it");
        fs::write(&path, "precious").expect("the directory is ours");
        let refused = run(&Setup::new(engine), &config);
        assert_eq!(refused.code, Some(1), "{}", refused.output);
        assert_eq!(fs::read_to_string(&path).expect("it is still there"), "precious");
    });
}

#[test]
fn an_ipv6_listener_serves() {
    on_both_engines(|engine| {
        let origin = Origin::echo();
        let config = to_origin_with(&origin, "forwarded = true", "");
        let config = config.replace("\"@in\"", "\"[::1]:0\"");
        let proxy = proxy(engine, &config);
        let log = proxy.log();
        let address = log.split(['"', ' ', ',', '=']).find(|word| word.starts_with("[::1]:"));
        let address = address.unwrap_or_else(|| panic!("the log names no address:\n{log}"));
        let address = Address::Inet(address.parse().expect("an address"));
        let answer = Peer::connect(&address).send(GET).response();
        assert!(answer.text().contains("X-Forwarded-For: ::1\n"), "{answer}");
    });
}

#[test]
fn a_file_that_is_not_there_is_an_error_that_names_it() {
    for command in ["run", "check"] {
        let ended = Program::run(&mut outrigger_command([command, "/nonexistent/sidecar.toml"]));
        assert_eq!(ended.code, Some(1));
        let said = "outrigger: cannot read /nonexistent/sidecar.toml: No such file or directory";
        assert!(ended.output.starts_with(said), "{}", ended.output);
    }
}

#[test]
fn a_directory_in_place_of_a_file_is_an_error() {
    let ended = Program::run(&mut outrigger_command(["run", "/"]));
    assert_eq!(ended.code, Some(1));
    assert!(ended.output.starts_with("outrigger: cannot read /: "), "{}", ended.output);
}

#[test]
fn an_empty_file_is_an_error() {
    let ended = run_file("run", "");
    assert_eq!(ended.code, Some(1));
    assert!(ended.output.contains("empty"), "{}", ended.output);
}

#[test]
fn a_wrong_file_is_refused_with_every_mistake_and_its_place() {
    let config = to_routes("[[routes.app]]\nupstream = \"app\"\ntimeout = \"soon\"\n", &[]);
    let wrong = format!("{config}[upstreams.app]\nendpoint = [\"127.0.0.1:1\"]\n");
    for command in ["run", "check"] {
        let ended = run_file(command, &wrong.replace("@in", "127.0.0.1:0"));
        assert_eq!(ended.code, Some(1), "{}", ended.output);
        for part in
            ["outrigger.toml:7", "timeout", "soon", "outrigger.toml:9", "endpoint", "endpoints"]
        {
            assert!(ended.output.contains(part), "{part:?} is not in:\n{}", ended.output);
        }
    }
}

#[test]
fn check_likes_a_good_file_and_its_json_is_json() {
    let good = to_origin(&Origin::saying("ok")).replace("@in", "127.0.0.1:0");
    let ended = run_file("check", &good);
    assert_eq!(ended.code, Some(0), "{}", ended.output);
    let file = ConfigFile::new("[[listeners]]\nnam = 1\n");
    let path = file.path().display().to_string();
    let ended = Program::run(&mut outrigger_command(["check", "--json", &path]));
    assert_eq!(ended.code, Some(1), "{}", ended.output);
    let json = ended.output.trim();
    assert!(json.starts_with(['[', '{']) && json.ends_with([']', '}']), "{json}");
    assert!(json.contains("\"line\""), "{json}");
}

#[test]
fn a_command_nobody_knows_is_a_mistake_in_usage() {
    for arguments in [vec!["fly"], vec!["run"], vec![]] {
        let ended = Program::run(&mut outrigger_command(&arguments));
        assert_eq!(ended.code, Some(2), "{arguments:?}: {}", ended.output);
    }
}

#[test]
fn the_version_is_told() {
    let ended = Program::run(&mut outrigger_command(["--version"]));
    assert_eq!((ended.code, ended.output.trim()), (Some(0), "outrigger 0.1.0"));
}

#[test]
fn the_example_files_are_good() {
    let examples = tests::program::workspace().join("config/examples");
    let mut count = 0;
    for entry in fs::read_dir(examples).expect("config/examples is there") {
        let path = entry.expect("it is readable").path();
        if path.extension().is_none_or(|extension| extension != "toml") {
            continue;
        }
        let ended = Program::run(&mut outrigger_command(["check".as_ref(), path.as_os_str()]));
        assert_eq!(ended.code, Some(0), "{}: {}", path.display(), ended.output);
        count += 1;
    }
    assert!(count > 0);
}

#[test]
fn the_demo_shows_its_split_and_ends_at_ctrl_c() {
    let demo = Program::start(&mut outrigger_command(["demo"]));
    until("the demo has sent traffic to both versions", || {
        let output = demo.output();
        (output.contains("curl") && output.matches("v1").count() > 2 && output.contains("v2"))
            .then_some(())
    });
    demo.signal(Signal::INT);
    let ended = demo.wait();
    assert_eq!(ended.code, Some(0), "{}", ended.output);
    assert!(!ended.output.contains("panicked"), "{}", ended.output);
}

/// Starts on `config` what cannot start.
fn run(setup: &Setup, config: &str) -> Ended {
    let mut addresses = Addresses::default();
    run_file("run", &addresses.fill(&setup.whole(config)))
}

fn run_file(command: &str, text: &str) -> Ended {
    let file = ConfigFile::new(text);
    let path = file.path().display().to_string();
    Program::run(&mut outrigger_command([command, &path]))
}
