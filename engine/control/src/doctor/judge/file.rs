//! The file: whether it loads, whether its changes are seen, whether its addresses can be had.

use rustix::io::Errno;

use super::super::facts::{Facts, File, Owner, Refused, Tried};
use super::super::finding::Finding;
use super::counted;

pub(super) fn file(facts: &Facts) -> Vec<Finding> {
    let Some(File { name, wants, warnings, .. }) = &facts.file else { return Vec::new() };
    vec![match (wants, *warnings) {
        (Ok(_), 0) => Finding::ok("file", format!("{name} is good")),
        (Ok(_), count) => {
            let says = format!("{name} can be served, and has {}", counted(count, "warning"));
            Finding::warn("file", says).remedy(format!("outrigger check {name}"))
        }
        (Err(why), _) => {
            Finding::fail("file", format!("{name}: {why}; the process does not start"))
                .remedy(format!("outrigger check {name}"))
        }
    }]
}

pub(super) fn watch(facts: &Facts) -> Finding {
    let inotify = &facts.inotify;
    let show = |max: Option<u64>| max.map_or("?".to_owned(), |max| max.to_string());
    let limits = format!(
        "fs.inotify.max_user_instances is {}, max_user_watches {}",
        show(inotify.instances_max),
        show(inotify.watches_max)
    );
    if facts.file.as_ref().is_some_and(|file| file.is_mount) {
        let says = "the file is a mount of its own: Kubernetes never changes what a subPath \
                    shows, so a change of the ConfigMap does not arrive";
        let remedy = "mount the directory: volumeMounts without subPath";
        return Finding::warn("watch", says).remedy(remedy);
    }
    match &inotify.watch {
        Ok(()) => Finding::ok("watch", format!("changes are told at once ({limits})")),
        Err(why) => Finding::warn(
            "watch",
            format!("no watch: {why}; changes are seen within a second all the same ({limits})"),
        )
        .remedy(
            "sysctl -w fs.inotify.max_user_instances=1024 (on the node: it counts per user), and \
             read permission on the file's directory",
        ),
    }
}

pub(super) fn access_log(facts: &Facts) -> Option<Finding> {
    let (path, result) = facts.file.as_ref()?.access_log.as_ref()?;
    Some(match result {
        Ok(()) => Finding::ok("access log", format!("{path} can be written")),
        Err(why) => {
            let says = format!("{path}: {why}; lines wait, and then drop, until it can be written");
            let remedy = match *why {
                Errno::ISDIR => "name a file in this directory",
                Errno::NOENT => "make the directory",
                _ => "give this user the right to write there",
            };
            Finding::warn("access log", says).remedy(remedy)
        }
    })
}

pub(super) fn addresses(facts: &Facts) -> Vec<Finding> {
    let tried = facts.file.iter().flat_map(|file| &file.addresses);
    tried.map(address).collect()
}

fn address(Tried { about, address, outcome }: &Tried) -> Finding {
    let Err(Refused { error, remedy, owner }) = outcome else {
        return Finding::ok(about, format!("{address} can be had"));
    };
    let finding = match owner {
        Some(Owner { pid, runs_the_file: true, .. }) => {
            let says = format!(
                "{address} is held by outrigger, pid {pid}, which runs with this file, as it \
                 should; a second one does not start beside it"
            );
            return Finding::ok(about, says);
        }
        Some(Owner { pid, name, .. }) => {
            let says = format!("{error}: held by {name}, pid {pid}");
            let remedy = format!("change `listen`, or end {name} if it is not wanted");
            return Finding::fail(about, says).remedy(remedy);
        }
        None => Finding::fail(about, error.as_str()),
    };
    match remedy {
        Some(remedy) => finding.remedy(remedy),
        None => finding,
    }
}
