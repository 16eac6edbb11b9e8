//! Which route a request takes, and what the route does with it.

use tests::{Message, Origin, Proxy, Setup, on_both_engines, origin, proxy, to_routes};

/// A route that answers with its own name.
fn route(name: &str, keys: &str) -> String {
    format!("[[routes.app]]\n{keys}\nrespond = {{ status = 200, body = \"{name}\" }}\n")
}

#[test]
fn the_most_specific_host_wins_whatever_the_order() {
    on_both_engines(|engine| {
        let routes = [
            route("any", "host = \"*\""),
            route("suffix", "host = \"*.example\""),
            route("longer suffix", "host = \"*.shop.example\""),
            route("prefix", "host = \"shop.*\""),
            route("exact", "host = \"shop.example\""),
            route("port", "host = \"shop.example:8080\""),
        ];
        let proxy = proxy(engine, &to_routes(&routes.concat(), &[]));
        let wanted = [
            ("shop.example", "exact"),
            ("SHOP.Example", "exact"),
            ("shop.example:80", "exact"),
            ("shop.example:8080", "port"),
            ("a.example", "suffix"),
            ("a.b.example", "suffix"),
            ("a.shop.example", "longer suffix"),
            ("shop.test", "prefix"),
            ("example", "any"),
            ("other.test:81", "any"),
        ];
        for (host, name) in wanted {
            let answer = proxy.exchange(&format!("GET / HTTP/1.1\r\nhost: {host}\r\n\r\n"));
            assert_eq!(answer.text(), name, "host {host}");
        }
    });
}

#[test]
fn paths_match_exactly_by_prefix_by_segment_and_by_pattern() {
    on_both_engines(|engine| {
        let routes = [
            route("exact", "match = { path = \"/exact\" }"),
            route("segment", "match = { segment = \"/dir\" }"),
            route("regex", "match = { regex = \"/user/[0-9]+\" }"),
            route("prefix", "match = { prefix = \"/pre\" }"),
            route("rest", ""),
        ];
        let proxy = proxy(engine, &to_routes(&routes.concat(), &[]));
        let wanted = [
            ("/exact", "exact"),
            ("/exact?query", "exact"),
            ("/exact/more", "rest"),
            ("/dir", "segment"),
            ("/dir/x", "segment"),
            ("/dirx", "rest"),
            ("/user/17", "regex"),
            ("/user/17x", "rest"),
            ("/x/user/17", "rest"),
            ("/prefix", "prefix"),
            ("/", "rest"),
        ];
        for (path, name) in wanted {
            assert_eq!(proxy.fetch(path).text(), name, "path {path}");
        }
    });
}

#[test]
fn the_path_that_is_matched_is_the_path_that_is_forwarded() {
    on_both_engines(|engine| {
        let origin = Origin::echo();
        let routes = [
            route("admin", "match = { segment = \"/admin\" }"),
            "[[routes.app]]\nupstream = \"app\"\n".to_owned(),
        ];
        let proxy = proxy(engine, &to_routes(&routes.concat(), &[("app", &origin)]));
        for path in
            ["/admin", "/x/../admin", "/./admin", "/%61dmin", "/x/%2e%2e/admin", "/admin;a=b"]
        {
            assert_eq!(proxy.fetch(path).text(), "admin", "{path} slips past the route");
        }
        for (path, forwarded) in [("/a/./b/../c?d=/../e", "/a/c?d=/../e"), ("/%7ea%2fb", "/~a%2Fb")]
        {
            let answer = proxy.fetch(path);
            assert!(answer.text().starts_with(&format!("GET {forwarded} HTTP/1.1\n")), "{answer}");
        }
        for path in ["/..;/admin", "/%00", "/a%zz"] {
            assert_eq!(proxy.fetch(path).status(), 400, "{path} means two things");
        }
    });
}

