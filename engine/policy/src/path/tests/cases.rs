//! Targets one by one: what is forwarded, or why it is refused. Many are bypasses that worked
//! against some proxy once; the comments name them.

use config::snapshot::EscapedSlashes::{self, Keep, Reject, Unescape};

use crate::path::PathFault::{self, *};
use crate::path::{PathOptions, normalise};

type Case = (&'static str, Result<&'static str, PathFault>);

#[track_caller]
fn check(merge_slashes: bool, escaped_slashes: EscapedSlashes, cases: &[Case]) {
    let options = PathOptions { merge_slashes, escaped_slashes };
    let mut out = b"left over".to_vec();
    for (target, expected) in cases {
        let result = normalise(target.as_bytes(), options, &mut out);
        let result = result.map(|parts| parts.target(&out).escape_ascii().to_string());
        let expected = expected.map(|text| text.as_bytes().escape_ascii().to_string());
        assert_eq!(result, expected, "{target:?} with {options:?}");
    }
}

#[test]
fn a_normal_target_is_forwarded_as_it_came() {
    for merge_slashes in [false, true] {
        for escaped_slashes in [Keep, Reject, Unescape] {
            check(
                merge_slashes,
                escaped_slashes,
                &[
                    ("/", Ok("/")),
                    ("/a", Ok("/a")),
                    ("/a/", Ok("/a/")),
                    ("/a/b.c/d~e_f-g", Ok("/a/b.c/d~e_f-g")),
                    ("/A/b", Ok("/A/b")),
                    ("/a:b@c!$&'()*+,=", Ok("/a:b@c!$&'()*+,=")),
                    ("/.well-known/x", Ok("/.well-known/x")),
                    ("/...", Ok("/...")),
                    ("/..a/b..", Ok("/..a/b..")),
                    ("/a?", Ok("/a?")),
                    ("/a?b=c&d", Ok("/a?b=c&d")),
                    ("*", Ok("*")),
                ],
            );
        }
    }
}

#[test]
fn the_path_is_absolute() {
    check(
        false,
        Keep,
        &[
            ("", Ok("/")),
            ("?a", Ok("/?a")),
            ("a", Err(NotAbsolute)),
            ("*/", Err(NotAbsolute)),
            ("*?a", Err(NotAbsolute)),
            ("\\a", Err(NotAbsolute)),
            ("%2fa", Err(NotAbsolute)),
            ("./a", Err(NotAbsolute)),
            ("http://a/", Err(NotAbsolute)),
        ],
    );
}

#[test]
fn dot_segments_are_resolved_below_the_root() {
    check(
        false,
        Keep,
        &[
            ("/.", Ok("/")),
            ("/..", Ok("/")),
            ("/../", Ok("/")),
            ("/../../../etc/passwd", Ok("/etc/passwd")),
            ("/a/.", Ok("/a/")),
            ("/a/..", Ok("/")),
            ("/a/../", Ok("/")),
            ("/a/b/..", Ok("/a/")),
            ("/a/./b", Ok("/a/b")),
            ("/a/../b", Ok("/b")),
            // RFC 3986 §5.2.4's own example.
            ("/a/b/c/./../../g", Ok("/a/g")),
            ("/a/../../b", Ok("/b")),
            ("/a/.../b", Ok("/a/.../b")),
            ("/a//../b", Ok("/a/b")),
            ("/a/..//b", Ok("//b")),
            ("/public/../admin?x=/../", Ok("/admin?x=/../")),
        ],
    );
}

#[test]
fn escaped_dots_are_dots() {
    check(
        false,
        Keep,
        &[
            ("/%2e%2e/a", Ok("/a")),
            ("/%2E%2E/a", Ok("/a")),
            ("/x/%2e./a", Ok("/a")),
            ("/x/.%2e/a", Ok("/a")),
            ("/x/%2e/a", Ok("/x/a")),
            ("/x/%2e%2e", Ok("/")),
            ("/x%2e%2e/a", Ok("/x../a")),
            // Apache httpd, CVE-2021-41773: `.%2e` was not seen as `..`.
            ("/cgi-bin/.%2e/.%2e/.%2e/bin/sh", Ok("/bin/sh")),
        ],
    );
}

#[test]
fn escapes_are_decoded_once() {
    check(
        false,
        Unescape,
        &[
            // Apache httpd, CVE-2021-42013: `%%32%65` decoded twice is a dot.
            ("/x/.%%32%65/a", Err(BadEscape)),
            ("/x/%252e%252e/a", Ok("/x/%252e%252e/a")),
            ("/x/%252E%252e%252fa", Ok("/x/%252E%252e%252fa")),
            ("/x/..%252fa", Ok("/x/..%252fa")),
            ("/%25%32%65", Ok("/%252e")),
            ("/x/%25%32%65%25%32%65/a", Ok("/x/%252e%252e/a")),
        ],
    );
}

