//! What is asked, and how.

use crate::client::{Curl, LARGE};

#[test]
fn methods_and_bodies() {
    for curl in Curl::each("methods") {
        for (args, path, answer) in [
            (&[][..], "/a", "GET /a "),
            (&["--http1.1"], "/a?b=c", "GET /a?b=c "),
            (&["--http1.0"], "/a", "GET /a "),
            (&["--http2"], "/a", "GET /a "),
            (&["--header", "Connection: close"], "/a", "GET /a "),
            (&["--header", "Connection: close, TE", "--header", "TE: trailers"], "/a", "GET /a "),
            (&["--header", "Connection: keep-alive", "--http1.0"], "/a", "GET /a "),
            (&["--data", "x=1&y"], "/a", "POST /a x=1&y"),
            (&["--data", ""], "/a", "POST /a "),
            (&["--data", "x", "--http1.0"], "/a", "POST /a x"),
            (&["--data", "x", "--header", "Expect: 100-continue"], "/a", "POST /a x"),
            (&["--data", "x", "--header", "Transfer-Encoding: chunked"], "/a", "POST /a x"),
            (
                &[
                    "--data",
                    "x",
                    "--header",
                    "Transfer-Encoding: chunked",
                    "--header",
                    "Expect: 100-continue",
                ],
                "/a",
                "POST /a x",
            ),
            (&["--get", "--data", "x=1"], "/a", "GET /a?x=1 "),
            (&["--get", "--data-urlencode", "x=a&b"], "/a", "GET /a?x=a%26b "),
            (&["--request", "DELETE"], "/a", "DELETE /a "),
            (&["--request", "PATCH", "--data", "x"], "/a", "PATCH /a x"),
            (&["--request", "PURGE"], "/a", "PURGE /a "),
            (&["--request", "M-SEARCH"], "/a", "M-SEARCH /a "),
            (&["--request", "get"], "/a", "get /a "),
            (&["--request", "GET", "--data", "x"], "/a", "GET /a x"),
            (&["--request", "OPTIONS", "--request-target", "*"], "/a", "OPTIONS * "),
            (&["--request", "CONNECT"], "/a", "Not Implemented"),
            (&["--request", "G(T"], "/a", "Bad Request"),
            (&["--request", "GET /b"], "/a", "Bad Request"),
        ] {
            assert_eq!(curl.text(args, path), answer, "{args:?}");
        }
    }
}

#[test]
fn targets() {
    for curl in Curl::each("targets") {
        for (args, path, answer) in [
            (&[][..], "/a/../b/./c", "GET /b/c "),
            (&["--path-as-is"], "/a/../b/./c", "GET /a/../b/./c "),
            (&["--path-as-is"], "/../../etc/passwd", "GET /../../etc/passwd "),
            (&[], "/caf%C3%A9", "GET /caf%C3%A9 "),
            (&["--request-target", "/caf\u{e9}"], "/", "Bad Request"),
            (&[], "//a//b", "GET //a//b "),
            (&[], "/a[b]{c}|\\", "GET /a[b]{c}|\\ "),
            (&[], "/a?b?c#d", "GET /a?b?c "),
            (&["--request-target", "/a#b"], "/", "Bad Request"),
            (&["--request-target", "a"], "/", "Bad Request"),
            (&["--request-target", "http://h/a?b"], "/", "GET http://h/a?b "),
        ] {
            assert_eq!(curl.text(args, path), answer, "{args:?} {path}");
        }
        // It encodes by itself what no target may hold, in either case.
        assert_eq!(curl.text(&[], "/caf\u{e9}").to_lowercase(), "get /caf%c3%a9 ");
        let long = format!("/{}", "a".repeat(8 * 1024));
        assert_eq!(curl.text(&[], &long), "URI Too Long");

        // As a proxy would be asked: in absolute-form, or for a tunnel.
        let proxy = curl.url("");
        let answer = curl.body(&["--proxy", &proxy, "http://example.test/a?b"]);
        assert_eq!(answer, b"GET http://example.test/a?b ");
        let args = [
            "--proxy",
            &*proxy,
            "--proxytunnel",
            "--write-out",
            "%{http_connect}",
            "http://example.test/",
        ];
        let tunnel = curl.output(&args);
        assert!(!tunnel.status.success());
        assert_eq!(tunnel.stdout, b"501");
    }
}

#[test]
fn malformed_fields() {
    for curl in Curl::each("fields") {
        let long = format!("A: {}", "b".repeat(40_000));
        for (field, answer) in [
            ("A: b", "GET /a "),
            ("A;", "GET /a "),
            ("Host: example.test:1", "GET /a "),
            ("Host:", "Bad Request"),
            ("Host;", "Bad Request"),
            ("Host: a b", "Bad Request"),
            ("Host: u@h", "Bad Request"),
            ("A B: c", "Bad Request"),
            ("A : b", "Bad Request"),
            ("\u{e9}: b", "Bad Request"),
            ("A: b\x01", "Bad Request"),
            ("A: b\nC: d", "Bad Request"),
            ("A: b\rC: d", "Bad Request"),
            ("A: b\r\n c", "Bad Request"),
            ("Content-Length: +0", "Bad Request"),
            ("Content-Length: 0, 0", "Bad Request"),
            ("Transfer-Encoding: gzip", "Not Implemented"),
            ("Transfer-Encoding: chunked, chunked", "Bad Request"),
            ("Expect: tea", "Expectation Failed"),
            (&long, "Request Header Fields Too Large"),
        ] {
            assert_eq!(curl.text(&["--header", field], "/a"), answer, "{field:.50}");
        }
    }
}

#[test]
fn head_and_reuse() {
    for curl in Curl::each("head") {
        let (large, stream, missing) =
            (curl.url("/large"), curl.url("/stream"), curl.url("/forbidden"));
        let heads = curl.body(&["--head", &large, &stream, &missing]);
        let heads = String::from_utf8(heads).unwrap();
        let heads: Vec<&str> = heads.split_terminator("\r\n\r\n").collect();
        let [large, stream, missing] = heads[..] else { panic!("{heads:?}") };
        assert!(large.contains(&format!("content-length: {}", LARGE.len())), "{large}");
        assert!(stream.contains("transfer-encoding: chunked"), "{stream}");
        assert!(missing.starts_with("HTTP/1.1 403 Forbidden\r\n"), "{missing}");
        assert!(heads.iter().all(|head| head.contains("\r\ndate: ")), "{heads:?}");

        // The port of the client's side says whether a connection served both.
        let peer = curl.url("/peer");
        let peers = |args: &[&str]| {
            let output =
                curl.output(&[args, &["--verbose", "--write-out", "\n", &peer, &peer]].concat());
            let text = String::from_utf8(output.stdout).unwrap();
            let (first, second) = text.trim_end().split_once('\n').unwrap();
            let says = String::from_utf8_lossy(&output.stderr).to_lowercase();
            let reused = says.contains("re-using existing") || says.contains("reusing existing");
            assert_eq!(reused, first == second, "{says}");
            reused
        };
        assert!(peers(&[]));
        assert!(peers(&["--http1.0", "--header", "Connection: keep-alive"]));
        assert!(peers(&["--data", "not read"]));
        assert!(!peers(&["--http1.0"]));
        assert!(!peers(&["--header", "Connection: close"]));
    }
}
