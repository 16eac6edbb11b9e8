//! Small pieces of Outrigger's work, each prepared once and repeated: what criterion times
//! (`benches/`) and `bench instructions` counts.
//!
//! A subject does what one request makes the proxy do in one room of the house, on inputs like
//! those of real traffic. A new one is one line in a table.

mod balancing;
mod codec;
mod histograms;
mod routing;

/// One repeatable piece of work.
#[derive(Clone, Copy)]
pub struct Subject {
    /// `GROUP/name`.
    pub name: &'static str,
    /// Makes its inputs; what comes back does the work once at each call.
    pub prepare: fn() -> Box<dyn FnMut()>,
}

impl Subject {
    /// The subject of that name.
    pub fn find(name: &str) -> Option<Self> {
        all().find(|subject| subject.name == name)
    }
}

/// All subjects, group by group.
pub fn all() -> impl Iterator<Item = Subject> {
    [codec::SUBJECTS, routing::SUBJECTS, balancing::SUBJECTS, histograms::SUBJECTS]
        .into_iter()
        .flatten()
        .copied()
}

/// Those of one group.
pub fn of_group(group: &str) -> impl Iterator<Item = Subject> {
    all().filter(move |subject| {
        subject.name.split_once('/').is_some_and(|(first, _)| first == group)
    })
}

/// A snapshot from a text that is known to be right.
fn snapshot(text: &str) -> config::Snapshot {
    match config::load("subject.toml", text.as_bytes(), None) {
        Ok(loaded) => loaded.snapshot,
        Err(problems) => panic!("the subject's own configuration is wrong:\n{problems}"),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn every_subject_has_a_name_of_its_own_and_runs_twice() {
        let mut names = HashSet::new();
        for subject in all() {
            assert!(names.insert(subject.name), "{} stands twice", subject.name);
            let mut work = (subject.prepare)();
            work();
            work();
        }
    }

    #[test]
    fn every_group_has_subjects() {
        for group in ["codec", "routing", "balancing", "histograms"] {
            assert!(of_group(group).count() > 0, "{group}");
        }
    }
}
