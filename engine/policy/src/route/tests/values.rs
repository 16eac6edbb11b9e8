//! Conditions on fields (Envoy's `HeaderMatcher`) and on the query (`QueryParameterMatcher`).

use config::pattern::{HeaderMatch, ValueMatch};
use config::snapshot::{Route, RouteTable};

use super::{check, check_targets};
use crate::fixture::{header, prefix, query, regex, route, table};

fn exactly(value: &str) -> ValueMatch {
    ValueMatch::Exact(value.as_bytes().into())
}

/// A table of the route and its inverse, so that every request takes one of `holds` and `not`.
fn both_ways(value: &ValueMatch) -> RouteTable {
    let mut inverse = header("not", "x-a", value.clone());
    inverse.headers[0].invert = true;
    table(vec![header("holds", "x-a", value.clone()), inverse])
}

fn check_fields(table: &RouteTable, cases: &[(&[(&str, &str)], &str)]) {
    for &(fields, expected) in cases {
        check(table, &[("GET", "a", "/", fields, Some(expected))]);
    }
}

#[test]
fn an_exact_value_is_the_whole_value() {
    check_fields(
        &both_ways(&exactly("one")),
        &[
            (&[("x-a", "one")], "holds"),
            (&[("X-A", "one")], "holds"),
            (&[("x-a", "One")], "not"),
            (&[("x-a", "one ")], "not"),
            (&[("x-a", "")], "not"),
            (&[("x-b", "one")], "not"),
            (&[], "not"),
        ],
    );
}

#[test]
fn several_lines_are_tried_one_by_one() {
    let both = both_ways(&exactly("evil"));
    check_fields(
        &both,
        &[
            (&[("x-a", "good"), ("x-a", "evil")], "holds"),
            (&[("x-a", "evil"), ("x-a", "good")], "holds"),
            (&[("x-a", "good"), ("x-b", "evil"), ("X-a", "evil")], "holds"),
            (&[("x-a", "good"), ("x-a", "better")], "not"),
            // A list in one line is one value.
            (&[("x-a", "good, evil")], "not"),
        ],
    );
}

#[test]
fn a_field_is_present_even_if_it_is_empty() {
    check_fields(
        &both_ways(&ValueMatch::Present),
        &[(&[("x-a", "")], "holds"), (&[("x-a", "v")], "holds"), (&[("x-ab", "v")], "not")],
    );
}

#[test]
fn prefixes_and_suffixes_are_bytes_at_an_end() {
    check_fields(
        &both_ways(&ValueMatch::Prefix((*b"ab").into())),
        &[(&[("x-a", "abc")], "holds"), (&[("x-a", "ab")], "holds"), (&[("x-a", "cab")], "not")],
    );
    check_fields(
        &both_ways(&ValueMatch::Suffix((*b"bc").into())),
        &[(&[("x-a", "abc")], "holds"), (&[("x-a", "bc")], "holds"), (&[("x-a", "bcd")], "not")],
    );
}

#[test]
fn a_regex_holds_for_the_whole_value() {
    check_fields(
        &both_ways(&ValueMatch::Regex(regex("a+|b"))),
        &[
            (&[("x-a", "aaa")], "holds"),
            (&[("x-a", "b")], "holds"),
            (&[("x-a", "ab")], "not"),
            (&[("x-a", "xa")], "not"),
            (&[("x-a", "c"), ("x-a", "a")], "holds"),
        ],
    );
}

#[test]
fn a_range_is_of_integers_and_excludes_its_end() {
    check_fields(
        &both_ways(&ValueMatch::Range { start: -10, end: 10 }),
        &[
            (&[("x-a", "-10")], "holds"),
            (&[("x-a", "-11")], "not"),
            (&[("x-a", "0")], "holds"),
            (&[("x-a", "+9")], "holds"),
            (&[("x-a", "009")], "holds"),
            (&[("x-a", "10")], "not"),
            (&[("x-a", "1.5")], "not"),
            (&[("x-a", "1x")], "not"),
            (&[("x-a", "")], "not"),
            (&[("x-a", "9223372036854775808")], "not"),
            (&[("x-a", "99"), ("x-a", "5")], "holds"),
        ],
    );
}

#[test]
fn all_conditions_must_hold() {
    let mut both = header("it", "x-a", exactly("1"));
    let second = HeaderMatch { name: "x-b".into(), value: exactly("2"), invert: true };
    both.headers.push(second);
    let both = Route { methods: vec!["GET".into()], ..both };
    check(
        &table(vec![both]),
        &[
            ("GET", "a", "/", &[("x-a", "1")], Some("it")),
            ("GET", "a", "/", &[("x-a", "1"), ("x-b", "3")], Some("it")),
            ("GET", "a", "/", &[("x-a", "1"), ("x-b", "2")], None),
            ("GET", "a", "/", &[("x-b", "3")], None),
            ("PUT", "a", "/", &[("x-a", "1")], None),
        ],
    );
}

#[test]
fn what_is_no_field_goes_by_its_http2_name() {
    let rows = [(":method", "PUT"), (":path", "/p"), (":authority", "h")];
    let routes = rows.map(|(name, value)| header(name, name, exactly(value)));
    check(
        &table(routes.into()),
        &[
            ("PUT", "x", "/x", &[], Some(":method")),
            ("GET", "x", "/p?q", &[], Some(":path")),
            ("GET", "h", "/x", &[], Some(":authority")),
            ("GET", "", "/x", &[], None),
        ],
    );
}

#[test]
fn the_host_field_says_what_the_authority_says() {
    let table = table(vec![header("it", "host", exactly("real"))]);
    check(
        &table,
        &[
            ("GET", "real", "/", &[("Host", "other")], Some("it")),
            ("GET", "other", "/", &[("Host", "real")], None),
        ],
    );
}

#[test]
fn query_parameters_are_tried_one_by_one_and_not_decoded() {
    check_targets(
        &table(vec![query("it", "a", exactly("1"))]),
        &[
            ("/?a=1", Some("it")),
            ("/?b=2&a=1", Some("it")),
            ("/?a=2&a=1", Some("it")),
            ("/?a=1&", Some("it")),
            ("/?a=1=", None),
            ("/?a=%31", None),
            ("/?%61=1", None),
            ("/?A=1", None),
            ("/?aa=1", None),
            ("/?a", None),
            ("/?", None),
            ("/", None),
            ("/a=1", None),
            ("/?x=?a=1", None),
        ],
    );
}

#[test]
fn a_query_parameter_may_lack_its_value() {
    check_targets(
        &table(vec![query("present", "a", ValueMatch::Present)]),
        &[("/?a", Some("present")), ("/?a=", Some("present")), ("/?b&a", Some("present"))],
    );
    check_targets(
        &table(vec![query("empty", "a", exactly(""))]),
        &[("/?a", Some("empty")), ("/?a=", Some("empty")), ("/?a=1", None), ("/?", None)],
    );
}

#[test]
fn query_values_know_all_comparisons() {
    let rows = [
        ("prefix", ValueMatch::Prefix((*b"ab").into())),
        ("regex", ValueMatch::Regex(regex("[0-9]{3}"))),
        ("range", ValueMatch::Range { start: 5, end: 8 }),
    ];
    let mut routes: Vec<Route> = rows.map(|(name, value)| query(name, "q", value)).into();
    routes.push(route("rest", prefix("/")));
    check_targets(
        &table(routes),
        &[
            ("/?q=abc", Some("prefix")),
            ("/?q=123", Some("regex")),
            ("/?q=7", Some("range")),
            ("/?q=8", Some("rest")),
            ("/?q=1234", Some("rest")),
        ],
    );
}
