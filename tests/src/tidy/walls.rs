//! Which package may depend on which, read from the manifests.
//!
//! A page of TOML reading of its own: manifests here are written one dependency a line.

use std::path::Path;

use super::{Finding, files, read, relative};

/// A package's place in the house.
struct Wall {
    package: &'static str,
    /// Packages of this workspace that it may name.
    ours: &'static [&'static str],
    /// Crates that it may name; `None`: no rule.
    crates: Option<&'static [&'static str]>,
}

/// DESIGN §2. A pure package's crates know no socket, clock or runtime either.
const WALLS: &[Wall] = &[
    Wall {
        package: "config",
        ours: &[],
        crates: Some(&[
            "annotate-snippets",
            "regex",
            "serde_json",
            "strsim",
            "toml_parser",
            "xxhash-rust",
        ]),
    },
    Wall { package: "wire", ours: &[], crates: Some(&["httparse", "memchr"]) },
    Wall { package: "policy", ours: &["config"], crates: Some(&["memchr", "regex"]) },
    Wall { package: "signals", ours: &["config", "policy"], crates: Some(&["hdrhistogram"]) },
    Wall { package: "rt", ours: &[], crates: None },
    Wall { package: "control", ours: &["config", "policy", "rt", "signals"], crates: None },
    Wall {
        package: "engine",
        ours: &["config", "control", "policy", "rt", "signals", "wire"],
        crates: None,
    },
];

/// Crates that only `engine/rt` may name; the control thread has tokio of its own.
const RUNTIMES: &[(&str, &[&str])] = &[
    ("glommio", &["rt"]),
    ("io-uring", &["rt"]),
    ("libc", &["rt"]),
    ("tokio", &["rt", "control"]),
];

/// What of this a manifest says.
#[derive(Debug, Default, PartialEq)]
pub struct Manifest {
    /// `package.name`; empty at the root.
    pub name: String,
    /// The names under `[dependencies]`, with their lines.
    pub dependencies: Vec<(String, usize)>,
    /// Dependencies of any kind that do not take their version from the root.
    pub own_versions: Vec<(String, usize)>,
    /// `[lints]` says `workspace = true`.
    pub has_lints: bool,
}

impl Manifest {
    /// Reads the lines that matter.
    pub fn parse(text: &str) -> Manifest {
        let mut manifest = Manifest::default();
        let mut table = "";
        for (ix, line) in text.lines().map(str::trim).enumerate() {
            if line.starts_with('[') {
                table = line;
                continue;
            }
            let Some((key, value)) = line.split_once('=') else { continue };
            let (key, value) = (key.trim(), value.trim());
            if table == "[package]" && key == "name" {
                value.trim_matches('"').clone_into(&mut manifest.name);
            } else if table == "[lints]" {
                manifest.has_lints |= (key, value) == ("workspace", "true");
            } else if table.ends_with("dependencies]") {
                manifest.dependency(table, key, value, ix + 1);
            }
        }
        manifest
    }

    fn dependency(&mut self, table: &str, key: &str, value: &str, line: usize) {
        let name = key.split('.').next().unwrap_or(key);
        if !key.ends_with(".workspace") && !value.contains("workspace = true") {
            self.own_versions.push((name.to_owned(), line));
        }
        if table == "[dependencies]" {
            self.dependencies.push((name.to_owned(), line));
        }
    }
}

/// What the manifests below `root` violate.
pub fn findings(root: &Path) -> Vec<Finding> {
    let manifests = files(root, "toml").into_iter().filter(|path| path.ends_with("Cargo.toml"));
    let judged = manifests.filter(|path| path.parent() != Some(root)).flat_map(|path| {
        let file = relative(root, &path);
        judge(&file, &Manifest::parse(&read(&path)))
    });
    judged.collect()
}

fn judge(file: &str, manifest: &Manifest) -> Vec<Finding> {
    let find = |line, what| Finding { file: file.to_owned(), line, rule: "wall", what };
    let mut found = Vec::new();
    if !manifest.has_lints {
        found.push(find(0, "does not take the workspace's lints".to_owned()));
    }
    let versions = manifest.own_versions.iter();
    found.extend(versions.map(|(name, line)| find(*line, format!("{name}: a version of its own"))));
    for (name, line) in &manifest.dependencies {
        if !may_depend(&manifest.name, name) {
            found.push(find(*line, format!("{} must not depend on {name}", manifest.name)));
        }
    }
    found
}

fn may_depend(package: &str, on: &str) -> bool {
    let is_ours = WALLS.iter().any(|wall| wall.package == on);
    let Some(wall) = WALLS.iter().find(|wall| wall.package == package) else { return true };
    if is_ours {
        return wall.ours.contains(&on);
    }
    let runtime = RUNTIMES.iter().find(|(name, _)| *name == on);
    if let Some((_, homes)) = runtime {
        return homes.contains(&package);
    }
    wall.crates.is_none_or(|crates| crates.contains(&on))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn whats(manifest: &str) -> Vec<String> {
        let found = judge("a/Cargo.toml", &Manifest::parse(manifest));
        found.into_iter().map(|finding| finding.what).collect()
    }

    #[test]
    fn a_pure_package_may_not_name_a_runtime() {
        let manifest = "[package]\nname = \"wire\"\n[lints]\nworkspace = true\n\
                        [dependencies]\nhttparse.workspace = true\ntokio.workspace = true\n";
        assert_eq!(whats(manifest), ["wire must not depend on tokio"]);
    }

    #[test]
    fn an_arrow_may_not_point_back() {
        let manifest = "[package]\nname = \"policy\"\n[lints]\nworkspace = true\n\
                        [dependencies]\nconfig.workspace = true\nsignals.workspace = true\n";
        assert_eq!(whats(manifest), ["policy must not depend on signals"]);
    }

    #[test]
    fn only_rt_has_glommio() {
        let manifest = "[package]\nname = \"engine\"\n[lints]\nworkspace = true\n\
                        [dependencies]\nglommio = { workspace = true, features = [\"a\"] }\n";
        assert_eq!(whats(manifest), ["engine must not depend on glommio"]);
        assert!(may_depend("rt", "glommio") && may_depend("control", "tokio"));
    }

    #[test]
    fn a_member_takes_lints_and_versions_from_the_root() {
        let manifest = "[package]\nname = \"bench\"\n[dev-dependencies]\nserde = \"1\"\n";
        assert_eq!(
            whats(manifest),
            ["does not take the workspace's lints", "serde: a version of its own"]
        );
    }
}