#[test]
fn unreserved_characters_are_decoded_and_others_kept_in_upper_case() {
    check(
        false,
        Keep,
        &[
            ("/%61dmin", Ok("/admin")),
            ("/%41%7a%30%39", Ok("/Az09")),
            ("/%2d%5f%7e", Ok("/-_~")),
            ("/a%20b", Ok("/a%20b")),
            ("/%c3%bc", Ok("/%C3%BC")),
            ("/%3a%40%3f%23", Ok("/%3A%40%3F%23")),
            ("/%3ba", Ok("/%3Ba")),
            ("/%0d%0aset-cookie:x", Ok("/%0D%0Aset-cookie:x")),
            ("/%7f%09", Ok("/%7F%09")),
            ("/%5B%5d", Ok("/%5B%5D")),
        ],
    );
}

#[test]
fn bad_escapes_are_refused() {
    check(
        false,
        Keep,
        &[
            ("/%", Err(BadEscape)),
            ("/%2", Err(BadEscape)),
            ("/%zz", Err(BadEscape)),
            ("/%2g", Err(BadEscape)),
            ("/%g2", Err(BadEscape)),
            ("/%%41", Err(BadEscape)),
            ("/%+1", Err(BadEscape)),
            ("/%-1", Err(BadEscape)),
            ("/% 1", Err(Control)),
            ("/%u002e", Err(BadEscape)),
            ("/%2?e", Err(BadEscape)),
            ("/a%00b", Err(Nul)),
            ("/%00", Err(Nul)),
            ("/..%00/a", Err(Nul)),
            // The query is the application's.
            ("/a?%zz%00", Ok("/a?%zz%00")),
        ],
    );
}

#[test]
fn control_bytes_and_fragments_are_refused_everywhere() {
    check(
        false,
        Keep,
        &[
            ("/a b", Err(Control)),
            ("/a\tb", Err(Control)),
            ("/a\r\nb", Err(Control)),
            ("/a\0", Err(Control)),
            ("/a\x7f", Err(Control)),
            ("/a?b c", Err(Control)),
            ("/a?b\nc", Err(Control)),
            // Envoy, CVE-2021-32779: `/admin#` was not `/admin`.
            ("/admin#", Err(Fragment)),
            ("/admin#/../public", Err(Fragment)),
            ("/a?b#c", Err(Fragment)),
            ("#", Err(Fragment)),
        ],
    );
}

#[test]
fn escaped_slashes_are_kept_where_the_listener_keeps_them() {
    check(
        false,
        Keep,
        &[
            ("/a%2fb", Ok("/a%2Fb")),
            ("/a%5cb", Ok("/a%5Cb")),
            ("/%2Fa", Ok("/%2Fa")),
            ("/a%2f", Ok("/a%2F")),
            // Envoy, CVE-2021-29492: the application decodes what the proxy did not.
            ("/x/..%2fa", Err(Ambiguous)),
            ("/x/..%2Fa", Err(Ambiguous)),
            ("/x/%2e%2e%2fa", Err(Ambiguous)),
            ("/x%2f..%2fa", Err(Ambiguous)),
            ("/x%2f..", Err(Ambiguous)),
            ("/x%2f../a", Err(Ambiguous)),
            ("/x/.%2fa", Err(Ambiguous)),
            ("/x/..%5ca", Err(Ambiguous)),
            ("/x/%2e%2e%5ca", Err(Ambiguous)),
            ("/x%2F%2E%2E%5Ca", Err(Ambiguous)),
            ("/x/...%2fa", Ok("/x/...%2Fa")),
            ("/x/a..%2fb", Ok("/x/a..%2Fb")),
        ],
    );
}

#[test]
fn escaped_slashes_are_refused_where_the_listener_refuses_them() {
    check(
        true,
        Reject,
        &[
            ("/a%2fb", Err(EscapedSlash)),
            ("/a%2Fb", Err(EscapedSlash)),
            ("/a%5cb", Err(EscapedSlash)),
            ("/a%5C", Err(EscapedSlash)),
            ("/a%252fb", Ok("/a%252fb")),
            ("/a?%2f", Ok("/a?%2f")),
        ],
    );
}

#[test]
fn escaped_slashes_are_slashes_where_the_listener_unescapes_them() {
    check(
        false,
        Unescape,
        &[
            ("/a%2fb", Ok("/a/b")),
            ("/a%5cb", Ok("/a/b")),
            ("/x/..%2fa", Ok("/a")),
            ("/x/%2e%2e%2fa", Ok("/a")),
            ("/x%2f%2e%2e%5ca", Ok("/a")),
            ("/%2fa", Ok("//a")),
            ("/..%2f..%2f..%2fetc", Ok("/etc")),
            ("/a%2f", Ok("/a/")),
        ],
    );
    check(true, Unescape, &[("/%2fa", Ok("/a")), ("/a%2f%5Cb", Ok("/a/b"))]);
}

