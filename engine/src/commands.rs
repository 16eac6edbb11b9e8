//! What the commands do, up to the point where `control` takes over.

use std::fmt;
use std::fs;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use config::{Loaded, Problems};
use control::doctor::{self, Subject};
use control::{LogFilter, Setup, WhenReady};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, reload};

use crate::core;

/// `outrigger run FILE`
pub(crate) fn run(file: &Path) -> ExitCode {
    serve(file, None)
}

/// Carries traffic as `file` says. `when_ready` is called once all cores serve.
pub(crate) fn serve(file: &Path, when_ready: Option<WhenReady>) -> ExitCode {
    let Loaded { snapshot, warnings } = match load(file) {
        Ok(loaded) => loaded,
        Err(error) => return fail(&error),
    };
    if !warnings.is_empty() {
        eprint!("{warnings}");
    }
    let setup = Setup {
        file: Some(file.to_owned()),
        snapshot: Arc::new(snapshot),
        version: env!("CARGO_PKG_VERSION"),
        log_filter: Some(start_logging()),
        when_ready,
    };
    let start = |spec, boot| rt::start_core(spec, move || core::run(boot));
    match control::run(setup, start) {
        Ok(ending) => ExitCode::from(ending.exit_code()),
        Err(error) => fail(&error),
    }
}

/// `outrigger check FILE`
pub(crate) fn check(file: &Path, json: bool) -> ExitCode {
    let (problems, valid) = match load(file) {
        Ok(Loaded { warnings, .. }) => (warnings, true),
        Err(LoadError::Wrong(problems)) => (problems, false),
        Err(error) => return fail(&error),
    };
    if json {
        println!("{}", problems.to_json());
    } else if valid && problems.is_empty() {
        println!("{}: good", file.display());
    } else {
        eprint!("{problems}");
    }
    if valid { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// `outrigger doctor [FILE]`
pub(crate) fn doctor(file: Option<&Path>, json: bool) -> ExitCode {
    let loaded = file.map(|path| (path, load(path)));
    let problems = match &loaded {
        Some((_, Err(LoadError::Wrong(problems)))) => Some(problems),
        _ => None,
    };
    let subject = loaded.as_ref().map(|(path, loaded)| Subject {
        path,
        loaded: loaded.as_ref().map(|loaded| &loaded.snapshot).map_err(LoadError::in_short),
    });
    let report = doctor::examine(subject.as_ref());
    if json {
        let mut page = report.to_json();
        page["problems"] = problems.map(Problems::to_json).unwrap_or_default()["problems"].take();
        println!("{page:#}");
    } else {
        problems.iter().for_each(|problems| eprint!("{problems}"));
        print!("{report}");
    }
    if report.failed() { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

/// `outrigger schema`
pub(crate) fn schema() -> ExitCode {
    println!("{:#}", config::schema());
    ExitCode::SUCCESS
}

/// Why a file gave no snapshot.
enum LoadError {
    Unreadable { file: String, error: std::io::Error },
    Wrong(Problems),
}

impl LoadError {
    /// In one line.
    fn in_short(&self) -> String {
        match self {
            Self::Unreadable { error, .. } => error.to_string(),
            Self::Wrong(problems) if problems.len() == 1 => "1 mistake".to_owned(),
            Self::Wrong(problems) => format!("{} mistakes", problems.len()),
        }
    }
}

impl fmt::Display for LoadError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreadable { file, error } => write!(out, "cannot read {file}: {error}"),
            Self::Wrong(problems) => problems.fmt(out),
        }
    }
}

fn load(file: &Path) -> Result<Loaded, LoadError> {
    let name = file.display().to_string();
    match fs::read(file) {
        Ok(text) => config::load(&name, &text, None).map_err(LoadError::Wrong),
        Err(error) => Err(LoadError::Unreadable { file: name, error }),
    }
}

fn fail(error: &dyn fmt::Display) -> ExitCode {
    let text = error.to_string();
    eprintln!("outrigger: {}", text.trim_end());
    ExitCode::FAILURE
}

/// The program's own log goes to stderr; `RUST_LOG` chooses what of it, and later what is returned.
fn start_logging() -> LogFilter {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    let (filter, handle) = reload::Layer::new(filter);
    let lines = tracing_subscriber::fmt::layer().with_writer(std::io::stderr);
    tracing_subscriber::registry().with(filter).with(lines).init();
    Box::new(move |wanted| {
        let filter = EnvFilter::try_new(wanted).map_err(|error| error.to_string())?;
        handle.reload(filter).map_err(|error| error.to_string())
    })
}
