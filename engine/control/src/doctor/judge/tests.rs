//! Facts in, findings out: each row of a table is one machine with one thing amiss.

use config::snapshot::IoEngine;
use rustix::io::Errno;

use super::super::facts::{Bounds, Cpus, Facts, File, Inotify, Network, Owner, Quota};
use super::super::facts::{Refused, Ring, Tried, Wants};
use super::super::finding::{Finding, Verdict};
use super::judge;

/// A machine on which nothing is amiss, and a file that asks for little.
fn sound() -> Facts {
    let bounds = |limit| Bounds { soft: Some(limit), hard: Some(limit) };
    Facts {
        release: "6.18.1".to_owned(),
        ring: Ring { usable: Ok(()), locked: bounds(8 << 20) },
        descriptors: bounds(10_000),
        cpus: Cpus { mask: 4, quota: None, periods: 0, throttled: 0, workers: 4 },
        memory_max: None,
        network: Network { backlog_max: Some(4096), ports: Some((32_768, 60_999)), reuse: Some(2) },
        inotify: Inotify { instances_max: Some(128), watches_max: Some(8192), watch: Ok(()) },
        file: Some(File {
            name: "a.toml".to_owned(),
            wants: Ok(Wants {
                engine: IoEngine::Auto,
                downstream: 1_000,
                upstream: 2_000,
                listeners: 1,
                backlog: Some((1024, "in".to_owned())),
                to_one: Some((1_024, "app".to_owned())),
            }),
            warnings: 0,
            is_mount: false,
            addresses: vec![tried(Ok(()))],
            access_log: None,
        }),
    }
}

fn tried(outcome: Result<(), Refused>) -> Tried {
    Tried { about: "listener in".to_owned(), address: "127.0.0.1:80".to_owned(), outcome }
}

fn wants(facts: &mut Facts) -> &mut Wants {
    facts.file.as_mut().expect("there is one").wants.as_mut().expect("it is good")
}

/// The finding about something, on the sound machine with one change.
fn about(what: &str, amiss: impl FnOnce(&mut Facts)) -> Finding {
    let mut facts = sound();
    amiss(&mut facts);
    let findings = judge(&facts);
    let found = findings.iter().find(|finding| finding.about == what);
    found.unwrap_or_else(|| panic!("nothing about {what}: {findings:#?}")).clone()
}

#[track_caller]
fn is(finding: &Finding, verdict: Verdict, says: &str, remedy: &str) {
    assert_eq!(finding.verdict, verdict, "{finding}");
    assert!(finding.says.contains(says), "{says:?} is not in: {finding}");
    let told = finding.remedy.as_deref().unwrap_or_default();
    assert!(told.contains(remedy), "{remedy:?} is not the remedy of: {finding}");
    assert!(verdict == Verdict::Ok || finding.remedy.is_some(), "no remedy: {finding}");
}

#[test]
fn a_sound_machine_gives_no_reason_to_worry() {
    let findings = judge(&sound());
    assert!(findings.iter().all(|finding| finding.verdict == Verdict::Ok), "{findings:#?}");
    assert_eq!(findings[0].about, "file");
}

#[test]
fn without_a_file_the_machine_alone_is_judged() {
    let mut facts = sound();
    facts.file = None;
    let about: Vec<_> = judge(&facts).into_iter().map(|finding| finding.about).collect();
    assert_eq!(
        about,
        ["kernel", "io_uring", "workers", "descriptors", "backlog", "ports", "watch"]
    );
}

#[test]
fn an_older_kernel_is_said_to_be_one() {
    let old = about("kernel", |facts| facts.release = "6.8.0-45-generic".to_owned());
    is(&old, Verdict::Ok, "from 6.17 on", "");
    let odd = about("kernel", |facts| facts.release = "custom".to_owned());
    is(&odd, Verdict::Ok, "Linux custom", "");
}

