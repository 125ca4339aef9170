//! What is a request at all: lines, fields, hosts, targets, versions (RFC 9112 sections 2 to 5).

mod support;

use std::io::Read;

use greenwood_http::{Limits, Request, Server};
use support::cuts::{SMUGGLED, refused_head, settled};
use support::{TestServer, closing, refused, text};

const BAD: &str = "400 Bad Request";

fn refused_fields(fields: impl AsRef<[u8]>) {
    refused_head([b"GET / HTTP/1.1\r\nHost: h\r\n", fields.as_ref()].concat(), BAD);
}

fn answered(head: &str, request: &str) {
    settled(format!("{head}\r\n"), &[request], &closing("200 OK", &format!("{request} ")));
}

#[test]
fn two_empty_lines_are_skipped_before_a_request() {
    answered("\r\nGET /a HTTP/1.0\r\n", "GET /a");
    answered("\r\n\r\nGET /a HTTP/1.0\r\n", "GET /a");
    refused_head("\r\n\r\n\r\nGET /a HTTP/1.0\r\n", BAD);
    for line in ["\n", "\r", "\r\r\n", "\n\r\n", "\r\n\n", "\r\n\r", " \r\n", "\0\r\n"] {
        refused_head(format!("{line}GET /a HTTP/1.0\r\n"), BAD);
    }
    // Before each one, also behind a body.
    let post = "POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\n\r\nx\r\n\r\n";
    let expected = text("200 OK", "POST /a x") + &closing("200 OK", "GET /b ");
    settled(format!("{post}GET /b HTTP/1.0\r\n\r\n"), &["POST /a", "GET /b"], &expected);
    let expected = text("200 OK", "POST /a x") + &refused(BAD);
    settled(format!("{post}\r\nGET /b HTTP/1.0\r\n\r\n"), &["POST /a"], &expected);
}

#[test]
fn lines_end_in_crlf() {
    for head in [
        "GET / HTTP/1.1\nHost: h\r\n",
        "GET / HTTP/1.1\r\nHost: h\n",
        "GET / HTTP/1.1\r\nHost: h\nA: b\r\n",
        "GET / HTTP/1.1\r\nHost: h\r\nA:\n",
        "GET / HTTP/1.1\r\nHost: h\r\n\n",
        "GET / HTTP/1.1\nHost: h\n\n",
        "GET / HTTP/1.1\rHost: h\r\n",
        "GET / HTTP/1.1\r\nHost: h\rA: b\r\n",
        "GET / HTTP/1.1\r\nHost: h\r\r\n",
        "GET / HTTP/1.1\r\nHost: h\r\n\r",
    ] {
        refused_head(head, BAD);
    }
}

#[test]
fn a_request_line_is_three_words() {
    for line in [
        "GET /",
        "GET",
        "/ HTTP/1.1",
        "GET  / HTTP/1.1",
        "GET / HTTP/1.1 ",
        "GET /  HTTP/1.1",
        " GET / HTTP/1.1",
        "GET\t/ HTTP/1.1",
        "GET /\tHTTP/1.1",
        "GET / x HTTP/1.1",
        "GET / HTTP/1.1 x",
        "GET(/ / HTTP/1.1",
        "G\u{c9}T / HTTP/1.1",
        "GET: / HTTP/1.1",
        " / HTTP/1.1",
        "G\0T / HTTP/1.1",
    ] {
        refused_head(format!("{line}\r\nHost: h\r\n"), BAD);
    }
    // Methods are names as any other and their case counts (RFC 9110 section 9.1).
    answered("get /a HTTP/1.0\r\n", "get /a");
    answered("M-SEARCH!#$ /a HTTP/1.0\r\n", "M-SEARCH!#$ /a");
}

#[test]
fn fields_are_a_name_a_colon_and_text() {
    for field in [
        "A : b",
        "A\t: b",
        " A: b",
        "\tA: b",
        "A",
        "A b",
        ": b",
        ":",
        "\u{e9}: b",
        "A\0: b",
        "A(b: c",
        "A@: b",
        "A: b\0c",
        "A: \x01",
        "A: b\x08",
        "A: \x7f",
        "A: b\x1bc",
        "A: b\x0bc",
        "A:\x0cb",
    ] {
        refused_fields(format!("{field}\r\n"));
    }
    // Folded lines are no longer HTTP (RFC 9112 section 5.2), at the first field least of all.
    refused_fields("A: b\r\n c\r\n");
    refused_fields("A: b\r\n\tc\r\n");
    refused_fields("A: b\r\n \r\n");
    refused_head("GET / HTTP/1.1\r\n Host: h\r\n", BAD);
    refused_head("GET / HTTP/1.1\r\n\tx\r\nHost: h\r\n", BAD);

    let odd = "GET /a HTTP/1.0\r\nA:b\r\nA: \t b \t\r\nB:\r\nC: \t\r\n!#$%&'*+-.^_`|~: \"\\(:\r\nD: \u{e9}\r\n";
    answered(odd, "GET /a");
}