#[test]
fn a_backslash_is_a_slash() {
    check(
        false,
        Keep,
        &[
            ("/a\\b", Ok("/a/b")),
            ("/x\\..\\a", Ok("/a")),
            ("/x/..\\a", Ok("/a")),
            ("/..\\..\\windows", Ok("/windows")),
            ("/a?b\\c", Ok("/a?b\\c")),
        ],
    );
}

#[test]
fn slashes_are_merged_on_request() {
    check(
        false,
        Keep,
        &[("//a", Ok("//a")), ("/a//b", Ok("/a//b")), ("/a//", Ok("/a//")), ("///", Ok("///"))],
    );
    check(
        true,
        Keep,
        &[
            ("//a", Ok("/a")),
            ("/a//b", Ok("/a/b")),
            ("/a///b//", Ok("/a/b/")),
            ("///", Ok("/")),
            ("/a//../b", Ok("/b")),
            ("/a/..//b", Ok("/b")),
            ("/\\a", Ok("/a")),
            ("/a?b//c", Ok("/a?b//c")),
            ("/.//a", Ok("/a")),
        ],
    );
}

#[test]
fn path_parameters_are_forwarded_but_make_no_way_up() {
    check(
        true,
        Keep,
        &[
            ("/a;x=1", Ok("/a;x=1")),
            ("/a;x=1/b;y", Ok("/a;x=1/b;y")),
            ("/a;x/../b", Ok("/b")),
            ("/a;", Ok("/a;")),
            ("/;jsessionid=1", Ok("/;jsessionid=1")),
            ("/a/;jsessionid=1", Ok("/a/;jsessionid=1")),
            ("/a;x=..", Ok("/a;x=..")),
            ("/a;/../b", Ok("/b")),
            // Tomcat behind nginx or httpd: parameters go first, dots are resolved after.
            ("/x/..;/manager/html", Err(Ambiguous)),
            ("/x/..;a=b/manager", Err(Ambiguous)),
            ("/..;", Err(Ambiguous)),
            ("/x/.;/a", Err(Ambiguous)),
            ("/x/.;", Err(Ambiguous)),
            ("/x/%2e%2e;/a", Err(Ambiguous)),
            ("/x/..%3b/a", Err(Ambiguous)),
            ("/x/..%3Bv=1/a", Err(Ambiguous)),
            ("/x/a%2f..;b", Err(Ambiguous)),
            ("/x;a%2f..%2fb", Err(Ambiguous)),
            ("/x/...;/a", Ok("/x/...;/a")),
            // Without its parameters the segment is empty: `//admin` to one, `/admin` to another.
            ("/;/admin", Err(Ambiguous)),
            ("/;x=y/admin", Err(Ambiguous)),
            ("/%3bx/admin", Err(Ambiguous)),
            ("/x/;/a", Err(Ambiguous)),
        ],
    );
}

#[test]
fn bytes_that_are_no_ascii_are_not_interpreted() {
    // Overlong UTF-8 of `.` and `/` (IIS, CVE-2000-0884; Tomcat, CVE-2008-2938).
    check(
        true,
        Unescape,
        &[
            ("/%c0%ae%c0%ae/a", Ok("/%C0%AE%C0%AE/a")),
            ("/..%c0%afa", Ok("/..%C0%AFa")),
            ("/%e0%80%ae/a", Ok("/%E0%80%AE/a")),
            ("/..%ef%bc%8fa", Ok("/..%EF%BC%8Fa")),
            ("/ü/../a", Ok("/a")),
            ("/．．/a", Ok("/．．/a")),
        ],
    );
    let mut out = Vec::new();
    normalise(b"/\xc0\xae\xff/./a", PathOptions::default(), &mut out).unwrap();
    assert_eq!(out, b"/\xc0\xae\xff/a");
}

#[test]
fn routes_see_the_path_without_parameters() {
    let cases = [
        ("/a/b", "/a/b"),
        ("/a;x", "/a"),
        ("/a;x/b;y=1;z", "/a/b"),
        ("/;jsessionid=1", "/"),
        ("/a/;j?q=;r", "/a/"),
        ("/admin;/secret", "/admin/secret"),
        ("/a%3Bx", "/a%3Bx"),
        ("/a/./b", "/a/b"),
    ];
    let mut out = Vec::new();
    for (target, expected) in cases {
        let parts = normalise(target.as_bytes(), PathOptions::default(), &mut out).unwrap();
        assert_eq!(parts.routing_path(&out).escape_ascii().to_string(), expected, "{target}");
    }
}

#[test]
fn the_query_is_told_from_the_path() {
    let mut out = Vec::new();
    for (target, path, query) in [
        ("/a", "/a", None),
        ("/a?", "/a", Some("")),
        ("/a?b?c", "/a", Some("b?c")),
        ("/a/..?b", "/", Some("b")),
        ("/a;x?b", "/a;x", Some("b")),
    ] {
        let parts = normalise(target.as_bytes(), PathOptions::default(), &mut out).unwrap();
        assert_eq!(parts.path(&out), path.as_bytes(), "{target}");
        assert_eq!(parts.query(&out), query.map(str::as_bytes), "{target}");
    }
}
