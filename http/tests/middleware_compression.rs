//! Which answers are compressed, and that they hold what they should.
#![cfg(feature = "compression")]

mod support;

use std::io::{self, Read, Write};
use std::sync::Mutex;
use std::sync::mpsc::{Receiver, channel};

use flate2::read::{GzDecoder, ZlibDecoder};
use greenwood_http::files::File;
use greenwood_http::http::{HeaderName, HeaderValue, StatusCode, header};
use greenwood_http::middleware::{Compression, Middleware};
use greenwood_http::{Backend, IntoResponse, Request, Response, ResponseBody, Router, Server};
use support::{BACKENDS, TestServer};

const TEXT: HeaderValue = HeaderValue::from_static("text/plain");

fn content() -> Vec<u8> {
    (0..20_000u64).flat_map(|i| format!("line {}\n", i * i % 1009).into_bytes()).collect()
}

fn small() -> Vec<u8> {
    content()[..2000].to_vec()
}

/// Yields less than it is asked for, and less and less.
struct Uneven(Vec<u8>);

impl Read for Uneven {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let n = into.len().div_ceil(2).min(self.0.len().div_ceil(2));
        into[..n].copy_from_slice(&self.0[..n]);
        self.0.drain(..n);
        Ok(n)
    }
}

fn with(body: impl Into<ResponseBody>) -> Response {
    Response::new(StatusCode::OK).with_header(header::CONTENT_TYPE, TEXT).with_body(body)
}

fn router() -> Router {
    let set = |name: HeaderName, value: &'static str| {
        move || with(small()).with_header(name.clone(), HeaderValue::from_static(value))
    };
    Router::new()
        .get("/small", || with(small()))
        .get("/large", || with(content()))
        .get("/static", || with("tree ".repeat(500)))
        .get("/reader", || with(ResponseBody::from_reader(Uneven(content()))))
        .get("/sized", || {
            let length = content().len() as u64;
            with(ResponseBody::from_sized_reader(Uneven(content()), length))
        })
        .get("/writer", || {
            with(ResponseBody::from_writer(|out| {
                content()
                    .chunks(777)
                    .try_for_each(|chunk| out.write_all(chunk).and_then(|()| out.flush()))
            }))
        })
        .get("/sized-writer", || {
            with(ResponseBody::from_sized_writer(
                |out| out.write_all(&content()),
                content().len() as u64,
            ))
        })
        .get("/tiny", || with("tiny"))
        .get("/empty", || with(""))
        .get("/untyped", || Response::new(StatusCode::OK).with_body(small()))
        .get("/image", set(header::CONTENT_TYPE, "image/png"))
        .get("/events", set(header::CONTENT_TYPE, "text/event-stream"))
        .get("/coded", set(header::CONTENT_ENCODING, "br"))
        .get("/digest", set(HeaderName::from_static("content-digest"), "sha-256=:x:"))
        .get("/fixed", set(header::CACHE_CONTROL, "max-age=1, No-Transform"))
        .get("/cached", set(header::CACHE_CONTROL, "max-age=1"))
        .get("/tagged", || {
            with(small())
                .with_header(header::ETAG, HeaderValue::from_static("\"a\""))
                .with_header(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"))
        })
        .get("/part", || with(small()).with_status(StatusCode::PARTIAL_CONTENT))
        .get("/none", || with(small()).with_status(StatusCode::NO_CONTENT))
        .get("/same", || {
            StatusCode::NOT_MODIFIED
                .into_response()
                .with_header(header::ETAG, HeaderValue::from_static("\"a\""))
        })
        .get("/error", || with(small()).with_status(StatusCode::NOT_FOUND))
}

fn serve(backend: Backend, middleware: impl Middleware) -> TestServer {
    let routes = router().with(middleware).build().unwrap();
    TestServer::serving(Server::builder().backend(backend), routes)
}

struct Answer {
    head: String,
    body: Vec<u8>,
}

impl Answer {
    fn field(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
    }

    fn decoded(&self) -> Vec<u8> {
        let mut whole = Vec::new();
        match self.field("content-encoding") {
            Some("gzip") => GzDecoder::new(&*self.body).read_to_end(&mut whole).unwrap(),
            Some("deflate") => ZlibDecoder::new(&*self.body).read_to_end(&mut whole).unwrap(),
            _ => self.body.as_slice().read_to_end(&mut whole).unwrap(),
        };
        whole
    }
}

