//! The loop that plays the clients and the origin in one thread.
//!
//! A load generator and an origin as two programs on one core would switch between each other at
//! every request; played in one loop they leave the core to what is measured: the proxy's speed.
//! `versus` and `quick` keep one `Drive`, with its origin, for a whole run; proxies come and go.

use std::collections::VecDeque;
use std::mem;
use std::time::{Duration, Instant};

use super::client::{Client, News};
use super::origin::{Answers, Origin};
use super::schedule::Schedule;
use super::{Load, LoadError, Pace, Window};
use crate::interrupt::Interrupt;
use crate::net::poll::{Poll, Ready};
use crate::net::{self, Address};

/// As much as one `recv` may bring.
const BUFFER_BYTES: usize = 256 * 1024;

/// Tokens below are clients, in the order of their slots; the rest is the origin's.
const FIRST_ORIGIN_TOKEN: u64 = 1 << 32;

/// The longest wait without a look at the interrupt flag.
const ATTENTION: Duration = Duration::from_millis(100);

/// The loop's state.
pub struct Drive {
    poll: Poll,
    origin: Option<Origin>,
    clients: Vec<Client>,
    /// Slots of clients that may ask.
    idle: VecDeque<usize>,
    load: Option<Load>,
    /// Open loop: what is due, counted from the instant.
    schedule: Option<(Instant, Schedule)>,
    window: Window,
    buffer: Vec<u8>,
    stop: Interrupt,
}

impl Drive {
    /// No clients and no origin.
    pub fn new(stop: Interrupt) -> Result<Self, LoadError> {
        Ok(Self {
            poll: Poll::new()?,
            origin: None,
            clients: Vec::new(),
            idle: VecDeque::new(),
            load: None,
            schedule: None,
            window: Window::default(),
            buffer: vec![0; BUFFER_BYTES],
            stop,
        })
    }

    /// Starts the origin, to be served by every later [`Self::run`]; tells where it listens.
    pub fn serve(&mut self, at: &[Address], answers: Answers) -> Result<Vec<Address>, LoadError> {
        let origin = Origin::bind(at, answers, &self.poll, FIRST_ORIGIN_TOKEN)?;
        let bound = (0..at.len()).map(|index| origin.address(index).clone()).collect();
        self.origin = Some(origin);
        Ok(bound)
    }

    /// Replaces the clients by those of `load`. An open load's schedule starts now.
    pub fn open(&mut self, load: Load) -> Result<(), LoadError> {
        self.close();
        let connections = load.connections;
        if let Pace::Open(per_second) = load.pace {
            self.schedule = Some((Instant::now(), Schedule::new(per_second)));
        }
        self.load = Some(load);
        self.connect_more(connections)
    }

    /// Adds clients to the load that is open.
    pub fn connect_more(&mut self, connections: usize) -> Result<(), LoadError> {
        for slot in self.clients.len()..self.clients.len() + connections {
            let client = self.connect(slot)?;
            self.clients.push(client);
            self.idle.push_back(slot);
        }
        Ok(())
    }

    /// Closes all clients.
    pub fn close(&mut self) {
        self.clients.clear();
        self.idle.clear();
        self.load = None;
        self.schedule = None;
    }

    /// Goes on for `length`; with [`Pace::Once`] only until no request is in flight. Requests in
    /// flight at the end stay in flight, and are counted by the window in which they end.
    pub fn run(&mut self, length: Duration) -> Result<Window, LoadError> {
        let start = Instant::now();
        let end = start + length;
        loop {
            let now = Instant::now();
            let asks_once = self.pace() == Some(Pace::Once);
            self.send_what_is_due(now)?;
            if now >= end || (asks_once && !self.clients.iter().any(Client::is_waiting)) {
                break;
            }
            let wait = self.next_action(now, end).saturating_duration_since(now);
            for index in 0..self.poll.wait(Some(wait.min(ATTENTION)))? {
                self.serve_one(self.poll.ready(index))?;
            }
            if self.stop.is_set() {
                return Err(LoadError::Interrupted);
            }
        }
        self.count_unsent();
        self.window.elapsed = start.elapsed();
        Ok(mem::take(&mut self.window))
    }

