//! Malformed and ambiguous requests: what a strict proxy refuses, and how.
//!
//! Each ends in a second, well-formed request for `/smuggled`, which must reach nobody. The rules
//! are RFC 9112's unless another one is named.

/// One malformed request.
#[derive(Debug, Clone)]
pub struct Case {
    /// What is wrong with it.
    pub name: &'static str,
    /// The bytes, the smuggled request included.
    pub bytes: Vec<u8>,
    /// The proxy's answer.
    pub status: u16,
}

/// Whatever stands behind the fault.
const SMUGGLED: &str = "GET /smuggled HTTP/1.1\r\nHost: test\r\n\r\n";

/// Faults in the head: nothing at all may reach the origin.
pub fn heads() -> Vec<Case> {
    let groups =
        [framing(), lines(), fields(), hosts(), request_lines(), limits(), other_protocols()];
    groups.concat()
}

/// Faults in a chunked body: no whole request may reach the origin.
pub fn chunked_bodies() -> Vec<Case> {
    let long_extension = format!("5;{}\r\nhello\r\n0\r\n\r\n", "e".repeat(20_000));
    let long_trailer = format!("0\r\nx: {}\r\n\r\n", "t".repeat(70_000));
    let case = |name, status, body: &str| Case {
        name,
        status,
        bytes: post("Transfer-Encoding: chunked", &format!("{body}{SMUGGLED}")).into_bytes(),
    };
    vec![
        case("chunk size of no digit", 400, "\r\nhello\r\n0\r\n\r\n"),
        case("chunk size of letters", 400, "xyz\r\nhello\r\n0\r\n\r\n"),
        case("chunk size with a sign", 400, "+5\r\nhello\r\n0\r\n\r\n"),
        case("negative chunk size", 400, "-5\r\nhello\r\n0\r\n\r\n"),
        case("chunk size with 0x", 400, "0x5\r\nhello\r\n0\r\n\r\n"),
        case("space before the chunk size", 400, " 5\r\nhello\r\n0\r\n\r\n"),
        case("space behind the chunk size", 400, "5 \r\nhello\r\n0\r\n\r\n"),
        case("underscore in the chunk size", 400, "1_0\r\nhello\r\n0\r\n\r\n"),
        case("chunk size beyond 64 bits", 400, "10000000000000005\r\nhello\r\n0\r\n\r\n"),
        case("chunk size of many zeros", 400, "00000000000000000005\r\nhello\r\n0\r\n\r\n"),
        case("chunk size ended by LF", 400, "5\nhello\r\n0\r\n\r\n"),
        case("chunk size ended by CR", 400, "5\rhello\r\n0\r\n\r\n"),
        case("chunk data ended by LF", 400, "5\r\nhello\n0\r\n\r\n"),
        case("chunk data longer than its size", 400, "3\r\nhello\r\n0\r\n\r\n"),
        case("chunk data shorter than its size", 400, "7\r\nhello\r\n0\r\n\r\n"),
        case("LF in a chunk extension", 400, "5;a\nb\r\nhello\r\n0\r\n\r\n"),
        case("CR in a chunk extension", 400, "5;a\rb\r\nhello\r\n0\r\n\r\n"),
        case("NUL in a chunk extension", 400, "5;a\0b\r\nhello\r\n0\r\n\r\n"),
        case("endless chunk extension", 400, &long_extension),
        case("last chunk ended by LF", 400, "0\n\n"),
        case("trailer without colon", 400, "0\r\ntrailer\r\n\r\n"),
        case("trailer with space before its colon", 400, "0\r\nx : y\r\n\r\n"),
        case("folded trailer", 400, "0\r\nx: y\r\n z\r\n\r\n"),
        case("trailer ended by LF", 400, "0\r\nx: y\n\r\n"),
        case("NUL in a trailer", 400, "0\r\nx: y\0z\r\n\r\n"),
        case("endless trailer", 431, &long_trailer),
    ]
}

