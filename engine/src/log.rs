//! The program's own log: lines for stderr, written by a thread of their own.
//!
//! Whoever reads stderr may be slow or gone, and a file may be on a full disk. Neither the control
//! thread nor a core waits for that: what finds no room is dropped and counted. No access log, and
//! nothing of this runs unless there is something to tell.

use std::backtrace::{Backtrace, BacktraceStatus};
use std::env;
use std::io::{self, Write};
use std::panic::{self, PanicHookInfo};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread;
use std::time::Duration;

use control::ProgramLog;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, reload};

/// Bytes that wait to be written at most. A refused file is told in less than a tenth.
const WAITING_BYTES_MAX: usize = 1024 * 1024;

/// From nothing to everything.
const LEVELS: [&str; 6] = ["off", "error", "warn", "info", "debug", "trace"];

/// The level of what no directive speaks of.
const REST: &str = "info";

/// How long the end of the process waits for the last lines to be written.
const FLUSH_WITHIN: Duration = Duration::from_millis(500);

/// The log of a running process. Its drop waits a little until all that was said is written, also
/// when a panic ends the process.
pub(crate) struct Log(Lines);

/// The way of a line to stderr. Clones lead to the same thread.
#[derive(Clone)]
struct Lines {
    entries: Sender<Entry>,
    waiting_bytes: Arc<AtomicUsize>,
    dropped: Arc<AtomicU64>,
}

enum Entry {
    Text(Box<[u8]>),
    /// All before it is written.
    Written(Sender<()>),
}

/// Starts the thread, and sends there what `tracing` and panics have to tell. `RUST_LOG` chooses
/// what of it, and later whoever has the filter.
pub(crate) fn start() -> io::Result<(Log, ProgramLog)> {
    let lines = Lines::start(io::stderr())?;
    let wanted = env::var(EnvFilter::DEFAULT_ENV).unwrap_or_default();
    let chosen = if wanted.is_empty() { Ok(REST.to_owned()) } else { filter(&wanted) };
    let (layer, handle) = reload::Layer::new(EnvFilter::new(chosen.as_deref().unwrap_or(REST)));
    let writer = lines.clone();
    let written = tracing_subscriber::fmt::layer().with_writer(move || writer.clone());
    tracing_subscriber::registry().with(layer).with(written).init();
    if let Err(why) = chosen {
        tracing::warn!("RUST_LOG is not used: {why}");
    }
    let writer = lines.clone();
    panic::set_hook(Box::new(move |panic| writer.say(&told(panic))));
    let control = ProgramLog {
        filter: Box::new(move |wanted| {
            if let Some(wanted) = wanted {
                let changed = EnvFilter::new(filter(wanted)?);
                handle.reload(changed).map_err(|error| error.to_string())?;
            }
            handle.with_current(ToString::to_string).map_err(|error| error.to_string())
        }),
        dropped: lines.dropped.clone(),
    };
    Ok((Log(lines), control))
}

/// A filter as `EnvFilter` takes it. By itself that takes any word for a target, and shuts up
/// whatever no directive speaks of: a mistyped level would silence the log, errors included.
fn filter(wanted: &str) -> Result<String, String> {
    let mut directives = Vec::new();
    let mut speaks_of_the_rest = false;
    for directive in wanted.split(',').map(str::trim) {
        let (target, level) = match directive.split_once('=') {
            Some((target, level)) => (Some(target), level),
            None => (None, directive),
        };
        let is_target = |target: &str| {
            let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"_:-".contains(&byte);
            !target.is_empty() && target.bytes().all(fits)
        };
        let level = match level.to_ascii_lowercase() {
            level if level == "warning" => "warn".to_owned(),
            level => level,
        };
        if !LEVELS.contains(&level.as_str()) || !target.is_none_or(is_target) {
            return Err(no_filter(directive));
        }
        speaks_of_the_rest |= target.is_none();
        directives.push(target.map_or(level.clone(), |target| format!("{target}={level}")));
    }
    if !speaks_of_the_rest {
        directives.push(REST.to_owned());
    }
    Ok(directives.join(","))
}

fn no_filter(directive: &str) -> String {
    let shown: String = directive.chars().take(40).flat_map(char::escape_debug).collect();
    let levels = LEVELS.join(", ");
    format!("`{shown}` is no level: write one of {levels}, or such as control=debug,warn")
}

impl Log {
    /// Takes a text, its line's end included.
    pub(crate) fn say(&self, text: &str) {
        self.0.say(text);
    }
}

impl Drop for Log {
    fn drop(&mut self) {
        self.0.flush();
    }
}

/// What the standard library says of a panic, which it would write by itself and wait for.
fn told(panic: &PanicHookInfo<'_>) -> String {
    let thread = thread::current();
    let name = thread.name().unwrap_or("?");
    let backtrace = Backtrace::capture();
    match backtrace.status() {
        BacktraceStatus::Captured => format!("thread '{name}' {panic}\n{backtrace}\n"),
        _ => format!("thread '{name}' {panic}\n"),
    }
}

