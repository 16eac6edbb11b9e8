//! The file's order, and methods.

use config::snapshot::Route;

use super::{check, check_targets};
use crate::fixture::{exact, prefix, regex, route, segment, table};
use config::pattern::PathMatch;

#[test]
fn the_first_route_that_matches_wins_however_specific_a_later_one_is() {
    let table = table(vec![
        route("api", prefix("/api")),
        route("api exact", exact("/api/x")),
        route("rest", prefix("/")),
        route("never", exact("/other")),
    ]);
    check_targets(
        &table,
        &[("/api/x", Some("api")), ("/other", Some("rest")), ("/", Some("rest"))],
    );
}

#[test]
fn a_route_whose_other_conditions_fail_is_passed_over() {
    let table = table(vec![
        Route { methods: vec!["POST".into()], ..route("write", segment("/api")) },
        route("versioned", PathMatch::Regex(regex("/api/v\\d+"))),
        route("read", segment("/api")),
    ]);
    check(
        &table,
        &[
            ("POST", "a", "/api/v1", &[], Some("write")),
            ("GET", "a", "/api/v1", &[], Some("versioned")),
            ("GET", "a", "/api/x", &[], Some("read")),
            ("POST", "a", "/other", &[], None),
        ],
    );
}

#[test]
fn methods_are_compared_as_they_are_written() {
    let methods = vec!["GET".into(), "PURGE".into()];
    let table = table(vec![Route { methods, ..route("it", prefix("/")) }]);
    check(
        &table,
        &[
            ("GET", "a", "/", &[], Some("it")),
            ("PURGE", "a", "/", &[], Some("it")),
            ("get", "a", "/", &[], None),
            ("HEAD", "a", "/", &[], None),
            ("GETX", "a", "/", &[], None),
        ],
    );
}

#[test]
fn an_empty_table_has_no_route() {
    check_targets(&table(Vec::new()), &[("/", None)]);
}
