//! The access log's file: it is rotated, removed, full, a pipe that nobody reads. Traffic never
//! notices, and every line is written whole or counted as dropped.

use std::fs::{self, File};
use std::io::Read;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use rustix::fs::{CWD, Mode, OFlags, mkfifoat};
use rustix::process::Signal;
use tests::lines::{Log, whole_lines, with_log, with_log_at};
use tests::metrics::Metrics;
use tests::{Engine, Peer, Proxy, Setup, on_both_engines, to_routes, until};

const ROUTES: &str = "[[routes.app]]\nrespond = { status = 200 }\n";

/// Requests with long lines, more than a core's queue has room for. Four lines are a batch: none
/// is left over that is sent later.
const FLOOD: usize = 900;

/// The last lines may take a second, and a core's end another.
const END_MAX: Duration = Duration::from_secs(4);

#[test]
fn every_request_has_its_line_when_the_process_has_ended() {
    on_both_engines(|engine| {
        let log = Log::new();
        let proxy = Setup::new(engine).start(&with_log(&log, "", &config()));
        let clients: Vec<_> = (0..8)
            .map(|client| {
                let mut peer = proxy.client();
                thread::spawn(move || {
                    for number in 0..200 {
                        let request = format!("GET /{client}/{number} HTTP/1.1\r\nhost: h\r\n\r\n");
                        assert_eq!(peer.send(request).response().status(), 200);
                    }
                })
            })
            .collect();
        clients.into_iter().for_each(|client| client.join().expect("all are answered"));
        let mut paths: Vec<_> = log.at_the_end(proxy).iter().map(|line| path_of(line)).collect();
        paths.sort();
        paths.dedup();
        assert_eq!(paths.len(), 8 * 200, "each once");
    });
}

#[test]
fn a_rotated_file_is_left_after_a_signal() {
    on_both_engines(|engine| {
        let (log, mut proxy) = start(engine, "");
        proxy.fetch("/before");
        log.until_lines(1);
        let old = log.beside("access.log.1");
        fs::rename(log.path(), &old).expect("the directory is ours");
        proxy.program().signal(Signal::HUP);
        until("the file is opened again", || log.path().exists().then_some(()));
        proxy.fetch("/after");
        assert_eq!(paths(&log.at_the_end(proxy)), ["/after"]);
        assert_eq!(paths(&whole_lines(&old)), ["/before"]);
    });
}

#[test]
fn a_rotated_file_is_left_after_a_post() {
    on_both_engines(|engine| {
        let (log, proxy) = start(engine, "");
        until("it is opened at the start", || {
            fs::rename(log.path(), log.beside("access.log.1")).ok()
        });
        let mut admin = Peer::connect(&proxy.address("admin"));
        admin.send("POST /reload HTTP/1.1\r\nhost: admin\r\n\r\n").response();
        until("the file is opened again", || log.path().exists().then_some(()));
        proxy.fetch("/after");
        assert_eq!(paths(&log.at_the_end(proxy)), ["/after"]);
    });
}

#[test]
fn a_removed_file_is_noticed_without_being_told() {
    on_both_engines(|engine| {
        let (log, proxy) = start(engine, "");
        proxy.fetch("/before");
        log.until_lines(1);
        fs::remove_file(log.path()).expect("it is there");
        until("the file is there again", || {
            proxy.fetch("/after");
            log.path().exists().then_some(())
        });
        proxy.fetch("/last");
        let lines = log.at_the_end(proxy);
        assert_eq!(path_of(lines.last().expect("the last one")), "/last");
    });
}

#[test]
fn a_directory_that_comes_later_gets_the_lines_that_waited() {
    on_both_engines(|engine| {
        let log = Log::new();
        let later = log.beside("later/access.log");
        let proxy = one_core(engine, &with_log_at(&later, "", &config()));
        proxy.fetch("/waits");
        proxy.metrics_until("the trouble is counted", |metrics| {
            metrics.sum("outrigger_access_log_errors_total", &[]) > 0.0
        });
        let info = proxy.admin("/server_info");
        assert!(info.text().contains("No such file or directory"), "{info}");
        fs::create_dir(log.beside("later")).expect("the directory is ours");
        until("it is written", || later.exists().then_some(()));
        end(proxy);
        assert_eq!(paths(&whole_lines(&later)), ["/waits"]);
    });
}

#[test]
fn a_pipe_without_reader_drops_lines_and_recovers_with_one() {
    on_both_engines(|engine| {
        let log = pipe();
        let proxy = start_on(&log, engine);
        flood(&proxy);
        dropped_until(&proxy, "not_open");
        let reader = Reader::start(&log.path());
        // The last lines may be dropped as late as now.
        let metrics = proxy.metrics_until("what waited is written", |metrics| {
            let written = metrics.sum("outrigger_access_log_lines_total", &[]);
            written + dropped(metrics, "not_open") == FLOOD as f64
        });
        let dropped = dropped(&metrics, "not_open");
        proxy.fetch("/with-a-reader");
        end(proxy);
        let read = reader.lines();
        assert_eq!(read.len() as f64, FLOOD as f64 - dropped + 1.0);
        assert!(read.iter().all(|line| line.ends_with("END")), "a torn line");
        assert!(read.last().is_some_and(|line| line.contains("/with-a-reader")));
    });
}