impl Lines {
    fn start(out: impl Write + Send + 'static) -> io::Result<Self> {
        let (entries, queue) = mpsc::channel();
        let (waiting_bytes, dropped) = (Arc::default(), Arc::default());
        let lines = Self { entries, waiting_bytes, dropped };
        let (waiting_bytes, dropped) = (lines.waiting_bytes.clone(), lines.dropped.clone());
        let write = move || write_all(&queue, out, &waiting_bytes, &dropped);
        thread::Builder::new().name("log".to_owned()).spawn(write)?;
        Ok(lines)
    }

    /// Takes a text, its line's end included, if there is room. Never waits.
    fn say(&self, text: &str) {
        let size = text.len();
        if self.waiting_bytes.fetch_add(size, Ordering::Relaxed) + size > WAITING_BYTES_MAX {
            self.waiting_bytes.fetch_sub(size, Ordering::Relaxed);
            self.dropped.fetch_add(1, Ordering::Relaxed);
            return;
        }
        // The thread ends with the process.
        let _ = self.entries.send(Entry::Text(text.as_bytes().into()));
    }

    /// Waits a little until all that was said is written.
    fn flush(&self) {
        let (written, all) = mpsc::channel();
        let _ = self.entries.send(Entry::Written(written));
        let _ = all.recv_timeout(FLUSH_WITHIN);
    }
}

/// For `tracing`, which writes a line at once. It never fails: there is nobody to tell.
impl Write for Lines {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.say(&String::from_utf8_lossy(line));
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The thread. It tells of what was dropped as soon as somebody reads again.
fn write_all(
    queue: &Receiver<Entry>,
    mut out: impl Write,
    waiting_bytes: &AtomicUsize,
    dropped: &AtomicU64,
) {
    let mut told = 0;
    for entry in queue {
        let text = match entry {
            Entry::Text(text) => text,
            Entry::Written(done) => {
                let _ = done.send(());
                continue;
            }
        };
        let lost = dropped.load(Ordering::Relaxed);
        if lost > told {
            let notice = format!("{} lines of the log were lost\n", lost - told);
            if out.write_all(notice.as_bytes()).is_ok() {
                told = lost;
            }
        }
        if out.write_all(&text).is_err() {
            dropped.fetch_add(1, Ordering::Relaxed);
        }
        waiting_bytes.fetch_sub(text.len(), Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc::SyncSender;

    /// Each write waits until the test takes it, and fails once the test is gone.
    struct Reluctant(SyncSender<Vec<u8>>);

    impl Write for Reluctant {
        fn write(&mut self, text: &[u8]) -> io::Result<usize> {
            self.0.send(text.to_vec()).map_err(|_| io::ErrorKind::StorageFull)?;
            Ok(text.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn reluctant() -> (Lines, Receiver<Vec<u8>>) {
        let (taken, reader) = mpsc::sync_channel(0);
        (Lines::start(Reluctant(taken)).unwrap(), reader)
    }

    #[test]
    fn a_filter_is_made_of_levels_and_leaves_the_rest_audible() {
        for (wanted, made) in [
            ("debug", "debug"),
            ("WARNING", "warn"),
            ("off", "off"),
            ("control=debug", "control=debug,info"),
            ("control::reload=trace, error", "control::reload=trace,error"),
        ] {
            assert_eq!(filter(wanted).as_deref(), Ok(made), "{wanted}");
            assert!(EnvFilter::try_new(made).is_ok(), "{made}");
        }
    }

    #[test]
    fn a_mistyped_level_is_refused_with_the_list() {
        for wrong in ["", "verbose", "5", "control", "=info", "a=verbose", "info,", "x y=info"] {
            let why = filter(wrong).unwrap_err();
            assert!(why.contains("off, error, warn, info, debug, trace"), "{wrong}: {why}");
        }
    }

    #[test]
    fn lines_that_nobody_reads_are_dropped_counted_and_told_of() {
        let (lines, reader) = reluctant();
        let line = "x".repeat(WAITING_BYTES_MAX / 4);
        for _ in 0..7 {
            lines.say(&line);
        }
        assert_eq!(lines.dropped.load(Ordering::Relaxed), 3);
        // The thread may have taken the first line before or after the rest was dropped.
        let written: Vec<_> = (0..5).map(|_| reader.recv().unwrap()).collect();
        let notice = b"3 lines of the log were lost\n";
        assert_eq!(written.iter().filter(|text| *text == notice).count(), 1);
        assert_eq!(written.iter().filter(|text| *text == line.as_bytes()).count(), 4);
        lines.flush();
        lines.say("again\n");
        assert_eq!(reader.recv().unwrap(), b"again\n");
    }

    #[test]
    fn a_disk_that_is_full_stops_nothing() {
        let (lines, reader) = reluctant();
        drop(reader);
        lines.say("one\n");
        lines.say("two\n");
        lines.flush();
        assert_eq!(lines.dropped.load(Ordering::Relaxed), 2);
        assert_eq!(lines.waiting_bytes.load(Ordering::Relaxed), 0);
    }

    #[test]
    fn the_end_does_not_wait_for_a_reader_that_is_gone() {
        let (lines, _reader) = reluctant();
        lines.say("never read\n");
        lines.flush();
    }
}