/// In HTTP/1.0, so that the body is not chunked.
fn ask(server: &TestServer, line: &str, accept: &str) -> Answer {
    let mut client = server.connect();
    client.send(format!("{line} HTTP/1.0\r\nAccept-Encoding: {accept}\r\n\r\n"));
    let mut bytes = Vec::new();
    client.stream.read_to_end(&mut bytes).unwrap();
    let end = bytes.windows(4).position(|w| w == b"\r\n\r\n").unwrap() + 4;
    let head = String::from_utf8(bytes[..end].to_vec()).unwrap();
    Answer { head, body: bytes[end..].to_vec() }
}

#[test]
fn every_kind_of_body() {
    for backend in BACKENDS {
        let server = serve(backend, Compression::new());
        for (coding, accept) in [("gzip", "gzip"), ("deflate", "br, deflate")] {
            for (path, expected) in [
                ("/small", small()),
                ("/static", "tree ".repeat(500).into_bytes()),
                ("/large", content()),
                ("/reader", content()),
                ("/sized", content()),
                ("/writer", content()),
                ("/sized-writer", content()),
                ("/error", small()),
                ("/cached", small()),
            ] {
                let answer = ask(&server, &format!("GET {path}"), accept);
                assert_eq!(answer.field("content-encoding"), Some(coding), "{path}");
                assert_eq!(answer.field("vary"), Some("accept-encoding"), "{path}");
                assert!(answer.body.len() < expected.len(), "{path}");
                assert!(answer.decoded() == expected, "{path}");
                let known = answer.field("content-length").map(|n| n.parse().unwrap());
                let at_once = expected.len() < 64 * 1024;
                assert_eq!(known, at_once.then_some(answer.body.len()), "{path}");
                // HEAD has the same fields.
                let head = ask(&server, &format!("HEAD {path}"), accept);
                let undated = |answer: &Answer| -> Vec<String> {
                    let lines = answer.head.lines().filter(|line| !line.starts_with("date"));
                    lines.map(str::to_owned).collect()
                };
                assert_eq!(undated(&head), undated(&answer), "{path}");
                assert!(head.body.is_empty());
            }
        }
    }
}

#[test]
fn what_stays_as_it_is() {
    let server = serve(Backend::Green, Compression::new());
    // Another client would get these compressed.
    for accept in ["", "identity", "br", "gzip;q=0", "gzip;q=0.1, identity"] {
        let answer = ask(&server, "GET /small", accept);
        assert_eq!(
            (answer.field("content-encoding"), answer.field("vary")),
            (None, Some("accept-encoding"))
        );
        assert!(answer.body == small());
    }
    for path in
        ["/tiny", "/empty", "/untyped", "/image", "/events", "/digest", "/fixed", "/part", "/none"]
    {
        let answer = ask(&server, &format!("GET {path}"), "gzip");
        assert_eq!(
            (answer.field("content-encoding"), answer.field("vary")),
            (None, None),
            "{path}"
        );
    }
    let answer = ask(&server, "GET /coded", "gzip");
    assert_eq!((answer.field("content-encoding"), answer.field("vary")), (Some("br"), None));
    // Who refuses anything else gets small and packed things compressed too, but nothing that must not be.
    for (path, coding) in [
        ("/tiny", Some("gzip")),
        ("/image", Some("gzip")),
        ("/empty", None),
        ("/fixed", None),
        ("/part", None),
    ] {
        let answer = ask(&server, &format!("GET {path}"), "gzip, identity;q=0");
        assert_eq!(answer.field("content-encoding"), coding, "{path}");
    }
    // Who refuses everything gets what there is.
    assert!(ask(&server, "GET /small", "*;q=0").body == small());
}

#[test]
fn validators() {
    let server = serve(Backend::Green, Compression::new());
    let fields = |line: &str, accept: &str| {
        let answer = ask(&server, line, accept);
        ["etag", "accept-ranges", "vary"].map(|name| answer.field(name).map(str::to_owned))
    };
    let some = |text: &str| Some(text.to_owned());
    let vary = some("accept-encoding");
    assert_eq!(fields("GET /tagged", "gzip"), [some("W/\"a\""), None, vary.clone()]);
    assert_eq!(fields("GET /tagged", ""), [some("\"a\""), some("bytes"), vary.clone()]);
    assert_eq!(fields("GET /same", "gzip"), [some("W/\"a\""), None, vary.clone()]);
    assert_eq!(fields("GET /same", ""), [some("\"a\""), None, vary]);
}