#[test]
fn a_host_is_given_once_and_names_one() {
    refused_head("GET / HTTP/1.1\r\nA: b\r\n", BAD);
    refused_head("GET / HTTP/1.1\r\nHost: h\r\nHost: h\r\n", BAD);
    refused_head("GET / HTTP/1.1\r\nHost: h\r\nhost: i\r\n", BAD);
    refused_head("GET / HTTP/1.0\r\nHost: h\r\nHOST: h\r\n", BAD);
    for host in [
        "",
        ":80",
        "a b",
        "a/b",
        "a/",
        "u@h",
        "a:b",
        "a:1:2",
        "a:-1",
        "a:+1",
        "a, b",
        "\"a\"",
        "a\\b",
        "[::1",
        "::1",
        "[]",
        "[a]",
        "[::1]x",
        "[::1%25eth0]",
        "a%",
        "a%2",
        "a%zz",
        "\u{e9}",
        "a?b",
        "a#b",
        "http://a",
    ] {
        refused_head(format!("GET / HTTP/1.1\r\nHost: {host}\r\n"), BAD);
        refused_head(format!("GET / HTTP/1.0\r\nHost: {host}\r\n"), BAD);
    }
    for host in [
        "h",
        "h:",
        "h:80",
        "127.0.0.1:8080",
        "[::1]",
        "[2001:db8::1]:80",
        "a-b_c.d~e!$&'()*+,;=",
        "%c3%A9",
    ] {
        answered(&format!("GET /a HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n"), "GET /a");
    }
    answered("GET /a HTTP/1.0\r\n", "GET /a");
}