#[test]
fn a_pipe_that_nobody_reads_holds_up_neither_traffic_nor_the_end() {
    on_both_engines(|engine| {
        let log = pipe();
        let mut pipe = File::options()
            .read(true)
            .custom_flags(OFlags::NONBLOCK.bits() as i32)
            .open(log.path())
            .expect("it can be opened before there is a writer");
        let proxy = start_on(&log, engine);
        flood(&proxy);
        let dropped = dropped_until(&proxy, "not_read");
        assert!(dropped < FLOOD as f64, "the queue holds some");
        let told = Instant::now();
        end(proxy);
        assert!(told.elapsed() < END_MAX, "{:?}", told.elapsed());
        let mut text = Vec::new();
        pipe.read_to_end(&mut text).expect("nobody writes any more");
        let text = String::from_utf8_lossy(&text);
        let (whole, torn) = text.rsplit_once('\n').expect("what a pipe holds is some lines");
        assert!(whole.lines().all(|line| line.ends_with("END")), "a torn line, and not the last");
        assert!(!torn.contains("END"));
    });
}

#[test]
fn a_full_disk_drops_lines_and_recovers_when_the_file_goes() {
    on_both_engines(|engine| {
        let log = Log::new();
        let config = with_log(&log, "format = \"%REQ(:PATH)% END\"", &config());
        // The kernel refuses to let any file grow beyond this, in the middle of a line.
        let limit = "trap '' XFSZ; ulimit -f 100; exec \"$@\"";
        let proxy = Setup::new(engine).workers(1).under(["sh", "-c", limit, "sh"]).start(&config);
        flood(&proxy);
        dropped_until(&proxy, "write_error");
        let full = log.beside("full");
        fs::rename(log.path(), &full).expect("it is there");
        until("a new file has lines", || {
            fs::metadata(log.path()).is_ok_and(|file| file.len() > 0).then_some(())
        });
        end(proxy);
        let full = fs::read_to_string(full).expect("it is there");
        let (whole, _torn) = full.rsplit_once('\n').expect("it has lines");
        assert!(whole.lines().all(|line| line.ends_with("END")), "a torn line, and not the last");
        let new = fs::read_to_string(log.path()).expect("it is there");
        assert!(new.starts_with('/'), "a new file begins with a whole line: {:?}", &new[..20]);
    });
}

#[test]
fn lines_for_a_file_that_takes_none_do_not_hold_up_the_next_file() {
    on_both_engines(|engine| {
        let log = Log::new();
        let proxy = one_core(engine, &with_log_at(Path::new("/dev/full"), "", &config()));
        proxy.fetch("/lost");
        proxy.metrics_until("the trouble is counted", |metrics| {
            metrics.sum("outrigger_access_log_errors_total", &[]) > 0.0
        });
        reload(&proxy, |file| file.replace("/dev/full", &log.path().display().to_string()));
        proxy.fetch("/kept");
        proxy
            .metrics_until("the loss is counted", |metrics| dropped(metrics, "write_error") == 1.0);
        assert_eq!(paths(&log.at_the_end(proxy)), ["/kept"]);
    });
}

#[test]
fn a_request_is_logged_by_the_configuration_that_it_began_with() {
    on_both_engines(|engine| {
        let (log, proxy) = start(engine, "");
        let (old, new) = (log.path(), log.beside("new.log"));
        let mut begun = proxy.client();
        begun.send("GET /begun HTTP/1.1\r\n");
        proxy.metrics_until("it is in flight", |metrics| {
            metrics.sum("outrigger_requests_active", &[]) == 1.0
        });
        reload(&proxy, |file| {
            let path = |path: &Path| format!("path = \"{}\"", path.display());
            file.replace(&path(&old), &format!("{}\nformat = \"%REQ(:PATH)%\"", path(&new)))
        });
        proxy.fetch("/then");
        begun.send("host: h\r\n\r\n").response();
        end(proxy);
        assert_eq!(whole_lines(&new), ["/then"]);
        assert_eq!(paths(&whole_lines(&old)), ["/begun"], "in the old format too");
    });
}

