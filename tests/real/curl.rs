//! curl through the proxy: downloads, uploads, versions, Unix sockets.

use std::fs;

use tests::proxy::ConfigFile;
use tests::{Address, Origin, Proxy, Setup, on_both_engines, origin, proxy, to_origin, to_routes};

use crate::nginx::Nginx;
use crate::programs::run;

#[test]
fn a_file_of_32_mib_arrives_whole() {
    let nginx = Nginx::start("hello");
    let content = pattern(32 << 20);
    nginx.add_file("large", &content);
    let received = ConfigFile::new("");
    on_both_engines(|engine| {
        let proxy = proxy(engine, &to_nginx(&nginx));
        let output = received.beside("large");
        let url = url(&proxy, "/files/large");
        let code =
            run("curl", ["-sS", "-w", "%{http_code}", "-o", &output.to_string_lossy(), &url]);
        assert_eq!(code, "200");
        assert!(fs::read(output).expect("curl wrote it") == content, "the file changed");
    });
}

#[test]
fn head_ranges_and_conditions_are_nginxs_own() {
    let nginx = Nginx::start("hello");
    nginx.add_file("small", b"0123456789");
    on_both_engines(|engine| {
        let proxy = proxy(engine, &to_nginx(&nginx));
        let url = url(&proxy, "/files/small");
        let head = run("curl", ["-sSI", &url]).to_lowercase();
        assert!(head.contains("200 ok") && head.contains("content-length: 10"), "{head}");
        assert_eq!(run("curl", ["-sS", "-r", "2-4", &url]), "234");
        let tag = head.lines().find_map(|line| line.strip_prefix("etag: ")).expect("an etag");
        let condition = format!("if-none-match: {}", tag.trim());
        let code = run("curl", ["-sS", "-w", "%{http_code}", "-H", &condition, &url]);
        assert_eq!(code, "304");
    });
}

#[test]
fn uploads_of_every_framing_arrive_whole() {
    let files = ConfigFile::new("");
    let upload = files.beside("upload");
    fs::write(&upload, pattern(3 << 20)).expect("the temporary directory is writable");
    let from = format!("@{}", upload.display());
    on_both_engines(|engine| {
        let origin = Origin::answering(|request| {
            let intact = request.body == pattern(3 << 20);
            origin::ok(&format!("{} {intact}", request.body.len()))
        });
        let proxy = proxy(engine, &to_origin(&origin));
        let url = url(&proxy, "/");
        let expected = format!("{} true", 3 << 20);
        let length = ["-sS", "-H", "expect:", "--data-binary", &from, &url];
        assert_eq!(run("curl", length), expected);
        let chunked = ["-sS", "-H", "transfer-encoding: chunked", "-H", "expect:", "--data-binary"];
        assert_eq!(run("curl", chunked.into_iter().chain([from.as_str(), &url])), expected);
    });
}

#[test]
fn an_upload_that_asks_first_is_answered_by_the_origin() {
    on_both_engines(|engine| {
        let origin = Origin::scripted(|peer, _| {
            assert_eq!(peer.head().field("expect"), Some("100-continue"));
            peer.send("HTTP/1.1 100 Continue\r\n\r\n");
            peer.bytes(5);
            peer.send(origin::ok("asked"));
        });
        let proxy = proxy(engine, &to_origin(&origin));
        let arguments =
            ["-sS", "-H", "expect: 100-continue", "--expect100-timeout", "8", "-d", "hello"];
        let url = url(&proxy, "/");
        assert_eq!(run("curl", arguments.into_iter().chain([url.as_str()])), "asked");
    });
}

#[test]
fn old_clients_and_connections_kept_are_served() {
    let nginx = Nginx::start("hello");
    on_both_engines(|engine| {
        let proxy = proxy(engine, &to_nginx(&nginx));
        let url = url(&proxy, "/");
        assert_eq!(run("curl", ["-sS", "--http1.0", &url]), "hello");
        let told = run("curl", ["-sS", "-w", " %{num_connects};", &url, &url, &url]);
        assert_eq!(told, "hello 1;hello 0;hello 0;");
    });
}

#[test]
fn a_unix_socket_is_as_good_as_a_port() {
    let nginx = Nginx::start("hello");
    let files = ConfigFile::new("");
    on_both_engines(|engine| {
        let path = files.beside("proxy.sock");
        let listen = Address::Unix(path.clone());
        let config = to_nginx(&nginx).replace("\"@in\"", &format!("\"{listen}\""));
        let _proxy = Setup::new(engine).start(&config);
        let path = path.to_string_lossy().into_owned();
        assert_eq!(run("curl", ["-sS", "--unix-socket", &path, "http://test/"]), "hello");
    });
}

fn to_nginx(nginx: &Nginx) -> String {
    let routes = "[[routes.app]]\nupstream = \"app\"\n";
    let upstream = format!("[upstreams.app]\nendpoints = [\"{}\"]\n", nginx.address());
    to_routes(&format!("{routes}{upstream}"), &[])
}

fn url(proxy: &Proxy, path: &str) -> String {
    format!("http://{}{path}", proxy.address("in"))
}

fn pattern(length: usize) -> Vec<u8> {
    (0..length).map(|ix| (ix % 251) as u8).collect()
}