/// How long the body is (§6): where smuggling lives.
fn framing() -> Vec<Case> {
    let case = |name, status, fields: &str| of(name, status, &post(fields, "hello"));
    let mut all = vec![
        case("length and chunked", 400, "Content-Length: 5\r\nTransfer-Encoding: chunked"),
        case("chunked and length", 400, "Transfer-Encoding: chunked\r\nContent-Length: 5"),
        case("two different lengths", 400, "Content-Length: 5\r\nContent-Length: 6"),
        case("the same length twice", 400, "Content-Length: 5\r\nContent-Length: 5"),
        case("a list of lengths", 400, "Content-Length: 5, 6"),
        case("a list of equal lengths", 400, "Content-Length: 5, 5"),
        case("signed length", 400, "Content-Length: +5"),
        case("negative length", 400, "Content-Length: -5"),
        case("hexadecimal length", 400, "Content-Length: 0x5"),
        case("decimal length", 400, "Content-Length: 5.0"),
        case("length with a space inside", 400, "Content-Length: 5 5"),
        case("empty length", 400, "Content-Length:"),
        case("length beyond 64 bits", 400, "Content-Length: 18446744073709551621"),
        case("length of many digits", 400, "Content-Length: 999999999999999999999999999"),
        case("length with a vertical tab", 400, "Content-Length: \x0b5"),
        case("xchunked", 400, "Transfer-Encoding: xchunked"),
        case("identity", 400, "Transfer-Encoding: identity"),
        case("chunked twice in one field", 400, "Transfer-Encoding: chunked, chunked"),
        case("chunked twice", 400, "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked"),
        case("chunked not last", 400, "Transfer-Encoding: chunked, identity"),
        case("chunked then another", 400, "Transfer-Encoding: chunked\r\nTransfer-Encoding: x"),
        case("quoted chunked", 400, "Transfer-Encoding: \"chunked\""),
        case("chunked with a parameter", 400, "Transfer-Encoding: chunked;q=1"),
        case("chunked with a vertical tab", 400, "Transfer-Encoding: \x0bchunked"),
        case("chunked with a semicolon", 400, "Transfer-Encoding: ;chunked"),
        case("empty coding", 400, "Transfer-Encoding:"),
        case("gzip below chunked", 501, "Transfer-Encoding: gzip, chunked"),
    ];
    let old = "POST / HTTP/1.0\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n";
    all.push(of("chunked in HTTP/1.0", 400, old));
    all
}

/// What ends a line (§2.2), and what continues one (§5.2).
fn lines() -> Vec<Case> {
    let case = |name, head: &str| of(name, 400, head);
    vec![
        case("LF everywhere", "GET / HTTP/1.1\nHost: test\n\n"),
        case("LF behind the request line", "GET / HTTP/1.1\nHost: test\r\n\r\n"),
        case("LF behind a field", "GET / HTTP/1.1\r\nHost: test\nX: y\r\n\r\n"),
        case("LF as the empty line", "GET / HTTP/1.1\r\nHost: test\r\n\n"),
        case("CR in a value", "GET / HTTP/1.1\r\nHost: test\r\nX: a\rb\r\n\r\n"),
        case("CR behind a field", "GET / HTTP/1.1\r\nHost: test\rX: y\r\n\r\n"),
        case("two CRs before LF", "GET / HTTP/1.1\r\nHost: test\r\r\nX: y\r\n\r\n"),
        case("CR inside the request line", "GET /\r HTTP/1.1\r\nHost: test\r\n\r\n"),
        case("folded value", "GET / HTTP/1.1\r\nHost: test\r\nX: a\r\n b\r\n\r\n"),
        case("folded by a tab", "GET / HTTP/1.1\r\nHost: test\r\nX: a\r\n\tb\r\n\r\n"),
        case(
            "folded coding",
            "POST / HTTP/1.1\r\nHost: test\r\nTransfer-Encoding:\r\n chunked\r\n\r\n",
        ),
        case("space before the first field", "GET / HTTP/1.1\r\n X: y\r\nHost: test\r\n\r\n"),
        case("many empty lines first", &format!("{}GET / HTTP/1.1\r\n", "\r\n".repeat(1000))),
    ]
}

/// Names and values (§5, RFC 9110 §5).
fn fields() -> Vec<Case> {
    let case = |name, field: &str| of(name, 400, &with_field(field));
    vec![
        case("space before the colon", "Content-Length : 5"),
        case("space before chunked's colon", "Transfer-Encoding : chunked"),
        case("tab before the colon", "X\t: y"),
        case("no colon", "nonsense"),
        case("no name", ": y"),
        case("space in a name", "X Y: z"),
        case("parenthesis in a name", "X(Y): z"),
        case("slash in a name", "X/Y: z"),
        case("NUL in a name", "X\0Y: z"),
        case("non-ASCII name", "X\u{e9}: z"),
        case("NUL in a value", "X: a\0b"),
        case("control byte in a value", "X: a\x01b"),
        case("escape in a value", "X: \x1b[31m"),
        case("DEL in a value", "X: a\x7fb"),
        of("unknown expectation", 417, &with_field("Expect: 200-maybe")),
    ]
}

/// §3.2, RFC 9110 §7.2.
fn hosts() -> Vec<Case> {
    let case = |name, fields: &str| of(name, 400, &format!("GET / HTTP/1.1\r\n{fields}\r\n"));
    vec![
        case("no host", "X: y\r\n"),
        case("two hosts", "Host: test\r\nHost: other\r\n"),
        case("the same host twice", "Host: test\r\nHost: test\r\n"),
        case("a list of hosts", "Host: test, other\r\n"),
        case("user in the host", "Host: user@test\r\n"),
        case("path in the host", "Host: test/path\r\n"),
        case("space in the host", "Host: te st\r\n"),
        case("port that is none", "Host: test:80x\r\n"),
    ]
}

