//! What the commands do, up to the point where `control` takes over.

use std::fmt;
use std::fs;
use std::io;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use config::{Loaded, Problems};
use control::doctor::{self, Subject};
use control::{Setup, WhenReady};

use crate::output::{answer, complain, fail};
use crate::{core, log};

/// `outrigger run FILE`
pub(crate) fn run(file: &Path) -> ExitCode {
    serve(file, None)
}

/// Carries traffic as `file` says. `when_ready` is called once all cores serve.
pub(crate) fn serve(file: &Path, when_ready: Option<WhenReady>) -> ExitCode {
    rt::map_large_blocks();
    let Loaded { snapshot, warnings } = match load(file) {
        Ok(loaded) => loaded,
        Err(error) => return fail(error),
    };
    let (log, control_of_log) = match log::start() {
        Ok(started) => started,
        Err(error) => return fail(format_args!("the log cannot be started: {error}")),
    };
    if !warnings.is_empty() {
        log.say(&warnings.to_string());
    }
    let setup = Setup {
        file: Some(file.to_owned()),
        snapshot: Arc::new(snapshot),
        version: env!("CARGO_PKG_VERSION"),
        log: Some(control_of_log),
        when_ready,
    };
    let start = |spec, boot| rt::start_core(spec, move || core::run(boot));
    let ended = control::run(setup, start);
    // Before what `fail` says.
    drop(log);
    match ended {
        Ok(ending) => ExitCode::from(ending.exit_code()),
        Err(error) => fail(error),
    }
}

/// `outrigger check FILE`
pub(crate) fn check(file: &Path, json: bool) -> ExitCode {
    let (problems, code) = match load(file) {
        Ok(Loaded { warnings, .. }) => (warnings, ExitCode::SUCCESS),
        Err(LoadError::Wrong(problems)) => (problems, ExitCode::FAILURE),
        Err(LoadError::Unreadable { file, error }) if json => {
            (Problems::unreadable(&file, &error), ExitCode::FAILURE)
        }
        Err(error) => return fail(error),
    };
    if json {
        return answer(format_args!("{}\n", problems.to_json()), code);
    }
    if problems.is_empty() {
        return answer(format_args!("{}: good\n", file.display()), code);
    }
    complain(problems);
    code
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
        warnings: loaded.as_ref().map_or(0, |loaded| loaded.warnings.len()),
    });
    let report = doctor::examine(subject.as_ref());
    let code = if report.failed() { ExitCode::FAILURE } else { ExitCode::SUCCESS };
    if json {
        let mut page = report.to_json();
        page["problems"] = problems.map(Problems::to_json).unwrap_or_default()["problems"].take();
        return answer(format_args!("{page:#}\n"), code);
    }
    problems.into_iter().for_each(complain);
    answer(report, code)
}

/// `outrigger schema`
pub(crate) fn schema() -> ExitCode {
    answer(format_args!("{:#}\n", config::schema()), ExitCode::SUCCESS)
}

/// Why a file gave no snapshot.
enum LoadError {
    Unreadable { file: String, error: io::Error },
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
