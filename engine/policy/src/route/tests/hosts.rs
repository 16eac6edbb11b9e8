//! Which host pattern wins (Envoy's `VirtualHost.domains`).

use config::snapshot::{Route, RouteTable};

use super::check;
use crate::fixture::{exact, host, route, table};

fn check_hosts(table: &RouteTable, cases: &[(&str, Option<&str>)]) {
    for &(host, expected) in cases {
        check(table, &[("GET", host, "/", &[], expected)]);
    }
}

#[test]
fn the_most_specific_pattern_wins() {
    let patterns = [
        "*",
        "shop.*",
        "shop.example.*",
        "*.example",
        "*.shop.example",
        "*-eu.shop.example",
        "shop.example",
        "shop.example:8080",
        "*.example:8443",
        "[::1]",
        "[::1]:81",
        "10.0.0.1",
    ];
    check_hosts(
        &table(patterns.map(host).into()),
        &[
            ("shop.example", Some("shop.example")),
            ("SHOP.Example", Some("shop.example")),
            ("shop.example:80", Some("shop.example")),
            ("shop.example:8080", Some("shop.example:8080")),
            ("Shop.Example:8080", Some("shop.example:8080")),
            ("shop.example.", Some("shop.example")),
            ("shop.example.:80", Some("shop.example")),
            ("shop.example:", Some("shop.example")),
            ("a.shop.example", Some("*.shop.example")),
            ("a.b.shop.example", Some("*.shop.example")),
            ("A.SHOP.EXAMPLE:99", Some("*.shop.example")),
            ("a-eu.shop.example", Some("*-eu.shop.example")),
            ("-eu.shop.example", Some("*.shop.example")),
            ("other.example", Some("*.example")),
            ("other.example.", Some("*.example")),
            ("other.example:8443", Some("*.example:8443")),
            ("other.example:8444", Some("*.example")),
            ("shop.example.org", Some("shop.example.*")),
            ("shop.org", Some("shop.*")),
            ("SHOP.org:80", Some("shop.*")),
            ("shop.", Some("*")),
            ("shop..", Some("*")),
            (".example", Some("*")),
            ("example", Some("*")),
            ("notshop.org", Some("*")),
            ("[::1]", Some("[::1]")),
            ("[::1]:80", Some("[::1]")),
            ("[::1]:81", Some("[::1]:81")),
            ("[::2]", Some("*")),
            ("10.0.0.1:8080", Some("10.0.0.1")),
            ("10.0.0.11", Some("*")),
            ("", Some("*")),
        ],
    );
}

#[test]
fn a_request_without_a_matching_host_has_no_route() {
    let cases = [("a", Some("a")), ("b", None), ("", None), ("aa", None), ("a.b", None)];
    check_hosts(&table(vec![host("a")]), &cases);
}

#[test]
fn the_routes_of_a_less_specific_host_do_not_step_in() {
    let shop = Route { hosts: vec!["shop.example".into()], ..route("shop", exact("/shop")) };
    let table = table(vec![host("*"), host("*.example"), shop]);
    check(
        &table,
        &[
            ("GET", "shop.example", "/shop", &[], Some("shop")),
            ("GET", "shop.example", "/other", &[], None),
            ("GET", "else.example", "/other", &[], Some("*.example")),
        ],
    );
}

#[test]
fn a_route_may_have_several_hosts() {
    let hosts = ["a", "b.*", "*.c"].map(Box::from).into();
    let table = table(vec![Route { hosts, ..host("one") }, host("*")]);
    let cases = [("a", Some("one")), ("b.x", Some("one")), ("x.c", Some("one")), ("d", Some("*"))];
    check_hosts(&table, &cases);
}

#[test]
fn a_host_that_is_no_text_or_too_long_falls_to_the_wildcard() {
    let long = "a".repeat(300);
    let suffixed = format!("{long}.example");
    let table = table(vec![host("*"), host("a"), host("*.example")]);
    check_hosts(&table, &[("ä", Some("*")), (&long, Some("*")), (&suffixed, Some("*.example"))]);
}

#[test]
fn a_port_is_only_digits_behind_the_last_colon() {
    let table = table(vec![host("a"), host("*")]);
    check_hosts(&table, &[("a:80", Some("a")), ("a:80x", Some("*")), ("a:b:80", Some("*"))]);
}
