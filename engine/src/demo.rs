//! `outrigger demo`: the program at work, with nothing to install and nothing to write.
//!
//! Two origins, a sidecar between them and a client, and a page of what to try next. The proxy is
//! the real one, run from a real file; only origins and client are made up here.

mod client;
mod origin;

use std::fs;
use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use control::WhenReady;

use crate::commands;
use crate::output::{answer, complain, print};

/// Taken if they are free; else the kernel chooses.
const PROXY_PORT: u16 = 15001;
const ADMIN_PORT: u16 = 9901;

/// Runs until Ctrl-C, or for so many seconds.
pub(crate) fn run(for_seconds: Option<u64>) -> ExitCode {
    match Demo::prepare() {
        Ok(demo) => demo.play(for_seconds),
        Err(error) => {
            complain(format_args!("outrigger demo: cannot start: {error}\n"));
            ExitCode::FAILURE
        }
    }
}

struct Demo {
    proxy: SocketAddr,
    admin: SocketAddr,
    folder: PathBuf,
}

impl Demo {
    /// Starts the origins and writes the configuration.
    fn prepare() -> io::Result<Self> {
        let v1 = origin::start("v1")?;
        let v2 = origin::start("v2")?;
        let proxy = free_address(PROXY_PORT)?;
        let admin = free_address(ADMIN_PORT)?;
        let folder = std::env::temp_dir().join(format!("outrigger-demo-{}", std::process::id()));
        fs::create_dir_all(&folder)?;
        let demo = Self { proxy, admin, folder };
        fs::write(demo.file(), configuration(proxy, admin, v1, v2))?;
        Ok(demo)
    }

    fn file(&self) -> PathBuf {
        self.folder.join("sidecar.toml")
    }

    fn play(self, for_seconds: Option<u64>) -> ExitCode {
        let Self { proxy, admin, .. } = self;
        let file = self.file();
        let when_ready: WhenReady = Box::new(move |running| {
            // Whoever does not read it can still watch the proxy.
            let _ = print(introduction(proxy, admin, &file));
            client::start(proxy, running.commands.clone(), for_seconds);
        });
        let ended = commands::serve(&self.file(), Some(when_ready));
        // The folder is ours alone: it carries our process id.
        if let Err(error) = fs::remove_dir_all(&self.folder) {
            let folder = self.folder.display();
            complain(format_args!("outrigger demo: cannot remove {folder}: {error}\n"));
        }
        answer("\nThe demo has ended.\n", ended)
    }
}

fn free_address(preferred: u16) -> io::Result<SocketAddr> {
    let bound = TcpListener::bind((Ipv4Addr::LOCALHOST, preferred))
        .or_else(|_| TcpListener::bind((Ipv4Addr::LOCALHOST, 0)))?;
    bound.local_addr()
}

fn configuration(proxy: SocketAddr, admin: SocketAddr, v1: SocketAddr, v2: SocketAddr) -> String {
    format!(
        r#"# Written by `outrigger demo`. Change it, save it, and watch: nothing restarts.
[process]
pre_drain     = "0s"
drain_timeout = "2s"

[admin]
listen = "{admin}"

[[listeners]]
name      = "outbound"
direction = "outbound"
listen    = "{proxy}"
routes    = "mesh"

[[routes.mesh]]
host  = "shop"
split = [
    {{ upstream = "shop-v1", weight = 90 }},
    {{ upstream = "shop-v2", weight = 10 }},
]

[upstreams.shop-v1]
endpoints = ["{v1}"]

[upstreams.shop-v2]
endpoints = ["{v2}"]
"#
    )
}

fn introduction(proxy: SocketAddr, admin: SocketAddr, file: &Path) -> String {
    let file = file.display();
    let tries = [
        (format!("curl -H 'Host: shop' http://{proxy}/"), "a request of your own"),
        (format!("curl -i http://{proxy}/"), "no route for this host: 404, and why"),
        (format!("curl http://{admin}/metrics"), "what the proxy counts"),
        (format!("curl http://{admin}/config_status"), "which configuration is in force"),
    ];
    let tries: String =
        tries.iter().map(|(command, what)| format!("  {command:<46} {what}\n")).collect();
    format!(
        "
  a client -> outrigger on {proxy} -> shop-v1 (90 %), shop-v2 (10 %)

Try, in another terminal:
{tries}
Then move the split to 50/50 in
  {file}
and save it: the figures below change within a second, and no request is lost.

Ctrl-C ends it.

"
    )
}
