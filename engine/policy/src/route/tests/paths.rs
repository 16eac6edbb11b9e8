//! Path patterns (Envoy's `path`, `prefix`, `path_separated_prefix`, `safe_regex`).

use config::pattern::PathMatch;

use super::{check, check_targets};
use crate::fixture::{exact, prefix, regex, route, segment, table};

#[test]
fn an_exact_path_is_the_whole_path_and_nothing_else() {
    check_targets(
        &table(vec![route("it", exact("/a/b"))]),
        &[
            ("/a/b", Some("it")),
            ("/a/b?c", Some("it")),
            ("/a/b;x=1", Some("it")),
            ("/a/./b", Some("it")),
            ("/%61/b", Some("it")),
            ("/a/b/", None),
            ("/A/b", None),
            ("/a/bc", None),
            ("/a", None),
            ("/", None),
        ],
    );
}

#[test]
fn a_prefix_ends_anywhere() {
    check_targets(
        &table(vec![route("it", prefix("/dir"))]),
        &[
            ("/dir", Some("it")),
            ("/dir/", Some("it")),
            ("/dir/x", Some("it")),
            ("/dirx", Some("it")),
            ("/dir?x", Some("it")),
            ("/x/../dir", Some("it")),
            ("/di", None),
            ("/Dir", None),
            ("/x/dir", None),
            ("/dir/../x", None),
            ("/x?/dir", None),
        ],
    );
}

#[test]
fn a_segment_prefix_ends_between_segments() {
    check_targets(
        &table(vec![route("it", segment("/dir"))]),
        &[
            ("/dir", Some("it")),
            ("/dir/", Some("it")),
            ("/dir/x", Some("it")),
            ("/dir?x", Some("it")),
            ("/dir;v=1/x", Some("it")),
            ("/dir\\x", Some("it")),
            ("/dirx", None),
            ("/dir.x", None),
            ("/dir%2Fx", None),
            ("/di", None),
            ("/", None),
        ],
    );
}

#[test]
fn the_root_as_a_segment_matches_every_path() {
    check_targets(
        &table(vec![route("it", segment("/"))]),
        &[("/", Some("it")), ("/a", Some("it")), ("/a/b", Some("it")), ("//", Some("it"))],
    );
}

#[test]
fn a_regex_holds_for_the_whole_path() {
    check_targets(
        &table(vec![route("it", PathMatch::Regex(regex("/v[0-9]+/.*|/b")))]),
        &[
            ("/v1/", Some("it")),
            ("/v22/x/y", Some("it")),
            ("/v1/x?q", Some("it")),
            ("/b", Some("it")),
            ("/v1", None),
            ("/vx/", None),
            ("/a/v1/x", None),
            ("/bc", None),
            ("/x?/b", None),
        ],
    );
}

#[test]
fn the_prefix_of_all_paths_takes_the_asterisk_too() {
    let one = table(vec![route("it", prefix("/"))]);
    check(&one, &[("OPTIONS", "a", "*", &[], Some("it")), ("GET", "a", "/", &[], Some("it"))]);
    let other = table(vec![route("it", prefix("/a"))]);
    check(&other, &[("OPTIONS", "a", "*", &[], None)]);
}

#[test]
fn parameters_open_no_way_around_a_route() {
    let table = table(vec![route("guarded", segment("/admin")), route("open", prefix("/"))]);
    check_targets(
        &table,
        &[
            ("/admin;x/secret", Some("guarded")),
            ("/admin;/secret", Some("guarded")),
            ("/open/../admin", Some("guarded")),
            ("/open;x/../admin", Some("guarded")),
            ("/%61dmin", Some("guarded")),
            ("/open/%2e%2e/admin", Some("guarded")),
            ("/administrator", Some("open")),
        ],
    );
}
