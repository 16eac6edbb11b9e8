//! Starting one proxy in front of the origin: its configuration, its command, its first 200.

use std::ffi::OsString;
use std::fs;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::Proxy;
use super::launch::Child;
use super::outrigger::{Configuration, LiveFile};
use super::template::fill;
use crate::load::drive::Drive;
use crate::load::{self, Load, LoadError, Pace};
use crate::measure::process::Processes;
use crate::net::{self, Address};

/// Envoy needs 8 s with 10,000 upstreams.
const START_LIMIT: Duration = Duration::from_secs(60);

/// How often a started program is looked at, whether it still lives.
const LOOK: Duration = Duration::from_millis(250);

/// Tries with another port, should a program find its port taken.
const PORTS_TRIED: usize = 3;

/// What a proxy is started with.
#[derive(Debug, Clone, Copy)]
pub struct Setup<'a> {
    /// Its program.
    pub program: &'a Path,
    /// The CPUs that it may use.
    pub cpus: &'a [usize],
    /// Threads that serve; peers have one.
    pub workers: usize,
    /// The origin behind it.
    pub origin: &'a Address,
    /// Upstreams in its configuration beyond the one that is used.
    pub further_upstreams: usize,
    /// Where its files go.
    pub directory: &'a Path,
    /// A program, with arguments, that runs the proxy: a profiler; empty for none.
    pub wrapper: &'a [OsString],
}

/// A proxy that answers.
pub struct Running {
    child: Child,
    /// Where it listens.
    pub address: Address,
    /// From its start to its first 200.
    pub start_time: Duration,
    /// Its processes.
    pub processes: Processes,
    /// Of Outrigger alone.
    file: Option<LiveFile>,
}