    /// Asks `load` once, on new connections, until it is answered with 200 or `limit` has passed;
    /// tells when. A refused connection is tried again every half millisecond.
    pub fn first_answer(
        &mut self,
        load: &Load,
        limit: Duration,
    ) -> Result<Option<Instant>, LoadError> {
        let end = Instant::now() + limit;
        let load = Load { connections: 1, pace: Pace::Once, ..load.clone() };
        while Instant::now() < end {
            match self.open(load.clone()) {
                Ok(()) => {
                    let window = self.run(end.saturating_duration_since(Instant::now()))?;
                    if window.answered > 0 {
                        return Ok(Some(Instant::now()));
                    }
                }
                Err(LoadError::Connect(..)) => {}
                Err(error) => return Err(error),
            }
            self.close();
            self.run(Duration::from_micros(500))?;
        }
        Ok(None)
    }

    fn pace(&self) -> Option<Pace> {
        self.load.as_ref().map(|load| load.pace)
    }

    fn connect(&self, slot: usize) -> Result<Client, LoadError> {
        let target = &self.load.as_ref().expect("a load is open").target;
        let socket =
            net::connect(target).map_err(|error| LoadError::Connect(target.clone(), error))?;
        Ok(Client::new(socket, slot as u64, &self.poll)?)
    }

    fn next_action(&self, now: Instant, end: Instant) -> Instant {
        match &self.schedule {
            Some((start, schedule)) if !self.idle.is_empty() => {
                end.min((*start + schedule.next_due()).max(now))
            }
            _ => end,
        }
    }

    fn send_what_is_due(&mut self, now: Instant) -> Result<(), LoadError> {
        // Each slot at most once: a failed send puts its slot back, to be tried in the next turn.
        for _ in 0..self.idle.len() {
            let due = match self.schedule.as_mut() {
                Some((start, schedule)) => match schedule.take(now - *start) {
                    Some(due) => *start + due,
                    None => return Ok(()),
                },
                None => now,
            };
            if let Some(slot) = self.idle.pop_front() {
                self.ask(slot, due)?;
            }
        }
        Ok(())
    }

    fn ask(&mut self, slot: usize, due: Instant) -> Result<(), LoadError> {
        let Some(load) = &self.load else { return Ok(()) };
        match self.clients[slot].ask(due, &load.request, &self.poll) {
            Ok(()) => Ok(()),
            Err(error) => self.lost(slot, format!("while sending: {error}")),
        }
    }

    fn serve_one(&mut self, ready: Ready) -> Result<(), LoadError> {
        if ready.token >= FIRST_ORIGIN_TOKEN {
            let origin = self.origin.as_mut().expect("the token is the origin's");
            return Ok(origin.serve(ready, &self.poll, &mut self.buffer)?);
        }
        let slot = usize::try_from(ready.token).expect("a token below 2^32");
        let (Some(load), Some(client)) = (&self.load, self.clients.get_mut(slot)) else {
            return Ok(());
        };
        match client.serve(ready, &load.request, &self.poll, &mut self.buffer) {
            News::None => Ok(()),
            News::Answered { due, status, closes } => self.answered(slot, due, status, closes),
            News::ClosedIdle => {
                self.window.reconnects += 1;
                self.reconnect(slot)
            }
            News::Failed(why) => self.lost(slot, why),
        }
    }

    fn answered(
        &mut self,
        slot: usize,
        due: Instant,
        status: u16,
        closes: bool,
    ) -> Result<(), LoadError> {
        let now = Instant::now();
        if status == 200 {
            self.window.answered += 1;
            self.window.latencies.record(now - due);
        } else {
            self.failed(format!("status {status}"));
        }
        if closes {
            self.window.reconnects += 1;
            self.reconnect(slot)?;
        }
        self.next_request(slot, now)
    }

    /// A closed load goes on at once; an open one when something is due, an overdue request first.
    fn next_request(&mut self, slot: usize, now: Instant) -> Result<(), LoadError> {
        match self.pace() {
            Some(Pace::Closed) => self.ask(slot, now),
            Some(Pace::Open(_)) => {
                self.idle.push_back(slot);
                self.send_what_is_due(now)
            }
            Some(Pace::Once) | None => Ok(()),
        }
    }