#[test]
fn slashes_are_merged_and_unescaped_where_the_listener_says_so() {
    on_both_engines(|engine| {
        let routes = [route("admin", "match = { path = \"/a/b\" }"), route("rest", "")].concat();
        let with = |keys: &str| {
            let config = to_routes(&routes, &[]);
            proxy(
                engine,
                &config.replace("routes = \"app\"\n", &format!("routes = \"app\"\n{keys}\n")),
            )
        };
        let fetched = |proxy: &Proxy, path: &str| {
            let answer = proxy.fetch(path);
            (answer.status(), answer.text().to_owned())
        };
        let (rest, admin) = ((200, "rest".to_owned()), (200, "admin".to_owned()));
        let plain = with("");
        assert_eq!(fetched(&plain, "/a//b"), rest);
        assert_eq!(fetched(&plain, "/a%2fb"), rest);
        let merged = with("merge_slashes = true");
        assert_eq!(fetched(&merged, "//a///b"), admin);
        let unescaped = with("escaped_slashes = \"unescape\"");
        assert_eq!(fetched(&unescaped, "/a%2Fb"), admin);
        let refused = with("escaped_slashes = \"reject\"");
        assert_eq!(fetched(&refused, "/a%2fb").0, 400);
    });
}

#[test]
fn methods_headers_and_query_must_all_hold() {
    on_both_engines(|engine| {
        let header = |name: &str, condition: &str| {
            route(name, &format!("match = {{ headers = [{{ name = \"x-h\", {condition} }}] }}"))
        };
        let routes = [
            route("method", "match = { prefix = \"/m\", methods = [\"PUT\", \"DELETE\"] }"),
            route("query", "match = { query = [{ name = \"q\", exact = \"1\" }, \"r\"] }"),
            header("exact", "exact = \"one\""),
            header("prefix", "prefix = \"pre-\""),
            header("suffix", "suffix = \"-suf\""),
            header("regex", "regex = \"[a-c]{3}\""),
            header("range", "range = [10, 20]"),
            route(
                "absent",
                "match = { prefix = \"/n\", headers = [{ name = \"x-h\", invert = true }] }",
            ),
            route("rest", ""),
        ];
        let proxy = proxy(engine, &to_routes(&routes.concat(), &[]));
        let ask = |line: &str, field: &str| {
            let answer = proxy.exchange(&format!("{line} HTTP/1.1\r\nhost: test\r\n{field}\r\n"));
            answer.text().to_owned()
        };
        assert_eq!(ask("PUT /m", ""), "method");
        assert_eq!(ask("GET /m", ""), "rest");
        assert_eq!(ask("GET /?q=1&r", ""), "query");
        assert_eq!(ask("GET /?a=2&r=x&q=1", ""), "query");
        assert_eq!(ask("GET /?q=12&r", ""), "rest");
        let by_header = [
            ("one", "exact"),
            ("pre-x", "prefix"),
            ("x-suf", "suffix"),
            ("abc", "regex"),
            ("10", "range"),
            ("19", "range"),
            ("20", "rest"),
            ("abcd", "rest"),
            ("ONE", "rest"),
        ];
        for (value, name) in by_header {
            assert_eq!(ask("GET /", &format!("X-H: {value}\r\n")), name, "value {value}");
        }
        assert_eq!(ask("GET /", "x-h: nothing\r\nx-h: one\r\n"), "exact", "one line of several");
        assert_eq!(ask("GET /n", ""), "absent");
        assert_eq!(ask("GET /n", "x-h: there\r\n"), "rest");
    });
}

#[test]
fn each_listener_has_its_own_table() {
    on_both_engines(|engine| {
        let listener = |name: &str| {
            format!("[[listeners]]\nname = \"{name}\"\nlisten = \"@{name}\"\nroutes = \"{name}\"\n")
        };
        let respond = |name: &str| {
            format!("[[routes.{name}]]\nrespond = {{ status = 200, body = \"{name}\" }}\n")
        };
        let config = [listener("one"), listener("two"), respond("one"), respond("two")].concat();
        let proxy = proxy(engine, &config);
        for name in ["one", "two"] {
            let mut client = tests::Peer::connect(&proxy.address(name));
            let answer = client.send("GET / HTTP/1.1\r\nhost: test\r\n\r\n").response();
            assert_eq!(answer.text(), name);
        }
    });
}