#[test]
fn a_log_can_be_switched_on_and_off() {
    on_both_engines(|engine| {
        let log = Log::new();
        let proxy = one_core(engine, &config());
        proxy.fetch("/unheard");
        reload(&proxy, |file| {
            let listeners = "[[listeners]]";
            file.replace(listeners, &with_log(&log, "", listeners))
        });
        proxy.fetch("/heard");
        log.until_lines(1);
        reload(&proxy, |file| {
            let (before, rest) = file.split_once("[access_log]").expect("it was added");
            let (_, after) = rest.split_once("[[listeners]]").expect("it follows");
            format!("{before}[[listeners]]{after}")
        });
        proxy.metrics_until("it is closed", |metrics| {
            metrics.sum("outrigger_access_log_open", &[]) == 0.0
        });
        proxy.fetch("/unheard");
        assert_eq!(paths(&log.at_the_end(proxy)), ["/heard"]);
    });
}

#[test]
fn standard_output_is_a_log() {
    on_both_engines(|engine| {
        let proxy = one_core(engine, &with_log_at(Path::new("/dev/stdout"), "", &config()));
        proxy.fetch("/seen");
        until("the line is printed", || {
            proxy.log().contains("\"GET /seen HTTP/1.1\"").then_some(())
        });
        end(proxy);
    });
}

/// Reads a pipe to its end.
struct Reader {
    thread: thread::JoinHandle<String>,
    opened: Arc<AtomicBool>,
}

impl Reader {
    fn start(path: &Path) -> Reader {
        let (path, opened) = (path.to_owned(), Arc::new(AtomicBool::new(false)));
        let open = Arc::clone(&opened);
        let thread = thread::spawn(move || {
            let mut pipe = File::open(path).expect("a writer comes");
            open.store(true, Ordering::SeqCst);
            let mut text = String::new();
            pipe.read_to_string(&mut text).expect("it is a text");
            text
        });
        Reader { thread, opened }
    }

    fn lines(self) -> Vec<String> {
        assert!(self.opened.load(Ordering::SeqCst), "a writer came");
        let text = self.thread.join().expect("reading does not panic");
        text.lines().map(str::to_owned).collect()
    }
}

fn config() -> String {
    to_routes(ROUTES, &[])
}

fn one_core(engine: Engine, config: &str) -> Proxy {
    Setup::new(engine).workers(1).start(config)
}

fn start(engine: Engine, log_keys: &str) -> (Log, Proxy) {
    let log = Log::new();
    let proxy = one_core(engine, &with_log(&log, log_keys, &config()));
    (log, proxy)
}

/// A log that is a named pipe.
fn pipe() -> Log {
    let log = Log::new();
    mkfifoat(CWD, log.path(), Mode::RUSR | Mode::WUSR).expect("the directory is ours");
    log
}

/// Lines whose ends can be seen.
fn start_on(log: &Log, engine: Engine) -> Proxy {
    one_core(engine, &with_log(log, "format = \"%REQ(:PATH)% END\"", &config()))
}

/// Requests with long lines, all of which are answered.
fn flood(proxy: &Proxy) {
    let mut client = proxy.client();
    let request = format!("GET /{} HTTP/1.1\r\nhost: h\r\n\r\n", "x".repeat(8000));
    for _ in 0..FLOOD {
        assert_eq!(client.send(&request).response().status(), 200);
    }
}

/// Waits until the queue is full; how many lines were dropped, for this reason alone.
#[track_caller]
fn dropped_until(proxy: &Proxy, reason: &str) -> f64 {
    let metrics = proxy.metrics_until("lines are dropped", |metrics| {
        let queued = metrics.sum("outrigger_access_log_queued_batches", &[]);
        queued == 128.0 && dropped(metrics, reason) > 0.0
    });
    let all = metrics.sum("outrigger_access_log_dropped_total", &[]);
    assert_eq!(dropped(&metrics, reason), all, "{metrics}");
    all
}

fn dropped(metrics: &Metrics, reason: &str) -> f64 {
    metrics.sum("outrigger_access_log_dropped_total", &[("reason", reason)])
}

/// Ends the proxy, in the time that it may take.
#[track_caller]
fn end(proxy: Proxy) {
    proxy.terminate();
    let ended = proxy.wait();
    assert_eq!(ended.code, Some(0), "{}", ended.output);
}

/// Changes the file, and waits until it is in force.
fn reload(proxy: &Proxy, edit: impl Fn(&str) -> String) {
    let path = proxy.config().path();
    let file = fs::read_to_string(&path).expect("it was started with it");
    fs::write(&path, edit(&file)).expect("the directory is ours");
    let mut admin = Peer::connect(&proxy.address("admin"));
    let result = admin.send("POST /reload HTTP/1.1\r\nhost: admin\r\n\r\n").response();
    assert_eq!(result.status(), 200, "{result}");
}

fn paths(lines: &[String]) -> Vec<String> {
    lines.iter().map(|line| path_of(line)).collect()
}

fn path_of(line: &str) -> String {
    line.split(' ').nth(2).unwrap_or_default().to_owned()
}
