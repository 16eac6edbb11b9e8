//! What a machine may do to a proxy that serves: a log that nobody takes, a watch that cannot be
//! had, a directory that goes, signals in a storm. Traffic never notices.

use std::fs::{self, File};
use std::io::Write;
use std::time::{Duration, Instant};

use rustix::process::Signal;
use tests::wait::while_until;
use tests::{Engine, Gate, Load, Origin, Peer, Proxy, Setup, as_version, on_both_engines, origin};
use tests::{proxy, to_origin, until, versioned};

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
    proxy.reload(as_version(&good, 2));
    load.expect_version(2);
    load.finish();
    let metrics = proxy.metrics();
    assert!(metrics.sum("outrigger_log_dropped_total", &[]) > 0.0, "{metrics}");
    proxy.terminate();
}

#[test]
fn without_inotify_the_poll_finds_every_change_and_the_log_says_so_once() {
    on_both_engines(|engine| {
        let launcher = env!("CARGO_BIN_EXE_deny_inotify");
        let (proxy, _origin) = start(&Setup::new(engine).under([launcher]));
        let load = Load::on(&proxy.address("in"));
        for version in 2..=3 {
            change(&proxy, &load, version);
        }
        let log = proxy.log();
        assert_eq!(log.matches("max_user_instances").count(), 1, "{log}");
        assert_eq!(load.finish(), (1..=3).collect());
    });
}

#[test]
fn a_change_that_no_descriptor_is_left_for_is_put_off_and_no_mistake_of_the_files() {
    on_both_engines(|engine| {
        let (proxy, _origin) = start(&Setup::new(engine));
        let mut admin = Peer::connect(&proxy.address("admin"));
        until("the admin's connection is accepted", || {
            proxy.admin("/ready").status().eq(&200).then_some(())
        });
        let before = proxy.limit_descriptors(3);
        proxy.config().write(as_version(&proxy.config().text(), 2));
        until("it is put off", || proxy.log().contains("put off").then_some(()));
        let status = admin.send("GET /config_status HTTP/1.1\r\nhost: admin\r\n\r\n").response();
        assert!(status.text().contains("\"postponed\": {"), "{status}");
        assert!(status.text().contains("\"rejected\": null"), "{status}");
        proxy.limit_descriptors(before);
        until_served_by(&proxy, 2);
        let status = proxy.admin("/config_status");
        assert!(status.text().contains("\"postponed\": null"), "{status}");
        assert!(!proxy.log().contains("refused"), "{}", proxy.log());
    });
}

#[test]
fn large_pages_that_nobody_reads_hold_up_nobody_and_their_memory_comes_back() {
    const UPSTREAMS: usize = 10_000;
    const DEAF: usize = 31;
    const ALL_PAGES_MAX: u64 = 64 << 20;
    const SLACK: u64 = 16 << 20;
    let one = |number| format!("[upstreams.u{number}]\nendpoints = [\"127.0.0.1:1\"]\n");
    let many: String = (0..UPSTREAMS).map(one).collect();
    let origin = Origin::saying("ok");
    let proxy = proxy(Engine::Auto, &format!("{}{many}", to_origin(&origin)));
    let page = proxy.admin("/config_dump").body.len();
    assert!(page * DEAF > ALL_PAGES_MAX as usize, "{page} bytes are no large page");
    let before = proxy.resident_bytes();
    let mut deaf: Vec<Peer> = Vec::new();
    for _ in 0..DEAF {
        let mut client = Peer::connect(&proxy.address("admin"));
        client.send("GET /config_dump HTTP/1.1\r\nhost: admin\r\n\r\n");
        deaf.push(client);
        assert_eq!(proxy.admin("/ready").status(), 200);
    }
    assert_eq!(proxy.admin("/config_dump").body.len(), page, "who reads gets it whole");
    let meanwhile = proxy.resident_bytes();
    assert!(meanwhile < before + ALL_PAGES_MAX + SLACK, "{before} to {meanwhile} bytes");
    drop(deaf);
    until("the memory comes back", || (proxy.resident_bytes() < before + SLACK).then_some(()));
}

#[test]
fn a_directory_that_is_deleted_changes_nothing_and_is_watched_again_when_it_is_back() {
    on_both_engines(|engine| {
        let (proxy, _origin) = start(&Setup::new(engine));
        let load = Load::on(&proxy.address("in"));
        let file = proxy.config();
        let good = file.text();
        fs::remove_dir_all(file.beside("")).unwrap();
        proxy.until_reloads("rejected", 1);
        let status = proxy.admin("/config_status");
        assert!(status.text().contains("is not there"), "{status}");
        load.flows();
        fs::create_dir(file.beside("")).unwrap();
        file.write(as_version(&good, 2));
        proxy.until_generation(2);
        for version in 3..=4 {
            change(&proxy, &load, version);
        }
        assert_eq!(load.finish(), (1..=4).collect());
    });
}

#[test]
fn a_storm_of_sighup_costs_nothing_and_the_last_file_is_in_force() {
    on_both_engines(|engine| {
        let (proxy, _origin) = start(&Setup::new(engine));
        let load = Load::on(&proxy.address("in"));
        for version in 2..=4 {
            proxy.config().replace(as_version(&proxy.config().text(), version));
            for _ in 0..200 {
                proxy.signal(Signal::HUP);
            }
            assert_eq!(proxy.admin("/ready").status(), 200);
        }
        until_served_by(&proxy, 4);
        load.expect_version(4);
        load.finish();
    });
}

