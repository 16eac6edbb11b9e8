//! A control thread in a thread of the test, with fake cores and its admin listener on a Unix
//! socket.

use std::cell::OnceCell;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Weak};
use std::thread;
use std::time::{Duration, Instant};

use config::Snapshot;
use control::{Ending, ProgramLog, Running, Setup, StartFailure};

use crate::fake_core::{self, Script, Told};
use crate::http::{Answer, Client};

/// Nothing that a test waits for takes so long, unless it is broken.
pub(crate) const DEADLINE: Duration = Duration::from_secs(20);

/// The process under test.
pub(crate) struct Process {
    pub(crate) told: Receiver<Told>,
    ready: Receiver<Running>,
    ended: Receiver<Result<Ending, StartFailure>>,
    running: OnceCell<Running>,
    /// The snapshot that it started with, for as long as anybody holds it.
    pub(crate) first: Weak<Snapshot>,
    directory: PathBuf,
}

/// `[process]` keys, and what the cores do; the configuration is built in.
#[track_caller]
pub(crate) fn start(process_keys: &str, script: Script) -> Process {
    let directory = fresh_directory();
    let text = whole_file(&directory, process_keys, "");
    run(directory, text.as_bytes(), None, script)
}

/// A process that reads its configuration from a file, which [`Process::file`] names, and is ready.
#[track_caller]
pub(crate) fn start_from_file() -> Process {
    start_while_saved("")
}

/// The same, but between its reading and its start the file was saved with `more` at its end.
#[track_caller]
pub(crate) fn start_while_saved(more: &str) -> Process {
    let directory = fresh_directory();
    let conf = directory.join("conf");
    std::fs::create_dir(&conf).expect("the directory is writable");
    let file = conf.join("sidecar.toml");
    let text = whole_file(&directory, "", "");
    std::fs::write(&file, format!("{text}{more}")).expect("the directory is writable");
    let process =
        run(directory, text.as_bytes(), Some(file), Script { requests: 1, ..Script::default() });
    process.wait_ready();
    process
}

fn whole_file(directory: &Path, process_keys: &str, rest: &str) -> String {
    format!(
        "[process]\nworkers = 2\nio_engine = \"epoll\"\n{process_keys}\n\
         [admin]\nlisten = \"unix:{}\"\n\
         [[listeners]]\nname = \"in\"\nlisten = \"127.0.0.1:0\"\nroutes = \"t\"\n\
         [[routes.t]]\nname = \"all\"\nupstream = \"app\"\n\
         [upstreams.app]\nendpoints = [\"127.0.0.1:1\"]\n{rest}",
        directory.join("admin.sock").display()
    )
}

#[track_caller]
fn run(directory: PathBuf, text: &[u8], file: Option<PathBuf>, script: Script) -> Process {
    let loaded = config::load("test.toml", text, None);
    let snapshot = Arc::new(loaded.unwrap_or_else(|problems| panic!("{problems}")).snapshot);
    let first = Arc::downgrade(&snapshot);
    let (tell, told) = channel();
    let (is_ready, ready) = channel();
    let (ends, ended) = channel();
    thread::spawn(move || {
        let setup = Setup {
            file,
            snapshot,
            version: "0.0.0",
            log: Some(ProgramLog {
                filter: Box::new(|level| match level {
                    None => Ok("info".to_owned()),
                    Some("debug") => Ok("debug".to_owned()),
                    Some(_) => Err("no such level".to_owned()),
                }),
                dropped: Arc::default(),
            }),
            when_ready: Some(Box::new(move |running| {
                let _ = is_ready.send(running.clone());
            })),
        };
        let core = |spec, boot| fake_core::start(spec, boot, script.clone(), tell.clone());
        let _ = ends.send(control::run(setup, core));
    });
    let process = Process { told, ready, ended, running: OnceCell::new(), first, directory };
    process.wait_told(Told::Started(1));
    process
}

impl Process {
    /// Waits until all cores serve.
    #[track_caller]
    pub(crate) fn wait_ready(&self) -> &Running {
        self.running
            .get_or_init(|| self.ready.recv_timeout(DEADLINE).expect("the process is ready"))
    }

    /// The configuration file.
    pub(crate) fn file(&self) -> PathBuf {
        self.directory.join("conf/sidecar.toml")
    }

    /// A good file with these `[process]` keys and this at its end.
    pub(crate) fn good_file(&self, process_keys: &str, rest: &str) -> String {
        whole_file(&self.directory, process_keys, rest)
    }

    /// Waits until a core says so, whatever is said before.
    #[track_caller]
    pub(crate) fn wait_told(&self, what: Told) {
        self.wait_all_told(&[what]);
    }

    /// Waits until all of this is said, in any order.
    #[track_caller]
    pub(crate) fn wait_all_told(&self, what: &[Told]) {
        let mut missing = what.to_vec();
        while !missing.is_empty() {
            let told = self.told.recv_timeout(DEADLINE);
            let told = told.unwrap_or_else(|_| panic!("never told: {missing:?}"));
            missing.retain(|one| *one != told);
        }
    }

    /// Waits for its end.
    #[track_caller]
    pub(crate) fn wait_end(&self) -> Ending {
        let ended = self.ended.recv_timeout(DEADLINE).expect("the process ends");
        ended.expect("the process started")
    }

    /// True if it has not ended yet.
    pub(crate) fn lives(&self) -> bool {
        self.ended.try_recv().is_err()
    }

    /// A connection to the admin listener.
    #[track_caller]
    pub(crate) fn client(&self) -> Client {
        Client::connect(&self.directory.join("admin.sock"))
    }

    #[track_caller]
    pub(crate) fn fetch(&self, path: &str) -> Answer {
        self.client().ask("GET", path)
    }

    #[track_caller]
    pub(crate) fn post(&self, path: &str) -> Answer {
        self.client().ask("POST", path)
    }

    /// Asks until the answer is as wanted.
    #[track_caller]
    pub(crate) fn fetch_until(
        &self,
        path: &str,
        mut wanted: impl FnMut(&Answer) -> bool,
    ) -> Answer {
        let began = Instant::now();
        loop {
            let answer = self.fetch(path);
            if wanted(&answer) {
                return answer;
            }
            assert!(began.elapsed() < DEADLINE, "{path} stays at {answer:?}");
        }
    }

    /// Where the admin socket is.
    pub(crate) fn admin_path(&self) -> PathBuf {
        self.directory.join("admin.sock")
    }
}

impl Drop for Process {
    /// It ends in its own time; no test waits for that.
    fn drop(&mut self) {
        if let Some(running) = self.running.get() {
            running.commands.terminate();
            running.commands.terminate();
        }
        let _ = std::fs::remove_dir_all(&self.directory);
    }
}

fn fresh_directory() -> PathBuf {
    use std::sync::atomic::{AtomicU32, Ordering};
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    let name = format!("outrigger-control-{}-{number}", std::process::id());
    let directory = std::env::temp_dir().join(name);
    std::fs::create_dir_all(&directory).expect("the temporary directory is writable");
    directory
}
