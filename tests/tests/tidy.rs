//! The house rules, executed over this very tree: see `tests::tidy`.

use tests::program::workspace;
use tests::tidy::exceptions::EXCEPTIONS;
use tests::tidy::{Finding, rules, sources, walls, whole};

#[test]
fn every_file_obeys_every_rule() {
    assert_none(&file_findings());
}

#[test]
fn packages_depend_only_the_way_the_arrows_point() {
    assert_none(&walls::findings(workspace()));
}

#[test]
fn every_exception_is_still_needed() {
    let found = [file_findings(), walls::findings(workspace())].concat();
    for exception in EXCEPTIONS {
        let needed = found.iter().any(|finding| exception.covers(finding));
        assert!(needed, "the list may only shrink: {exception:?}");
    }
}

#[test]
fn the_median_file_and_the_long_functions_stay_short() {
    assert_none(&whole::sizes(&sources(workspace())));
}

#[test]
fn every_link_between_pages_leads_somewhere() {
    assert_none(&whole::dead_links(workspace()));
}

fn file_findings() -> Vec<Finding> {
    sources(workspace()).iter().flat_map(rules::findings).collect()
}

/// Fails with every finding that no exception covers.
#[track_caller]
fn assert_none(findings: &[Finding]) {
    let is_excused = |finding: &Finding| EXCEPTIONS.iter().any(|known| known.covers(finding));
    let lines = findings.iter().filter(|finding| !is_excused(finding)).map(ToString::to_string);
    let lines: Vec<_> = lines.collect();
    assert!(lines.is_empty(), "{} findings:\n{}", lines.len(), lines.join("\n"));
}