#[test]
fn a_storm_of_changes_costs_nothing_and_the_last_file_is_in_force() {
    on_both_engines(|engine| {
        let (proxy, _origin) = start(&Setup::new(engine));
        let load = Load::on(&proxy.address("in"));
        let (first, mut version) = (proxy.config().text(), 1);
        while_until(Instant::now() + Duration::from_millis(1500), || {
            version += 1;
            let text = as_version(&first, version);
            if version % 2 == 0 { proxy.config().write(text) } else { proxy.config().replace(text) }
        });
        until_served_by(&proxy, version);
        load.expect_version(version);
        load.finish();
        assert_eq!(proxy.admin("/ready").status(), 200);
    });
}

/// As when it is copied over a slow line. All the while what stands there is a good file, with the
/// last route missing.
#[test]
fn a_file_that_is_written_slowly_is_taken_whole() {
    on_both_engines(|engine| {
        let taken_whole = |_| {
            let (proxy, _origin) = start(&Setup::new(engine));
            let longest_pause = write_slowly(&proxy);
            until_served_by(&proxy, 2);
            let generation = proxy.metrics().sum("outrigger_config_generation", &[]);
            // Where this thread got no turn for so long, the file did stand still.
            (longest_pause < Duration::from_millis(40)).then_some(generation == 2.0)
        };
        let verdict = (0..10).find_map(taken_whole);
        assert!(verdict.expect("this machine is too busy to write without a pause"));
    });
}

/// Writes version 2 in place, piece by piece over more than a second; the longest pause in it.
fn write_slowly(proxy: &Proxy) -> Duration {
    let whole = as_version(&proxy.config().text(), 2);
    let (before, rest) = whole.split_once("[[routes.app]]").expect("it has a route");
    let (route, upstream) = rest.split_once("[upstreams.app]").expect("it has an upstream");
    let first = "[[routes.app]]\nmatch = { path = \"/first\" }\nupstream = \"app\"\n";
    let mut file = File::create(proxy.config().path()).expect("the directory is ours");
    let mut append = |text: &str| file.write_all(text.as_bytes()).expect("the disk has room");
    append(&format!("{before}[upstreams.app]{upstream}{first}"));
    let (mut written, mut longest) = (Instant::now(), Duration::ZERO);
    while_until(written + Duration::from_millis(1300), || {
        if written.elapsed() > Duration::from_millis(15) {
            append("# and so on\n");
            longest = longest.max(written.elapsed());
            written = Instant::now();
        }
    });
    append(&format!("[[routes.app]]{route}"));
    longest.max(written.elapsed())
}

#[test]
fn sigterm_in_the_middle_of_a_reload_cuts_nothing() {
    ends_in_order(|proxy| {
        let more = "[[listeners]]\nname = \"more\"\nlisten = \"127.0.0.1:0\"\nroutes = \"app\"\n";
        proxy.config().replace(as_version(&proxy.config().text(), 2) + more);
        proxy.signal(Signal::HUP);
        proxy.terminate();
    });
}

#[test]
fn sigterm_after_a_drain_by_post_cuts_nothing() {
    ends_in_order(|proxy| {
        assert_eq!(proxy.post("/drain").status(), 200);
        proxy.terminate();
    });
}

/// A request in flight is answered, and the process then ends with 0.
fn ends_in_order(end: impl Fn(&Proxy)) {
    on_both_engines(|engine| {
        let (arrived, release) = (Gate::new(), Gate::new());
        let (at_origin, released) = (arrived.clone(), release.clone());
        let origin = Origin::answering(move |_| {
            at_origin.open();
            released.wait();
            origin::ok("held")
        });
        let proxy = proxy(engine, &versioned(&origin, 1));
        let mut client = proxy.client();
        client.send("GET / HTTP/1.1\r\nhost: test\r\n\r\n");
        arrived.wait();
        end(&proxy);
        until("not ready", || (proxy.admin("/ready").status() == 503).then_some(()));
        release.open();
        let answer = client.response();
        assert_eq!((answer.text(), answer.field("connection")), ("held", Some("close")));
        client.closed();
        assert_eq!(proxy.wait().code, Some(0));
    });
}

/// Saves this version, and waits until no older one is served.
#[track_caller]
fn change(proxy: &Proxy, load: &Load, version: usize) {
    proxy.config().replace(as_version(&proxy.config().text(), version));
    proxy.until_generation(version as u64);
    load.expect_version(version);
    load.flows();
}

#[track_caller]
fn until_served_by(proxy: &Proxy, version: usize) {
    let wanted = version.to_string();
    until("the last version is in force", || {
        (proxy.fetch("/").field("x-version") == Some(&wanted)).then_some(())
    });
    let reached = proxy.metrics().sum("outrigger_config_generation", &[]);
    proxy.until_generation(reached as u64);
}

fn under_shell(engine: Engine, script: &str) -> Setup {
    Setup::new(engine).under(["sh", "-c", script, "sh"])
}

fn start(setup: &Setup) -> (Proxy, Origin) {
    let origin = Origin::saying("ok");
    (setup.start(&versioned(&origin, 1)), origin)
}