    fn lost(&mut self, slot: usize, why: String) -> Result<(), LoadError> {
        self.failed(why);
        self.reconnect(slot)?;
        // Asked again in the next turn, not here: a server that always fails must not recurse.
        if self.pace() != Some(Pace::Once) {
            self.idle.push_back(slot);
        }
        Ok(())
    }

    fn failed(&mut self, why: String) {
        self.window.failed += 1;
        self.window.first_failure.get_or_insert(why);
    }

    fn reconnect(&mut self, slot: usize) -> Result<(), LoadError> {
        self.clients[slot] = self.connect(slot)?;
        Ok(())
    }

    fn count_unsent(&mut self) {
        let Some((start, schedule)) = &self.schedule else { return };
        for age in schedule.overdue(start.elapsed()) {
            self.window.unsent += 1;
            self.window.latencies.record(age);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::load;

    /// A drive with its own origin, and the load that asks it directly.
    fn drive(pace: Pace, connections: usize, request: Vec<u8>) -> (Drive, Load) {
        let mut drive = Drive::new(Interrupt::default()).unwrap();
        let origin = drive.serve(&[Address::any_port()], Answers::new(128, 1 << 20)).unwrap();
        let target = origin[0].clone();
        (drive, Load { target, connections, pace, request })
    }

    const SHORT: Duration = Duration::from_millis(100);

    #[test]
    fn a_closed_loop_keeps_asking() {
        let (mut drive, load) = drive(Pace::Closed, 8, load::get("/"));
        drive.open(load).unwrap();
        let window = drive.run(SHORT).unwrap();
        assert!(window.answered > 100, "{window:?}");
        assert_eq!((window.failed, window.reconnects), (0, 0), "{:?}", window.first_failure);
    }

    #[test]
    fn bodies_larger_than_any_buffer_pass_both_ways() {
        for request in [load::get("/bulk"), load::post("/", 3 << 20)] {
            let (mut drive, load) = drive(Pace::Closed, 3, request);
            drive.open(load).unwrap();
            let window = drive.run(SHORT).unwrap();
            assert!(window.answered > 0 && window.failed == 0, "{:?}", window.first_failure);
        }
    }

    #[test]
    fn an_open_loop_sends_what_is_due_and_no_more() {
        let (mut drive, load) = drive(Pace::Open(500), 4, load::get("/"));
        drive.open(load).unwrap();
        let window = drive.run(Duration::from_millis(400)).unwrap();
        let due = (window.elapsed.as_secs_f64() * 500.0).ceil() as u64;
        assert!(window.answered <= due, "{} answers of {due} due", window.answered);
        assert!(window.answered + window.unsent + 4 >= due, "{window:?}");
    }

    #[test]
    fn clients_that_ask_once_stay_open_and_silent() {
        let (mut drive, load) = drive(Pace::Once, 20, load::get("/"));
        drive.open(load).unwrap();
        let first = drive.run(Duration::from_secs(5)).unwrap();
        assert_eq!(first.answered, 20);
        assert!(first.elapsed < Duration::from_secs(5), "it ends with the last answer");
        drive.connect_more(5).unwrap();
        assert_eq!(drive.run(Duration::from_secs(5)).unwrap().answered, 5);
    }

    #[test]
    fn a_target_that_never_answers_yields_nothing_in_bounded_time() {
        // A listener that nobody accepts from: the connection stands, and no answer comes.
        let (_socket, silent) = net::listen(&Address::any_port()).unwrap();
        let (mut drive, load) = drive(Pace::Closed, 1, load::get("/"));
        drive.open(Load { target: silent, ..load }).unwrap();
        let window = drive.run(SHORT).unwrap();
        assert_eq!((window.answered, window.failed), (0, 0));
    }

    #[test]
    fn a_refused_connection_is_told_with_its_address() {
        let (mut drive, load) = drive(Pace::Closed, 1, load::get("/"));
        let nobody = Address::Inet(([127, 0, 0, 1], net::free_port().unwrap()).into());
        let error = drive.open(Load { target: nobody.clone(), ..load.clone() }).unwrap_err();
        assert!(error.to_string().contains(&nobody.to_string()), "{error}");
        let load = Load { target: nobody, ..load };
        assert_eq!(drive.first_answer(&load, SHORT).unwrap(), None);
    }
}
