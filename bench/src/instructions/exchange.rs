//! The instructions of one whole exchange: Outrigger on epoll under valgrind, one connection.
//!
//! Only what runs in user mode counts; io_uring is left out, as valgrind does not know its rings.
//! Two runs of different lengths differ by their requests alone.

use std::io;
use std::time::Duration;

use super::{InstructionsError, callgrind, failed};
use crate::interrupt::Interrupt;
use crate::load::drive::Drive;
use crate::load::origin::Answers;
use crate::load::{self, Load, Pace};
use crate::measure::machine::Cpus;
use crate::net::Address;
use crate::peers::Proxy;
use crate::peers::find::{self, Given};
use crate::peers::start::{Running, Setup};
use crate::scratch::Scratch;

pub(super) const NAME: &str = "exchange/epoll";

const SHORT: Duration = Duration::from_millis(500);
const LONG: Duration = Duration::from_millis(3000);
/// For valgrind to write what it counted.
const END_LIMIT: Duration = Duration::from_secs(30);

/// Instructions of one request and its answer.
pub(super) fn count(given: &Given, stop: &Interrupt) -> Result<u64, InstructionsError> {
    let program = find::program(Proxy::Epoll, given)?;
    let failed = |error: &dyn std::error::Error| failed(NAME, &io::Error::other(error.to_string()));
    let cpus = Cpus::choose().map_err(|error| failed(&error))?;
    let mut drive = Drive::new(stop.clone()).map_err(|error| failed(&error))?;
    let answers = Answers::new(128, 128);
    let origin = drive.serve(&[Address::any_port()], answers).map_err(|error| failed(&error))?;

    let mut run = |length: Duration| -> Result<(u64, u64), Box<dyn std::error::Error>> {
        let scratch = Scratch::new()?;
        let file = scratch.path().join("callgrind.out");
        let setup = Setup {
            program: &program,
            cpus: &[cpus.proxy],
            workers: 1,
            origin: &origin[0],
            further_upstreams: 0,
            directory: scratch.path(),
            wrapper: &callgrind::wrapper(&file),
        };
        let running = Running::start(Proxy::Epoll, &setup, &mut drive)?;
        let target = running.address.clone();
        drive.open(Load { target, connections: 1, pace: Pace::Closed, request: load::get("/") })?;
        let window = drive.run(length)?;
        drive.close();
        if window.failed > 0 || !running.end(END_LIMIT)? {
            return Err("a request failed, or SIGTERM did not end the proxy".into());
        }
        Ok((callgrind::read(&file)?, window.answered))
    };
    let (short, few) = run(SHORT).map_err(|error| failed(&*error))?;
    let (long, many) = run(LONG).map_err(|error| failed(&*error))?;
    Ok(long.saturating_sub(short) / many.saturating_sub(few).max(1))
}
