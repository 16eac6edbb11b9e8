//! What is written is read, what is shown can be written, and nothing panics.

use proptest::prelude::*;

use super::*;
use crate::access_log::{JSON, LineFormat};
use crate::snapshot::Address;
use crate::template::{Operator, Piece, RequestField, RequestName};

#[test]
fn durations_are_numbers_with_units() {
    for (text, millis) in [
        ("250ms", 250),
        ("1.5s", 1500),
        ("1m30s", 90_000),
        ("0s", 0),
        ("2h", 7_200_000),
        ("0.5h", 1_800_000),
    ] {
        assert_eq!(duration(text), Ok(millis), "{text}");
    }
    for text in ["", "5", "s", "5 s", "1.0001s", "-1s", "1s ", "1e3s", "5d", "1.s", ".5s", "１s"] {
        assert!(duration(text).is_err(), "{text}");
    }
}

#[test]
fn a_number_too_large_is_out_of_range_and_does_not_wrap() {
    assert_eq!(duration("99999999999999999999999h"), Ok(u64::MAX));
    assert_eq!(size("99999999999999999999999GiB"), Ok(u64::MAX));
    let wrong = within(u64::MAX, &(1..=10), |count| count.to_string()).unwrap_err();
    assert_eq!(wrong.message, "18446744073709551615 is out of range: 1 to 10");
}

#[test]
fn sizes_are_numbers_with_units() {
    for (text, bytes) in
        [("64KiB", 65_536), ("60kB", 60_000), ("512B", 512), ("1.5MiB", 1_572_864), ("0B", 0)]
    {
        assert_eq!(size(text), Ok(bytes), "{text}");
    }
    for text in ["", "64", "KiB", "64 KiB", "64K", "64kb", "0.5B", "-1B"] {
        assert!(size(text).is_err(), "{text}");
    }
}

#[test]
fn patterns_match_whole_values_and_only_those() {
    let pattern = |text| pattern(text, true).map(|pattern| pattern.0);
    let alternatives = pattern("a|b").unwrap();
    assert!(alternatives.is_match(b"a") && !alternatives.is_match(b"ax"));
    assert!(!alternatives.is_match(b"xb") && !alternatives.is_match(b"a\n"));
    assert!(pattern(".").unwrap().is_match(b"\xe9"), "values are bytes");
    assert!(pattern("a)|(b").is_err(), "the user's brackets do not close ours");
    assert!(pattern("(a{500}){500}").is_err(), "a pattern's size is bounded");
    assert!(pattern("(?x)a # comment").is_err(), "a comment does not swallow the anchor");
}

#[test]
fn substitutions_are_translated_from_envoys_syntax() {
    let pattern = pattern("^/(v[0-9])/(.*)$", false).unwrap();
    let text = substitution(r"/\2/\1$x\\y\0", &pattern).unwrap();
    assert_eq!(text, r"/${2}/${1}$$x\y${0}");
    assert_eq!(pattern.0.replace(b"/v1/a", text.as_bytes()).as_ref(), br"/a/v1$x\y/v1/a");
    assert!(substitution(r"\3", &pattern).is_err());
    assert!(substitution("\\", &pattern).is_err());
}

#[test]
fn templates_have_literals_and_operators() {
    let pieces = template("a%REQ(X-B)%%%c%PROTOCOL%").unwrap().pieces;
    assert_eq!(
        pieces,
        [
            Piece::Literal(b"a"[..].into()),
            Piece::Operator(Operator::Request(RequestField {
                name: RequestName::Other("x-b".into()),
                or: None
            })),
            Piece::Literal(b"%c"[..].into()),
            Piece::Operator(Operator::Protocol),
        ]
    );
    assert_eq!(template("").unwrap().pieces, []);
    for text in ["%", "100%", "%NOPE%", "%REQ()%", "%REQ(a b)%", "a\r\nb", "a\0", " a", "%REQ(:x)%"]
    {
        assert!(template(text).is_err(), "{text:?}");
    }
}

#[test]
fn hosts_are_lower_case_patterns() {
    for text in ["Shop.Example", "*.Example", "shop.*", "*", "[::1]:80", "10.0.0.1:80", "a_b"] {
        assert_eq!(host(text).unwrap().as_ref(), text.to_lowercase());
    }
    for text in ["", "a*b", "*.*", "*a", "a.*.b", "*.", ".*", "*.a:80", "a:", "a:b", "a:70000"] {
        assert!(host(text).is_err(), "{text}");
    }
    for text in ["http://a", "a/b", "a b", "é", "[::g]", "::1", "a:+80", "a\n"] {
        assert!(host(text).is_err(), "{text}");
        assert!(target_host(text).is_err(), "{text}");
    }
}