#[test]
fn files() {
    let path = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("compression.txt");
    std::fs::write(&path, content()).unwrap();
    for backend in BACKENDS {
        let path = path.clone();
        let handler =
            move |request: &mut Request<'_>| File::open(&path).map(|file| file.respond(request));
        let routes = Router::new().get("/", handler).with(Compression::new()).build().unwrap();
        let server = TestServer::serving(Server::builder().backend(backend), routes);
        let answer = ask(&server, "GET /", "gzip");
        assert_eq!(answer.field("content-encoding"), Some("gzip"));
        assert!(answer.body.len() < content().len() && answer.decoded() == content());
        let tag = answer.field("etag").unwrap();
        assert!(tag.starts_with("W/\""), "{tag}");
        // The tag of the compressed file is known again.
        let answer = ask(&server, "GET /", &format!("gzip\r\nIf-None-Match: {tag}"));
        assert!(answer.head.starts_with("HTTP/1.1 304 "), "{}", answer.head);
        assert_eq!(answer.field("etag"), Some(tag));
        // Parts are parts of the file as it is.
        let answer = ask(&server, "GET /", "gzip\r\nRange: bytes=1-3000");
        assert!(answer.head.starts_with("HTTP/1.1 206 "), "{}", answer.head);
        assert!(answer.field("content-encoding").is_none() && answer.body == content()[1..=3000]);
    }
}

#[test]
fn settings() {
    let server = serve(Backend::Green, Compression::new().level(0).min_size(4));
    let answer = ask(&server, "GET /tiny", "gzip");
    // It would only become longer.
    assert_eq!(
        (answer.field("content-encoding"), answer.field("vary")),
        (None, Some("accept-encoding"))
    );
    assert_eq!(ask(&server, "GET /small", "gzip").field("content-encoding"), Some("gzip"));
    let server = serve(Backend::Green, Compression::new().min_size(2001));
    assert_eq!(ask(&server, "GET /small", "gzip").field("content-encoding"), None);
    assert_eq!(ask(&server, "GET /large", "gzip").field("content-encoding"), Some("gzip"));
}

/// Each part is there before the next one exists.
#[test]
fn streams_are_not_held_back() {
    struct Parts(Mutex<Receiver<&'static [u8]>>);
    impl Read for Parts {
        fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
            let receiver = self.0.lock().unwrap();
            let part = loop {
                match receiver.try_recv() {
                    Ok(part) => break part,
                    Err(std::sync::mpsc::TryRecvError::Empty) => {
                        greenwood_runtime::sleep(std::time::Duration::from_millis(1))
                    }
                    Err(_) => return Ok(0),
                }
            };
            into[..part.len()].copy_from_slice(part);
            Ok(part.len())
        }
    }
    for backend in BACKENDS {
        let (parts, receiver) = channel();
        let reader = Mutex::new(Some(Parts(Mutex::new(receiver))));
        let handler =
            move || with(ResponseBody::from_reader(reader.lock().unwrap().take().unwrap()));
        let routes = Router::new().get("/", handler).with(Compression::new()).build().unwrap();
        let server = TestServer::serving(Server::builder().backend(backend), routes);
        let mut client = server.connect();
        client.send("GET / HTTP/1.0\r\nAccept-Encoding: gzip\r\n\r\n");
        assert!(client.until("\r\n\r\n").contains("content-encoding: gzip\r\n"));
        let mut decoder = GzDecoder::new(&mut client);
        for part in [&b"first"[..], b"second", b"third"] {
            parts.send(part).unwrap();
            let mut received = vec![0; part.len()];
            decoder.read_exact(&mut received).unwrap();
            assert_eq!(received, part);
        }
        drop(parts);
        assert_eq!(decoder.read_to_end(&mut Vec::new()).unwrap(), 0);
    }
}

/// A body that breaks off does not look whole, neither by its framing nor by its coding.
#[test]
fn what_breaks_off_is_incomplete() {
    let broken = || {
        with(ResponseBody::from_writer(|out| {
            out.write_all(&content())?;
            out.flush()?;
            Err(io::Error::other("on purpose"))
        }))
    };
    let short = || with(ResponseBody::from_sized_reader(Uneven(content()), 1 << 40));
    let routes = Router::new().get("/broken", broken).get("/short", short).with(Compression::new());
    let server = TestServer::serving(Server::builder(), routes.build().unwrap());
    for path in ["/broken", "/short"] {
        let answer = ask(&server, &format!("GET {path}"), "gzip");
        assert_eq!(answer.field("content-encoding"), Some("gzip"));
        let error = GzDecoder::new(&*answer.body).read_to_end(&mut Vec::new()).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof, "{path}");
        let mut client = server.connect();
        client.send(format!("GET {path} HTTP/1.1\r\nHost: h\r\nAccept-Encoding: gzip\r\n\r\n"));
        let mut bytes = Vec::new();
        client.stream.read_to_end(&mut bytes).unwrap();
        assert!(!bytes.ends_with(b"\r\n0\r\n\r\n"), "{path}");
    }
}
