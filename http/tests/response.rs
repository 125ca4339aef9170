//! Answers: their framing, their heads, and what breaks them off.

mod support;

use std::io::{self, Read};

use greenwood_http::http::{HeaderValue, Method, StatusCode, header};
use greenwood_http::{IntoResponse, Request, Response, ResponseBody, Server};
use support::{BACKENDS, TestServer, closing, refused, text};

/// Yields its parts one read at a time, then fails or ends.
struct Parts {
    parts: std::vec::IntoIter<&'static str>,
    fails: bool,
}

fn parts<const N: usize>(parts: [&'static str; N], fails: bool) -> Parts {
    Parts { parts: Vec::from(parts).into_iter(), fails }
}

impl Read for Parts {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        match self.parts.next() {
            Some(part) => {
                let n = part.len().min(into.len());
                into[..n].copy_from_slice(&part.as_bytes()[..n]);
                Ok(n)
            }
            None if self.fails => Err(io::ErrorKind::Other.into()),
            None => Ok(0),
        }
    }
}

fn handler(request: &mut Request<'_>) -> Response {
    let stream = |body| Response::new(StatusCode::OK).with_body(body);
    match request.path() {
        "/stream" => stream(ResponseBody::from_reader(parts(["abc", "0123456789abcdef!"], false))),
        "/sized" => stream(ResponseBody::from_sized_reader(parts(["abc", "def"], false), 5)),
        "/short" => stream(ResponseBody::from_sized_reader(parts(["abc"], false), 5)),
        "/fails" => stream(ResponseBody::from_reader(parts(["abc"], true))),
        "/204" => "x".into_response().with_status(StatusCode::NO_CONTENT),
        "/304" => "x".into_response().with_status(StatusCode::NOT_MODIFIED),
        "/100" => "x".into_response().with_status(StatusCode::CONTINUE),
        "/liar" => "x"
            .into_response()
            .with_header(header::CONTENT_LENGTH, HeaderValue::from_static("99"))
            .with_header(header::TRANSFER_ENCODING, HeaderValue::from_static("chunked")),
        _ if request.method() == Method::HEAD => "only its length".into_response(),
        _ => "x".into_response(),
    }
}

fn get(path: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: h\r\n\r\n")
}

#[test]
fn unknown_length_is_chunked_in_1_1() {
    for backend in BACKENDS {
        let server = TestServer::with(Server::builder().backend(backend), handler);
        let mut client = server.connect();
        client.send(get("/stream"));
        assert_eq!(
            client.until("\r\n0\r\n\r\n"),
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n\
             0003\r\nabc\r\n0011\r\n0123456789abcdef!\r\n0\r\n\r\n"
        );
        client.send(get("/x"));
        assert_eq!(client.until("\r\n\r\nx"), text("200 OK", "x"));
    }
}

#[test]
fn unknown_length_is_close_delimited_in_1_0() {
    let server = TestServer::start(handler);
    assert_eq!(
        server.exchange(&[b"GET /stream HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"]),
        "HTTP/1.1 200 OK\r\nconnection: close\r\n\r\nabc0123456789abcdef!"
    );
}

#[test]
fn a_sized_reader_is_cut_to_its_size() {
    let server = TestServer::start(handler);
    let mut client = server.connect();
    client.send(get("/sized") + &get("/x"));
    assert_eq!(client.until("abcde"), "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nabcde");
    assert_eq!(client.until("\r\n\r\nx"), text("200 OK", "x"));
}

#[test]
fn an_incomplete_body_breaks_the_connection() {
    let server = TestServer::start(handler);
    let raw = get("/short") + &get("/x");
    assert_eq!(
        server.exchange(&[raw.as_bytes()]),
        "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nabc"
    );
    assert_eq!(
        server.exchange(&[get("/fails").as_bytes()]),
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n0003\r\nabc\r\n"
    );
}