#[test]
fn a_ring_denied_is_as_bad_as_the_file_makes_it() {
    let cases = [
        (IoEngine::Auto, Verdict::Warn, "epoll instead"),
        (IoEngine::Uring, Verdict::Fail, "does not start"),
        (IoEngine::Epoll, Verdict::Ok, "epoll anyway"),
    ];
    for (engine, verdict, says) in cases {
        let finding = about("io_uring", |facts| {
            let remedy = Some("a seccomp profile that allows it".to_owned());
            facts.ring.usable = Err(("not permitted".to_owned(), remedy));
            wants(facts).engine = engine;
        });
        let remedy = if verdict == Verdict::Ok { "" } else { "seccomp" };
        is(&finding, verdict, says, remedy);
    }
}

#[test]
fn the_limit_of_locked_memory_is_told_where_a_ring_failed() {
    let small = Bounds { soft: Some(65_536), hard: Some(65_536) };
    let finding = about("locked memory", |facts| {
        facts.ring.usable = Err(("out of memory".to_owned(), None));
        facts.ring.locked = small;
    });
    is(&finding, Verdict::Warn, "64 KiB", "ulimit -l");
    let mut facts = sound();
    facts.ring.locked = small;
    assert!(judge(&facts).iter().all(|finding| finding.about != "locked memory"));
}

#[test]
fn more_workers_than_processors_stand_in_each_others_way() {
    let finding = about("workers", |facts| facts.cpus.workers = 8);
    is(&finding, Verdict::Warn, "8 cores on 4 processors", "process.workers = 4");
    let finding = about("workers", |facts| {
        facts.cpus.quota = Some(Quota { quota_us: 150_000, period_us: 100_000 });
    });
    is(&finding, Verdict::Warn, "grants 2", "process.workers = 2");
    let finding = about("workers", |facts| (facts.cpus.mask, facts.cpus.workers) = (1, 2));
    is(&finding, Verdict::Warn, "2 cores on 1 processor, ", "process.workers = 1");
}

#[test]
fn less_than_one_processor_stops_a_core() {
    let tight = Quota { quota_us: 10_000, period_us: 100_000 };
    let finding = about("cpu limit", |facts| facts.cpus.quota = Some(tight));
    is(&finding, Verdict::Warn, "grants 0.10 processors", "resources.limits.cpu");
    assert!(finding.says.contains("90 ms"), "{finding}");
    let enough = Quota { quota_us: 250_000, period_us: 100_000 };
    let finding = about("cpu limit", |facts| facts.cpus.quota = Some(enough));
    is(&finding, Verdict::Ok, "2.50", "");
}

#[test]
fn throttling_counts_from_one_period_in_a_hundred() {
    let throttled = |throttled| {
        about("cpu throttling", |facts| {
            (facts.cpus.periods, facts.cpus.throttled) = (1_000, throttled);
        })
    };
    is(&throttled(9), Verdict::Ok, "9 of 1000", "");
    is(&throttled(10), Verdict::Warn, "10 of 1000", "resources.limits.cpu");
}

#[test]
fn descriptors_are_held_against_what_the_file_allows() {
    let limit = |hard| {
        about("descriptors", |facts| {
            facts.descriptors = Bounds { soft: Some(32), hard: Some(hard) };
        })
    };
    // 96 of its own with a listener on 4 cores, 1,000 downstream, and as many upstream.
    is(&limit(2_096), Verdict::Ok, "2096 is all", "");
    is(&limit(2_095), Verdict::Warn, "1000 connections", "ulimit -Hn 2096");
    is(&limit(95), Verdict::Fail, "a start alone takes some 96", "LimitNOFILE=2096");
    let unlimited = about("descriptors", |facts| facts.descriptors.hard = None);
    is(&unlimited, Verdict::Ok, "no limit", "");
}

#[test]
fn without_a_file_a_shell_s_usual_limit_is_worth_a_word() {
    let finding = about("descriptors", |facts| {
        facts.file = None;
        facts.descriptors.hard = Some(1024);
    });
    is(&finding, Verdict::Warn, "each connection takes one", "ulimit");
}

