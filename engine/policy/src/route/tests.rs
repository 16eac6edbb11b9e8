//! Tables and requests against the routes that Envoy would choose.

mod hosts;
mod order;
mod paths;
mod shares;
mod values;

use config::snapshot::RouteTable;

use super::find;
use crate::fixture::Request;

/// A request (method, host, target, fields) and the name of the route that it takes.
type Case<'a> = (&'a str, &'a str, &'a str, &'a [(&'a str, &'a str)], Option<&'a str>);

#[track_caller]
fn check(table: &RouteTable, cases: &[Case<'_>]) {
    for &(method, host, target, fields, expected) in cases {
        let request = Request::new(method, host, target, fields);
        let found = find(table, &request.view()).map(|ix| &*table.route(ix).name);
        assert_eq!(found, expected, "{method} {target} at {host:?} with {fields:?}");
    }
}

/// As [`check`], for GET requests that differ in their target only.
#[track_caller]
fn check_targets(table: &RouteTable, cases: &[(&str, Option<&str>)]) {
    for &(target, expected) in cases {
        check(table, &[("GET", "a", target, &[], expected)]);
    }
}