/// Why a proxy does not answer.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// It ended; its last words.
    #[error("{0} ended instead of serving; it said:\n  {1}")]
    Ended(&'static str, String),
    /// It lives and does not answer with 200; its last words.
    #[error("{0} did not answer with 200 within 60 s; it said:\n  {1}")]
    Silent(&'static str, String),
    /// A file or process of the bench's own.
    #[error("cannot start {0}: {1}")]
    Own(&'static str, io::Error),
    /// The load generator.
    #[error(transparent)]
    Load(#[from] LoadError),
}

impl Running {
    /// Starts `proxy` and waits for its first 200. A port that something else took in the meantime
    /// is replaced, twice.
    pub fn start(proxy: Proxy, setup: &Setup<'_>, drive: &mut Drive) -> Result<Self, StartError> {
        let mut tried = 1;
        loop {
            match Self::try_start(proxy, setup, drive) {
                Err(StartError::Ended(_, words))
                    if tried < PORTS_TRIED && words.contains("in use") =>
                {
                    tried += 1;
                }
                result => return result,
            }
        }
    }

    fn try_start(proxy: Proxy, setup: &Setup<'_>, drive: &mut Drive) -> Result<Self, StartError> {
        let own = |error| StartError::Own(proxy.name(), error);
        let port = net::free_port().map_err(own)?;
        let (arguments, file) = prepare(proxy, setup, port).map_err(own)?;
        let log = setup.directory.join(format!("{}.log", proxy.key()));
        let command = [setup.wrapper, &[setup.program.into()], &arguments].concat();
        let mut child = Child::start(setup.cpus, &command, &log).map_err(own)?;

        let target = Address::Inet(([127, 0, 0, 1], port).into());
        let request = load::get("/");
        let load = Load { target: target.clone(), connections: 1, pace: Pace::Once, request };
        let first = loop {
            if let Some(first) = drive.first_answer(&load, LOOK)? {
                break first;
            }
            if child.has_ended() {
                return Err(StartError::Ended(proxy.name(), child.last_words()));
            }
            if child.started().elapsed() > START_LIMIT {
                return Err(StartError::Silent(proxy.name(), child.last_words()));
            }
        };
        drive.close();
        let processes = child.processes().map_err(own)?;
        let start_time = first.saturating_duration_since(child.started());
        Ok(Self { child, address: target, start_time, processes, file })
    }

    /// The error of a proxy that ended while it was measured; `None` if it lives.
    pub fn death(&mut self, proxy: Proxy) -> Option<StartError> {
        self.child.has_ended().then(|| StartError::Ended(proxy.name(), self.child.last_words()))
    }

    /// Outrigger's file, to be changed while it runs. Error: a peer has none.
    pub fn live_file(&mut self) -> io::Result<&mut LiveFile> {
        self.file.as_mut().ok_or_else(|| io::Error::other("the file of a peer is not changed"))
    }

    /// Its process.
    pub fn pid(&self) -> u32 {
        self.child.pid()
    }

    /// Lets it end by itself, as SIGTERM asks; false if it still lives after `limit`.
    pub fn end(mut self, limit: Duration) -> io::Result<bool> {
        self.child.end(limit)
    }
}

/// Writes the configuration; tells the arguments of the program, and the file of Outrigger's.
fn prepare(
    proxy: Proxy,
    setup: &Setup<'_>,
    port: u16,
) -> io::Result<(Vec<OsString>, Option<LiveFile>)> {
    let at = SocketAddr::from(([127, 0, 0, 1], port));
    let listen = at.to_string();
    let directory = setup.directory.display().to_string();
    let repeats = setup.further_upstreams;
    let write = |name: &str, text: &str, values: &[(&str, &str)]| -> io::Result<PathBuf> {
        let path = setup.directory.join(name);
        fs::write(&path, fill(text, values, repeats))?;
        Ok(path)
    };
    match proxy {
        Proxy::Floor => {
            Ok((words(&["floor", "--listen", &listen, "--to", &setup.origin.to_string()]), None))
        }
        Proxy::Uring | Proxy::Epoll => {
            let file = LiveFile::new(Configuration {
                engine: proxy,
                workers: setup.workers,
                listen: at,
                admin: ([127, 0, 0, 1], net::free_port()?).into(),
                origin: setup.origin.clone(),
                further_upstreams: setup.further_upstreams,
                version: 0,
                access_log: None,
                path: setup.directory.join(format!("outrigger-{}.toml", proxy.key())),
            })?;
            Ok((with_path(&["run"], file.path().to_path_buf()), Some(file)))
        }
        Proxy::HaProxy => {
            let origin = match setup.origin {
                Address::Inet(at) => at.to_string(),
                Address::Unix(path) => format!("unix@{}", path.display()),
            };
            let text = include_str!("../../peers/haproxy.cfg");
            let path = write("haproxy.cfg", text, &[("LISTEN", &listen), ("ORIGIN", &origin)])?;
            Ok((with_path(&["-db", "-f"], path), None))
        }
        Proxy::Nginx => {
            let origin = setup.origin.to_string();
            let values = [("LISTEN", &*listen), ("ORIGIN", &origin), ("DIR", &directory)];
            let path = write("nginx.conf", include_str!("../../peers/nginx.conf"), &values)?;
            Ok((with_path(&["-p", &directory, "-c"], path), None))
        }
        Proxy::Envoy | Proxy::EnvoyTuned => {
            let text = include_str!("../../peers/envoy.yaml");
            let path = write(
                &format!("{}.yaml", proxy.key()),
                &envoy_text(proxy, text),
                &[("PORT", &port.to_string()), ("ORIGIN", &envoy_address(setup.origin))],
            )?;
            let first = ["--concurrency", "1", "--disable-hot-restart", "--log-level", "error"];
            Ok((with_path(&[&first[..], &["-c"]].concat(), path), None))
        }
    }
}

fn envoy_text(proxy: Proxy, text: &str) -> String {
    let tuned = match proxy {
        Proxy::EnvoyTuned => include_str!("../../peers/envoy-tuned.yaml"),
        _ => "",
    };
    text.replace("# @tuned@\n", tuned)
}

fn envoy_address(address: &Address) -> String {
    match address {
        Address::Inet(at) => {
            format!("{{socket_address: {{address: {}, port_value: {}}}}}", at.ip(), at.port())
        }
        Address::Unix(path) => format!("{{pipe: {{path: {}}}}}", path.display()),
    }
}

fn words(words: &[&str]) -> Vec<OsString> {
    words.iter().map(OsString::from).collect()
}

fn with_path(first: &[&str], path: PathBuf) -> Vec<OsString> {
    let mut arguments = words(first);
    arguments.push(path.into_os_string());
    arguments
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_tuned_envoy_has_io_uring_sockets() {
        let text = include_str!("../../peers/envoy.yaml");
        assert!(!envoy_text(Proxy::Envoy, text).contains("io_uring"));
        assert!(envoy_text(Proxy::EnvoyTuned, text).contains("io_uring_options"));
    }

    #[test]
    fn every_peer_reaches_a_unix_origin_in_its_own_syntax() {
        let origin: Address = "unix:/run/o.sock".parse().unwrap();
        assert_eq!(envoy_address(&origin), "{pipe: {path: /run/o.sock}}");
        assert_eq!(origin.to_string(), "unix:/run/o.sock");
    }
}