#[test]
fn memory_is_held_against_idle_connections() {
    let limit = |mib: u64| about("memory", |facts| facts.memory_max = Some(mib << 20));
    is(&limit(64), Verdict::Ok, "64 MiB", "");
    is(&limit(17), Verdict::Warn, "1000 idle connections", "resources.limits.memory: 18Mi");
    is(&limit(8), Verdict::Warn, "too little", "resources.limits.memory");
}

#[test]
fn a_backlog_above_the_kernel_s_is_cut() {
    let finding = about("backlog", |facts| facts.network.backlog_max = Some(128));
    is(&finding, Verdict::Warn, "listener in asks for a queue of 1024", "somaxconn=1024");
}

#[test]
fn ports_are_held_against_the_busiest_upstream() {
    let few = about("ports", |facts| facts.network.ports = Some((60_000, 60_099)));
    is(&few, Verdict::Warn, "upstream app may open 1024", "ip_local_port_range");
    let waiting = |reuse| {
        about("ports", |facts| {
            (facts.network.ports, facts.network.reuse) = (Some((60_000, 61_999)), Some(reuse));
        })
    };
    is(&waiting(0), Verdict::Warn, "keeps its port for a minute", "tcp_tw_reuse=1");
    is(&waiting(2), Verdict::Ok, "2000 local ports", "");
}

#[test]
fn a_file_that_does_not_load_is_a_failure_and_check_tells_more() {
    let finding = about("file", |facts| {
        let file = facts.file.as_mut().expect("there is one");
        (file.wants, file.addresses) = (Err("3 mistakes".to_owned()), Vec::new());
    });
    is(&finding, Verdict::Fail, "3 mistakes", "outrigger check a.toml");
}

#[test]
fn a_file_with_warnings_is_not_called_good() {
    let with = |count| about("file", |facts| facts.file.as_mut().expect("one").warnings = count);
    is(&with(0), Verdict::Ok, "a.toml is good", "");
    is(&with(1), Verdict::Warn, "has 1 warning", "outrigger check a.toml");
    is(&with(2), Verdict::Warn, "has 2 warnings", "outrigger check a.toml");
}

#[test]
fn what_hinders_the_watch_is_no_failure() {
    let none = about("watch", |facts| {
        facts.inotify.watch = Err("too many open files".to_owned());
    });
    is(&none, Verdict::Warn, "within a second", "max_user_instances");
    let mount = about("watch", |facts| {
        facts.file.as_mut().expect("there is one").is_mount = true;
    });
    is(&mount, Verdict::Warn, "subPath", "mount the directory");
}

#[test]
fn an_address_of_another_is_a_failure_unless_the_other_runs_with_this_file() {
    let held_by = |name: Option<&str>, runs_the_file| {
        about("listener in", |facts| {
            let refused = Refused {
                error: "cannot listen on 127.0.0.1:80: in use".to_owned(),
                remedy: Some("end it".to_owned()),
                owner: name.map(|name| Owner { pid: 7, name: name.to_owned(), runs_the_file }),
            };
            facts.file.as_mut().expect("there is one").addresses = vec![tried(Err(refused))];
        })
    };
    is(&held_by(Some("nginx"), false), Verdict::Fail, "held by nginx, pid 7", "change `listen`");
    is(&held_by(Some("outrigger"), false), Verdict::Fail, "pid 7", "change `listen`");
    is(&held_by(Some("outrigger"), true), Verdict::Ok, "pid 7, which runs with this file", "");
    is(&held_by(None, false), Verdict::Fail, "in use", "end it");
}

#[test]
fn an_access_log_that_cannot_be_written_is_told() {
    let log = |result| {
        about("access log", |facts| {
            let file = facts.file.as_mut().expect("there is one");
            file.access_log = Some(("/var/log/a".to_owned(), result));
        })
    };
    is(&log(Ok(())), Verdict::Ok, "/var/log/a can be written", "");
    let remedies = [
        (Errno::NOENT, "make the directory"),
        (Errno::ISDIR, "name a file in this directory"),
        (Errno::ACCESS, "give this user the right"),
    ];
    for (error, remedy) in remedies {
        is(&log(Err(error)), Verdict::Warn, "/var/log/a: ", remedy);
    }
}