#[test]
fn head_has_the_fields_and_no_body() {
    let server = TestServer::start(handler);
    let mut client = server.connect();
    client.send("HEAD /y HTTP/1.1\r\nHost: h\r\n\r\nHEAD /stream HTTP/1.1\r\nHost: h\r\n\r\n");
    assert_eq!(
        client.until("\r\n\r\n"),
        text("200 OK", "only its length").replace("only its length", "")
    );
    assert_eq!(client.until("\r\n\r\n"), "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n");
    client.send("GET /x HTTP/1.0\r\n\r\n");
    assert_eq!(client.rest(), closing("200 OK", "x"));
}

#[test]
fn statuses_without_body() {
    let server = TestServer::start(handler);
    let mut client = server.connect();
    client.send(get("/204") + &get("/304") + &get("/x"));
    let kind = "content-type: text/plain; charset=utf-8\r\n\r\n";
    assert_eq!(client.until("\r\n\r\n"), format!("HTTP/1.1 204 No Content\r\n{kind}"));
    assert_eq!(client.until("\r\n\r\n"), format!("HTTP/1.1 304 Not Modified\r\n{kind}"));
    assert_eq!(client.until("\r\n\r\nx"), text("200 OK", "x"));
}

/// Whatever stands before and behind: an answer that ends elsewhere than its client thinks would be seen in the next one.
#[test]
fn answers_without_body_in_any_pipeline() {
    let head = |path: &str| get(path).replacen("GET", "HEAD", 1);
    let kind = "content-type: text/plain; charset=utf-8\r\n";
    let sized = "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n";
    let chunked = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";
    let exchanges = [
        (get("/x"), text("200 OK", "x")),
        (head("/x"), text("200 OK", "only its length").replace("only its length", "")),
        (get("/sized"), sized.to_owned() + "abcde"),
        (head("/sized"), sized.to_owned()),
        (head("/short"), sized.to_owned()),
        (head("/stream"), chunked.to_owned()),
        (head("/fails"), chunked.to_owned()),
        (get("/204"), format!("HTTP/1.1 204 No Content\r\n{kind}\r\n")),
        (head("/204"), format!("HTTP/1.1 204 No Content\r\n{kind}\r\n")),
        (get("/304"), format!("HTTP/1.1 304 Not Modified\r\n{kind}\r\n")),
        (head("/304"), format!("HTTP/1.1 304 Not Modified\r\n{kind}\r\n")),
        (head("/100"), text("500 Internal Server Error", "").replace(": 0", ": 21")),
    ];
    let last = (get("/x").replacen("1.1", "1.0", 1), closing("200 OK", "x"));
    let server = TestServer::start(handler);
    for first in &exchanges {
        for second in &exchanges {
            let raw = [&*first.0, &second.0, &last.0].concat();
            let expected = [&*first.1, &second.1, &last.1].concat();
            assert_eq!(server.exchange(&[raw.as_bytes()]), expected, "{raw}");
        }
    }
}

#[test]
fn handlers_do_not_frame() {
    let server = TestServer::start(handler);
    let mut client = server.connect();
    client.send(get("/liar") + &get("/100"));
    assert_eq!(client.until("\r\n\r\nx"), text("200 OK", "x"));
    let answer = client.until("Internal Server Error\r\n");
    assert_eq!(answer, "HTTP/1.1 500 Internal Server Error\r\n");
}

#[test]
fn every_answer_is_dated() {
    let server = TestServer::start(handler);
    for raw in [get("/x"), "nonsense\r\n\r\n".to_owned(), get("/100")] {
        let mut client = server.connect();
        client.send(&raw);
        let mut bytes = vec![0; 4096];
        let n = client.stream.read(&mut bytes).unwrap();
        let answer = String::from_utf8_lossy(&bytes[..n]).into_owned();
        let date = answer.split("\r\ndate: ").nth(1).unwrap().split("\r\n").next().unwrap();
        httpdate::parse_http_date(date).unwrap();
    }
}

