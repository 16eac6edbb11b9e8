//! System calls per request, counted by strace.

use std::ffi::OsString;
use std::fs;
use std::io;
use std::time::{Duration, Instant};

use crate::load::{self, Load, Pace};
use crate::measure::process;
use crate::peers::launch::Child;
use crate::peers::start::Running;
use crate::versus::figure::Figure;
use crate::versus::trial::{Stage, Told, TrialError};

/// For strace to follow every thread, and to write its count.
const STRACE_LIMIT: Duration = Duration::from_secs(10);
/// The proxy has nothing more to do after that: the load stands still while nobody drives it.
const STANDSTILL: Duration = Duration::from_millis(100);

/// A warm proxy's, in a closed loop. Traced it is slower, and finds more to do in each turn than it
/// would otherwise: only counts under strace may be compared.
pub(crate) fn count(
    connections: u16,
    running: &Running,
    stage: &mut Stage<'_>,
) -> Result<Told, TrialError> {
    let target = running.address.clone();
    let request = load::get("/");
    let pace = Pace::Closed;
    stage.drive.open(Load { target, connections: connections.into(), pace, request })?;
    stage.drive.run(stage.window / 2)?;
    let file = stage.directory.join("strace.out");
    let mut strace = attach(running.pid(), stage.cpus.load, &file)?;
    let window = stage.drive.run(stage.window)?;
    crate::line::rest(STANDSTILL);
    if !strace.end(STRACE_LIMIT)? {
        return Err(io::Error::other("strace does not end").into());
    }
    if window.failed > 0 || window.answered == 0 {
        return Err(io::Error::other("requests failed under strace").into());
    }
    let text = fs::read_to_string(&file)?;
    let calls = total(&text).ok_or_else(|| io::Error::other("strace wrote no total"))?;
    let per_request = calls as f64 / window.answered as f64;
    let readings = vec![(Figure::SystemCalls(connections), per_request)];
    Ok(Told { readings, ..Told::default() })
}

/// Starts strace on all threads of `pid` and waits until it follows them.
fn attach(pid: u32, cpu: usize, file: &std::path::Path) -> io::Result<Child> {
    let mut line: Vec<OsString> = ["strace", "-f", "-c", "-o"].map(OsString::from).to_vec();
    line.extend([file.into(), "-p".into(), pid.to_string().into()]);
    let mut strace = Child::start(&[cpu], &line, &file.with_extension("log"))?;
    let asked = Instant::now();
    while !process::is_traced(pid)? {
        if strace.has_ended() || asked.elapsed() > STRACE_LIMIT {
            let text = format!(
                "strace does not follow the proxy (apt-get install strace; root or \
                 kernel.yama.ptrace_scope=0): {}",
                strace.last_words()
            );
            return Err(io::Error::other(text));
        }
        crate::line::rest(Duration::from_millis(10));
    }
    Ok(strace)
}

/// The calls in the line `total` of `strace -c`: share, seconds, µs per call, calls, errors.
fn total(text: &str) -> Option<u64> {
    let line = text.lines().find(|line| line.ends_with(" total"))?;
    line.split_ascii_whitespace().nth(3)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_total_is_the_fourth_column() {
        let text = "% time     seconds  usecs/call     calls    errors syscall\n\
                    ------ ----------- ----------- --------- --------- ----------------\n\
                    100.00    0.000211           3        65         1 epoll_wait\n\
                    ------ ----------- ----------- --------- --------- ----------------\n\
                    100.00    0.000211           3        65         1 total\n";
        assert_eq!(total(text), Some(65));
        assert_eq!(total(""), None);
    }
}