/// §3.
fn request_lines() -> Vec<Case> {
    let case =
        |name, status, line: &str| of(name, status, &format!("{line}\r\nHost: test\r\n\r\n"));
    vec![
        case("no version", 400, "GET /"),
        case("only a method", 400, "GET"),
        case("two spaces before the target", 400, "GET  / HTTP/1.1"),
        case("two spaces before the version", 400, "GET /  HTTP/1.1"),
        case("a tab as separator", 400, "GET\t/ HTTP/1.1"),
        case("space behind the version", 400, "GET / HTTP/1.1 "),
        case("space before the method", 400, " GET / HTTP/1.1"),
        case("space in the target", 400, "GET /a b HTTP/1.1"),
        case("lower-case protocol", 400, "GET / http/1.1"),
        case("version of one number", 400, "GET / HTTP/1"),
        case("version of many digits", 400, "GET / HTTP/1.10"),
        case("another protocol", 400, "GET / ICY/1.1"),
        case("HTTP/2.0 in a request line", 505, "GET / HTTP/2.0"),
        case("HTTP/1.2", 505, "GET / HTTP/1.2"),
        case("method that is no token", 400, "G@T / HTTP/1.1"),
        case("method with a colon", 400, "GET: / HTTP/1.1"),
        case("target without slash", 400, "GET foo HTTP/1.1"),
        case("target with a fragment", 400, "GET /a#b HTTP/1.1"),
        case("NUL in the target", 400, "GET /a\0b HTTP/1.1"),
        case("control byte in the target", 400, "GET /a\x01b HTTP/1.1"),
        case("non-ASCII target", 400, "GET /\u{e9} HTTP/1.1"),
        case("asterisk with GET", 400, "GET * HTTP/1.1"),
        case("authority with GET", 400, "GET test:80 HTTP/1.1"),
        case("another scheme", 400, "GET ftp://test/ HTTP/1.1"),
        case("absolute target without host", 400, "GET http:/// HTTP/1.1"),
        case("absolute target with a user", 400, "GET http://user@test/ HTTP/1.1"),
    ]
}

/// FEATURES §2: 60 KiB of head, 100 fields, 8 KiB of target.
fn limits() -> Vec<Case> {
    let long_method = format!("{} / HTTP/1.1\r\nHost: test\r\n\r\n", "M".repeat(200));
    let long_target = format!("GET /{} HTTP/1.1\r\nHost: test\r\n\r\n", "a".repeat(9000));
    vec![
        of("a method longer than any", 501, &long_method),
        of("a target longer than 8 KiB", 414, &long_target),
        of("a field longer than 60 KiB", 431, &with_field(&format!("X: {}", "y".repeat(61_440)))),
        of(
            "a cookie longer than 60 KiB",
            431,
            &with_field(&format!("Cookie: {}", "y".repeat(61_440))),
        ),
        of("101 fields", 431, &with_field(&vec!["X: y"; 100].join("\r\n"))),
        of("101 cookies", 431, &with_field(&vec!["Cookie: a=b"; 100].join("\r\n"))),
        of(
            "500 connection options",
            431,
            &with_field(&format!("Connection: {}", "a,".repeat(500))),
        ),
    ]
}

/// What is no HTTP/1.1 at all.
fn other_protocols() -> Vec<Case> {
    let tls_hello =
        b"\x16\x03\x01\x00\xf8\x01\x00\x00\xf4\x03\x03abcdefghijklmnop\r\n\r\n".to_vec();
    vec![
        of("HTTP/2's preface", 505, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
        Case { name: "a TLS hello", status: 400, bytes: tls_hello },
        of("SSH", 400, "SSH-2.0-OpenSSH_9.2\r\n\r\n"),
        of("a PROXY header", 400, "PROXY TCP4 1.2.3.4 5.6.7.8 9 10\r\n"),
        Case { name: "noise", status: 400, bytes: vec![0xff; 100] },
    ]
}

fn of(name: &'static str, status: u16, text: &str) -> Case {
    Case { name, status, bytes: format!("{text}{SMUGGLED}").into_bytes() }
}

fn with_field(field: &str) -> String {
    format!("GET / HTTP/1.1\r\nHost: test\r\n{field}\r\n\r\n")
}

fn post(field: &str, body: &str) -> String {
    format!("POST / HTTP/1.1\r\nHost: test\r\n{field}\r\n\r\n{body}")
}