#[test]
fn a_request_without_a_route_is_404_and_the_connection_goes_on() {
    on_both_engines(|engine| {
        let proxy = proxy(engine, &to_routes(&route("shop", "host = \"shop\""), &[]));
        let mut client = proxy.client();
        client.send("GET / HTTP/1.1\r\nhost: other\r\n\r\nGET / HTTP/1.1\r\nhost: shop\r\n\r\n");
        assert_eq!(client.response().status(), 404);
        assert_eq!(client.response().text(), "shop");
        let flagged = [("flag", "NR"), ("code", "404")];
        proxy.metrics_until("the flag is NR", |metrics| {
            metrics.sum("outrigger_requests_total", &flagged) == 1.0
        });
    });
}

#[test]
fn a_split_follows_its_weights() {
    on_both_engines(|engine| {
        let (v1, v2) = (Origin::saying("v1"), Origin::saying("v2"));
        let routes = r#"
            [[routes.app]]
            [[routes.app.split]]
            upstream = "v1"
            weight = 90
            response_headers = { set = { x-branch = "one" } }
            [[routes.app.split]]
            upstream = "v2"
            weight = 10
        "#;
        let proxy = proxy(engine, &to_routes(routes, &[("v1", &v1), ("v2", &v2)]));
        let mut client = proxy.client();
        let requests = 4000;
        let mut to_v2 = 0;
        for _ in 0..requests {
            let answer = client.send("GET / HTTP/1.1\r\nhost: test\r\n\r\n").response();
            let branch = answer.field("x-branch");
            assert_eq!(branch, (answer.text() == "v1").then_some("one"), "{answer}");
            to_v2 += usize::from(answer.text() == "v2");
        }
        // Five standard deviations of a fair 10 %.
        assert!((305..=495).contains(&to_v2), "{to_v2} of {requests} went to v2");
    });
}

#[test]
fn redirects_change_what_they_name_and_keep_the_rest() {
    on_both_engines(|engine| {
        let redirect = |path: &str, keys: &str| {
            format!("[[routes.app]]\nmatch = {{ prefix = \"{path}\" }}\nredirect = {{ {keys} }}\n")
        };
        let routes = [
            redirect("/host", "host = \"new.example\""),
            redirect("/tls", "scheme = \"https\", status = 308"),
            redirect("/path", "path = \"/else\", status = 302"),
            redirect("/old", "prefix = \"/new\", strip_query = true, status = 307"),
        ];
        let proxy = proxy(engine, &to_routes(&routes.concat(), &[]));
        let wanted = [
            ("/host/a?b=c", 301, "http://new.example/host/a?b=c"),
            ("/tls?q", 308, "https://test/tls?q"),
            ("/path?q", 302, "http://test/else?q"),
            ("/old/a?q", 307, "http://test/new/a"),
        ];
        for (path, status, location) in wanted {
            let answer = proxy.fetch(path);
            assert_eq!(
                (answer.status(), answer.field("location")),
                (status, Some(location)),
                "{path}"
            );
        }
    });
}

#[test]
fn a_direct_response_has_status_body_and_changed_headers() {
    on_both_engines(|engine| {
        let respond = "[[routes.app]]\nrespond = { status = 503, body = \"closed\" }\n\
                       response_headers = { set = { retry-after = \"60\" } }\n";
        let proxy = proxy(engine, &to_routes(respond, &[]));
        let answer = proxy.fetch("/");
        assert_eq!((answer.status(), answer.text()), (503, "closed"));
        assert_eq!(answer.field("retry-after"), Some("60"));
    });
}

