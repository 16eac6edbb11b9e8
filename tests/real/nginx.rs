//! nginx as an origin: one process, so that one `kill -9` is the end of it.

use std::fs;

use rustix::process::Signal;
use tests::program::Program;
use tests::proxy::ConfigFile;
use tests::{Address, Peer, until};

use crate::programs::command;

/// A running nginx.
pub(crate) struct Nginx {
    address: Address,
    files: ConfigFile,
    process: Program,
}

impl Nginx {
    /// Serves `body` everywhere, and below `/files/` what [`Nginx::add_file`] puts there.
    pub(crate) fn start(body: &str) -> Nginx {
        let address = Address::reserve();
        let files = ConfigFile::new("");
        let root = files.beside("");
        let text = format!(
            "daemon off; master_process off; pid {root}/nginx.pid; error_log stderr crit;\n\
             events {{ worker_connections 4096; }}\n\
             http {{\n\
               access_log off; keepalive_requests 100000000; keepalive_timeout 60s;\n\
               client_body_temp_path {root}/body; proxy_temp_path {root}/proxy;\n\
               fastcgi_temp_path {root}/fastcgi; uwsgi_temp_path {root}/uwsgi;\n\
               scgi_temp_path {root}/scgi;\n\
               server {{ listen {address} backlog=4096;\n\
                 location / {{ default_type text/plain; return 200 \"{body}\"; }}\n\
                 location /files/ {{ alias {root}/; }} }}\n\
             }}\n",
            root = root.display(),
        );
        fs::write(files.path(), text).expect("the temporary directory is writable");
        let process = spawn(&files, &address);
        Nginx { address, files, process }
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> &Address {
        &self.address
    }

    /// Puts a file where `/files/NAME` finds it.
    pub(crate) fn add_file(&self, name: &str, content: &[u8]) {
        fs::write(self.files.beside(name), content).expect("the temporary directory is writable");
    }

    /// `kill -9`.
    pub(crate) fn kill(&self) {
        self.process.signal(Signal::KILL);
    }

    /// Starts it again on the same address.
    pub(crate) fn revive(&mut self) {
        self.process = spawn(&self.files, &self.address);
    }
}

fn spawn(files: &ConfigFile, address: &Address) -> Program {
    let mut nginx = command("nginx");
    nginx.arg("-c").arg(files.path()).arg("-p").arg(files.beside(""));
    let process = Program::start(&mut nginx);
    until("nginx listens", || Peer::try_connect(address).ok());
    process
}
