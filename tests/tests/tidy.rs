//! The house rules, executed over this very tree: see `tests::tidy`.

use tests::program::workspace;
use tests::tidy::exceptions::EXCEPTIONS;
use tests::tidy::{Finding, rules, sources, walls, whole};

#[test]
fn every_file_obeys_every_rule() {
    let found = file_findings();
    let unexcused =
        found.iter().filter(|finding| !EXCEPTIONS.iter().any(|known| known.covers(finding)));
    assert_none(unexcused);
}

#[test]
fn every_exception_is_still_needed() {
    let found = file_findings();
    for exception in EXCEPTIONS {
        let needed = found.iter().any(|finding| exception.covers(finding));
        assert!(needed, "the list may only shrink: {exception:?}");
    }
}

#[test]
fn packages_depend_only_the_way_the_arrows_point() {
    assert_none(walls::findings(workspace()).iter());
}

#[test]
fn the_median_file_and_the_long_functions_stay_short() {
    assert_none(whole::sizes(&sources(workspace())).iter());
}

#[test]
fn every_link_between_pages_leads_somewhere() {
    assert_none(whole::dead_links(workspace()).iter());
}

fn file_findings() -> Vec<Finding> {
    sources(workspace()).iter().flat_map(rules::findings).collect()
}

fn assert_none<'a>(findings: impl Iterator<Item = &'a Finding>) {
    let lines: Vec<_> = findings.map(ToString::to_string).collect();
    assert!(lines.is_empty(), "{} findings:\n{}", lines.len(), lines.join("\n"));
}