#[test]
fn a_long_answer_arrives_whole() {
    let server = TestServer::start(|_: &mut Request<'_>| vec![b'z'; 5_000_000]);
    let answer = server.exchange(&[b"GET / HTTP/1.0\r\n\r\n"]);
    assert!(answer.ends_with(&"z".repeat(5_000_000)));
}

fn produced(request: &mut Request<'_>) -> Response {
    use std::io::Write;
    let body = match request.path() {
        "/sized" => ResponseBody::from_sized_writer(|out| out.write_all(b"abcde"), 5),
        "/short" => ResponseBody::from_sized_writer(|out| out.write_all(b"abc"), 5),
        "/long" => ResponseBody::from_sized_writer(|out| out.write_all(b"abcdef"), 5),
        "/longer" => ResponseBody::from_sized_writer(
            |out| {
                out.write_all(b"abcde")?;
                // Like a writer in between that is dropped.
                let _ = out.write_all(b"f");
                Ok(())
            },
            5,
        ),
        "/fails" => ResponseBody::from_writer(|out| {
            out.write_all(b"abc")?;
            out.flush()?;
            Err(io::ErrorKind::Other.into())
        }),
        "/panics" => ResponseBody::from_writer(|_| panic!("on purpose")),
        "/late" => ResponseBody::from_writer(|out| {
            // More than is gathered before something goes out.
            out.write_all(&[b'z'; 100_000])?;
            Err(io::ErrorKind::Other.into())
        }),
        "/flushed" => ResponseBody::from_writer(|out| {
            out.flush()?;
            out.write_all(b"abc")?;
            out.flush()?;
            out.flush()?;
            out.write_all(b"de")?;
            out.write_all(b"f")
        }),
        "/numbers" => {
            ResponseBody::from_writer(|out| (0..100_000).try_for_each(|n| writeln!(out, "{n}")))
        }
        _ => "x".into(),
    };
    Response::new(StatusCode::OK).with_body(body)
}

#[test]
fn written_bodies_are_framed_as_they_are_flushed() {
    for backend in BACKENDS {
        let server = TestServer::with(Server::builder().backend(backend), produced);
        let mut client = server.connect();
        client.send(get("/flushed") + &get("/sized"));
        assert_eq!(
            client.until("\r\n0\r\n\r\n"),
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n\
             0003\r\nabc\r\n0003\r\ndef\r\n0\r\n\r\n"
        );
        assert_eq!(client.until("abcde"), "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nabcde");
        client.send("HEAD /panics HTTP/1.0\r\n\r\n");
        assert_eq!(client.rest(), "HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n");
    }
}

/// As long as the client has nothing of it, there is a better answer; and what came before gets through.
#[test]
fn a_written_body_that_breaks_its_promise_ends_the_connection() {
    for backend in BACKENDS {
        let server = TestServer::with(Server::builder().backend(backend), produced);
        let chunked = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";
        for path in ["/short", "/long", "/longer", "/panics"] {
            let got = server.exchange(&[(get("/x") + &get(path) + &get("/x")).as_bytes()]);
            let plain = "HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\nx".to_owned();
            assert_eq!(got, plain + &refused("500 Internal Server Error"), "{path}");
        }
        let got = server.exchange(&[(get("/fails") + &get("/x")).as_bytes()]);
        assert_eq!(got, format!("{chunked}0003\r\nabc\r\n"));
        let got = server.exchange(&[(get("/late") + &get("/x")).as_bytes()]);
        assert!(got.starts_with(chunked) && !got.contains("\r\n0\r\n"), "{}", got.len());
        assert!(!got.contains("500"));
    }
}

#[test]
fn a_long_written_body_arrives_whole() {
    let server = TestServer::start(produced);
    let expected: String = (0..100_000).map(|n| format!("{n}\n")).collect();
    let plain = server.exchange(&[b"GET /numbers HTTP/1.0\r\n\r\n"]);
    assert!(plain.split_once("\r\n\r\n").unwrap().1 == expected);
    let raw = b"GET /numbers HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n";
    let answer = server.exchange(&[raw]);
    let mut rest = answer.split_once("\r\n\r\n").unwrap().1;
    let mut body = String::new();
    loop {
        let (size, tail) = rest.split_once("\r\n").unwrap();
        let size = usize::from_str_radix(size, 16).unwrap();
        if size == 0 {
            break;
        }
        body += &tail[..size];
        rest = tail[size..].strip_prefix("\r\n").unwrap();
    }
    assert!(body == expected);
}