/// RFC 9112 section 3.2.2: the target's authority counts, and a `Host` is needed all the same.
#[test]
fn an_absolute_target_counts_before_the_host() {
    let server = TestServer::start(|request: &mut Request<'_>| {
        format!("{:?} {} {:?}", request.host(), request.path(), request.query())
    });
    for (target, host, answer) in [
        ("/p?q", "h", r#"Some("h") /p Some("q")"#),
        ("//p", "h:1", r#"Some("h:1") //p None"#),
        ("http://a/p?q", "h", r#"Some("a") /p Some("q")"#),
        ("HTTP://a:1?q", "a:1", r#"Some("a:1") / Some("q")"#),
        ("https://[::1]", "h", r#"Some("[::1]") / None"#),
        ("http://a/http://b/", "h", r#"Some("a") /http://b/ None"#),
    ] {
        let raw =
            format!("GET {target} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n{SMUGGLED}");
        assert_eq!(server.exchange(&[raw.as_bytes()]), closing("200 OK", answer), "{target}");
    }
    assert_eq!(server.exchange(&[b"GET / HTTP/1.0\r\n\r\n"]), closing("200 OK", "None / None"));
    refused_head("GET http://a/ HTTP/1.1\r\n", BAD);
    refused_head("GET http://a/ HTTP/1.1\r\nHost:\r\n", BAD);
    refused_head("GET http://a/ HTTP/1.1\r\nHost: a b\r\n", BAD);
    refused_head("GET http://a/ HTTP/1.1\r\nHost: a\r\nHost: a\r\n", BAD);
}

#[test]
fn targets_have_a_form() {
    for target in [
        "a",
        "a/b",
        "?q",
        "*",
        "*/",
        "**",
        "h:80",
        "[::1]:80",
        "http:",
        "http:/",
        "http:/a",
        "http://",
        "http:///a",
        "http://:80/",
        "http://u@h/",
        "http://u:p@h/",
        "http://a b/",
        "http://a:b/",
        "http://?q",
        "ftp://h/",
        "file:///a",
        "ws://h/",
        "://h/",
        "h//",
        "/a#b",
        "/#",
        "http://h/#f",
        "/\u{e9}",
        "/a\0",
        "/\x7f",
        "/\x1f",
    ] {
        refused_head(format!("GET {target} HTTP/1.1\r\nHost: h\r\n"), BAD);
    }
    // Authority-form is CONNECT's alone, which is for proxies; asterisk-form that of OPTIONS.
    refused_head("CONNECT h:80 HTTP/1.1\r\nHost: h:80\r\n", "501 Not Implemented");
    refused_head("CONNECT / HTTP/1.1\r\nHost: h\r\n", "501 Not Implemented");
    answered("OPTIONS * HTTP/1.0\r\n", "OPTIONS *");
    refused_head("OPTIONS ** HTTP/1.1\r\nHost: h\r\n", BAD);
    refused_head("OPTIONS *?q HTTP/1.1\r\nHost: h\r\n", BAD);
    refused_head("POST * HTTP/1.1\r\nHost: h\r\n", BAD);
    // No URI, but sent by browsers; what it means is for the handler to decide.
    answered("GET /|{}\\^`\"<>[]%%zz HTTP/1.0\r\n", "GET /|{}\\^`\"<>[]%%zz");
    answered("GET /a/../../b/.%2e HTTP/1.0\r\n", "GET /a/../../b/.%2e");
}

#[test]
fn versions() {
    for version in ["HTTP/2.0", "HTTP/3.0", "HTTP/1.2", "HTTP/1.9", "HTTP/0.9", "HTTP/9.9"] {
        let head = format!("GET / {version}\r\nHost: h\r\n");
        refused_head(head, "505 HTTP Version Not Supported");
    }
    let preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n";
    refused_head(preface, "505 HTTP Version Not Supported");
    for version in [
        "http/1.1",
        "Http/1.1",
        "HTTP/1.",
        "HTTP/1",
        "HTTP/11",
        "HTTP/1.10",
        "HTTP/01.1",
        "HTTP/1,1",
        "HTTPS/1.1",
        "HTTP1.1",
        "HTTP/1.1x",
        "HTTP/ 1.1",
        "HTTP/+1.1",
        "HTTP/x.y",
    ] {
        refused_head(format!("GET / {version}\r\nHost: h\r\n"), BAD);
    }
    // A client that mistakes the port: the first bytes of a TLS handshake.
    settled(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", &[], &refused(BAD));
}

#[test]
fn expectations() {
    for expect in [
        "tea",
        "",
        "100-continue, 100-continue",
        "100-continue;q=1",
        "100",
        "200-ok",
        "\"100-continue\"",
    ] {
        let head =
            format!("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\nExpect: {expect}\r\n");
        refused_head(head, "417 Expectation Failed");
    }
    // Nothing to wait for: no interim answer.
    answered(
        "POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\nExpect: 100-Continue\r\nConnection: close\r\n",
        "POST /a",
    );
    answered("GET /a HTTP/1.0\r\nExpect: 100-continue\r\n", "GET /a");
}

/// RFC 9110 section 9.3.2. The client would take a body for the next answer, or for garbage.
#[test]
fn a_refused_head_request_has_no_body_either() {
    for (head, status, reason) in [
        ("HEAD / HTTP/1.1\r\n", 400, "Bad Request"),
        ("HEAD / HTTP/2.0\r\nHost: h\r\n", 505, "HTTP Version Not Supported"),
        ("HEAD / HTTP/1.1\r\nHost: h\r\nExpect: x\r\n", 417, "Expectation Failed"),
        ("HEAD / HTTP/1.1\r\nHost: h\r\nContent-Length: 99999999999\r\n", 413, "Payload Too Large"),
    ] {
        let whole = refused(&format!("{status} {reason}"));
        settled(format!("{head}\r\n"), &[], whole.strip_suffix(reason).unwrap());
    }
    // Only HEAD is HEAD.
    refused_head("HEADER / HTTP/1.1\r\n", BAD);
    refused_head("head / HTTP/1.1\r\n", BAD);
}

#[test]
fn every_refusal_is_dated() {
    let mut limits = Limits::default();
    limits.body_progress = std::time::Duration::from_millis(20);
    let server = TestServer::with(Server::builder().limits(limits), support::echo);
    let long = "a".repeat(40_000);
    for (raw, status) in [
        ("nonsense\r\n\r\n".to_owned(), 400),
        ("POST / HTTP/1.0\r\nContent-Length: 1\r\n\r\n".to_owned(), 408),
        ("POST / HTTP/1.0\r\nContent-Length: 99999999\r\n\r\n".to_owned(), 413),
        (format!("GET /{long} HTTP/1.0\r\n\r\n"), 414),
        ("GET / HTTP/1.0\r\nExpect: x\r\n\r\n".to_owned(), 417),
        (format!("GET / HTTP/1.0\r\nA: {long}\r\n\r\n"), 431),
        ("CONNECT h:1 HTTP/1.0\r\n\r\n".to_owned(), 501),
        ("GET / HTTP/3.0\r\n\r\n".to_owned(), 505),
    ] {
        let mut client = server.connect();
        client.send(&raw);
        let mut answer = String::new();
        client.stream.read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{answer}");
        let date = answer.split("\r\ndate: ").nth(1).unwrap().split("\r\n").next().unwrap();
        httpdate::parse_http_date(date).unwrap();
    }
}