#[test]
fn a_direct_response_leaves_an_unread_body_behind_and_the_connection_in_step() {
    on_both_engines(|engine| {
        let proxy = proxy(engine, &to_routes(&route("direct", ""), &[]));
        let mut client = proxy.client();
        client.send("POST / HTTP/1.1\r\nhost: test\r\ncontent-length: 5\r\n\r\nhello");
        assert_eq!(client.response().text(), "direct");
        client.send("GET / HTTP/1.1\r\nhost: test\r\n\r\n");
        assert_eq!(client.response().text(), "direct");
    });
}

#[test]
fn rewrites_change_path_and_host_and_keep_the_query() {
    on_both_engines(|engine| {
        let origin = Origin::echo();
        let rewrite = |path: &str, keys: &str| {
            format!(
                "[[routes.app]]\nmatch = {{ prefix = \"{path}\" }}\nrewrite = {{ {keys} }}\n\
                 upstream = \"app\"\n"
            )
        };
        let routes = [
            rewrite("/whole", "path = \"/other\""),
            rewrite("/api/", "prefix = \"/\""),
            rewrite("/user/", "regex = \"/user/([0-9]+)\", substitution = '/u?id=\\1'"),
            rewrite("/host", "host = \"inner:81\""),
        ];
        let proxy = proxy(engine, &to_routes(&routes.concat(), &[("app", &origin)]));
        let line =
            |path: &str| proxy.fetch(path).text().lines().next().unwrap_or_default().to_owned();
        assert_eq!(line("/whole/a?b=c"), "GET /other?b=c HTTP/1.1");
        assert_eq!(line("/api/v1/x?y"), "GET /v1/x?y HTTP/1.1");
        let host = proxy.fetch("/host");
        assert!(host.text().to_lowercase().contains("\nhost: inner:81\n"), "{host}");
        assert!(!host.text().contains("host: test"), "{host}");
    });
}

#[test]
fn headers_are_removed_set_and_added_both_ways() {
    on_both_engines(|engine| {
        let origin = Origin::answering(|request| {
            let body = origin::described(request);
            let length = body.len();
            format!("HTTP/1.1 200 OK\r\nx-secret: s\r\ncontent-length: {length}\r\n\r\n{body}")
                .into()
        });
        let routes = r#"
            [[routes.app]]
            name = "shop"
            upstream = "app"
            [routes.app.request_headers]
            remove = ["x-gone"]
            set = { x-set = "%REQ(:path)%" }
            add = { x-many = "two" }
            [routes.app.response_headers]
            remove = ["x-secret"]
            set = { x-route = "%ROUTE_NAME%", x-up = "%UPSTREAM_CLUSTER%" }
            add = { x-more = "100%%" }
        "#;
        let proxy = Setup::new(engine).workers(1).start(&to_routes(routes, &[("app", &origin)]));
        let answer: Message = proxy.exchange(
            "GET /p?q HTTP/1.1\r\nhost: test\r\nX-Gone: a\r\nx-gone: b\r\n\
             X-Set: old\r\nx-many: one\r\n\r\n",
        );
        let arrived = answer.text().to_lowercase();
        assert!(!arrived.contains("x-gone"), "{arrived}");
        assert!(arrived.contains("x-set: /p?q\n") && !arrived.contains("old"), "{arrived}");
        assert!(
            arrived.contains("x-many: one\n") && arrived.contains("x-many: two\n"),
            "{arrived}"
        );
        assert_eq!(answer.field("x-secret"), None);
        assert_eq!(answer.field("x-route"), Some("shop"));
        assert_eq!(answer.field("x-up"), Some("app"));
        assert_eq!(answer.field("x-more"), Some("100%"));
    });
}

#[test]
fn an_operator_without_a_value_is_a_dash() {
    on_both_engines(|engine| {
        let routes = r#"
            [[routes.app]]
            respond = { status = 200, body = "ok" }
            response_headers = { set = { x-told = "%REQ(:authority)% %REQ(x-none)%" } }
        "#;
        let proxy = proxy(engine, &to_routes(routes, &[]));
        let answer = proxy.exchange("GET / HTTP/1.0\r\n\r\n");
        assert_eq!(answer.field("x-told"), Some("- -"), "{answer}");
    });
}