#[test]
fn paths_are_as_the_router_sees_them() {
    assert_eq!(path("/a/b.c;d=1/%2F"), Ok("/a/b.c;d=1/%2F"));
    for text in ["", "a", "/a?b", "/a#b", "/a/../b", "/.", "/a b", "/é", "/a\0"] {
        assert!(path(text).is_err(), "{text:?}");
    }
}

#[test]
fn the_nearest_name_is_found_and_a_far_one_is_not() {
    let names = || ["timeout", "idle_timeout", "upstream", "a"];
    assert_eq!(nearest("timout", names()), Some("timeout"));
    assert_eq!(nearest("idle-timeout", names()), Some("idle_timeout"));
    assert_eq!(nearest("Upstreams", names()), Some("upstream"));
    assert_eq!(nearest("x", names()), None);
    assert_eq!(nearest("", names()), None);
    assert_eq!(nearest("retries", names()), None);
}

proptest! {
    #[test]
    fn a_duration_shown_can_be_written(millis in 0..1u64 << 50) {
        prop_assert_eq!(duration(&show_duration(millis)), Ok(millis));
    }

    #[test]
    fn a_size_shown_can_be_written(number in 0..1u64 << 20, shift in 0..20) {
        let bytes = number << shift;
        prop_assert_eq!(size(&show_size(bytes)), Ok(bytes));
    }

    #[test]
    fn an_address_shown_can_be_written(ip: std::net::IpAddr, port: u16, file in "[a-z]{1,20}") {
        let inet = Address::Inet(std::net::SocketAddr::new(ip, port));
        prop_assert_eq!(listen(&inet.to_string()), Ok(inet));
        let unix = Address::Unix(std::path::Path::new(&format!("/{file}")).into());
        prop_assert_eq!(listen(&unix.to_string()), Ok(unix));
    }

    #[test]
    fn no_text_panics(text in any::<String>()) {
        let _ = (duration(&text), size(&text), listen(&text), endpoint(&text), host(&text));
        let _ = (target_host(&text), path(&text), template(&text), field_name(&text));
        let _ = (log_format(&text), log_template(&text), file(&text));
        let _ = (method(&text), name(&text), pseudonym(&text), quote(&text), field_value(&text));
        if let Ok(pattern) = pattern(&text, true) {
            let _ = substitution(&text, &pattern);
        }
    }

    #[test]
    fn text_made_of_what_values_have_does_not_panic(
        text in "[0-9.msh*:%\\\\()REQ\\[\\]/KiB \u{e9}-]{0,20}",
    ) {
        let _ = (duration(&text), size(&text), listen(&text), endpoint(&text), host(&text));
        let _ = (template(&text), pattern(&text, false));
    }
}

#[test]
fn a_line_of_the_log_knows_more_than_a_header() {
    let piece = |text: &str| log_template(text).unwrap().pieces.remove(0);
    for text in ["%START_TIME%", "%RESPONSE_CODE%", "%RESP(x)%", "%RESP(X-A?X-B)%", "%DURATION%"] {
        assert!(matches!(piece(text), Piece::Operator(Operator::Outcome(_))), "{text}");
        assert!(template(text).is_err(), "{text} in a header");
    }
    let name = RequestField { name: RequestName::OriginalPath, or: Some(RequestName::Path) };
    assert_eq!(
        piece("%REQ(X-ENVOY-ORIGINAL-PATH?:PATH)%"),
        Piece::Operator(Operator::Request(name))
    );
    for text in ["%RESP(:path)%", "%REQ(a?b?c)%", "%REQ(a?)%", "a\nb%PROTOCOL%"] {
        assert!(log_template(text).is_err(), "{text:?}");
    }
    assert_eq!(log_template("%PROTOCOL%\n"), log_template("%PROTOCOL%"), "Envoy's line feed");
}

#[test]
fn the_formats_of_the_log_are_templates() {
    let LineFormat::Text { template, .. } = log_format("envoy").unwrap() else { panic!("a text") };
    let operators = template.pieces.iter().filter(|piece| matches!(piece, Piece::Operator(_)));
    assert_eq!(operators.count(), 15);
    let LineFormat::Json(members) = log_format("json").unwrap() else { panic!("members") };
    assert_eq!((&*members[0].lead, members.len()), (&b"{\"start_time\":\""[..], JSON.len()));
    assert!(log_format("%RESPONSE_CODE%").is_ok() && log_format("jason").is_err());
}
