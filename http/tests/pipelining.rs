//! Requests that arrive together are answered in order and together.

mod support;

use std::io::Read;
use std::sync::mpsc;

use greenwood_http::{Request, Server};
use support::{BACKENDS, TestServer, closing, echo, text};

#[test]
fn one_write_answers_all() {
    for backend in BACKENDS {
        let server = TestServer::with(Server::builder().backend(backend), echo);
        let mut client = server.connect();
        let (mut requests, mut expected) = (String::new(), String::new());
        for i in 0..16 {
            requests += &format!("GET /{i} HTTP/1.1\r\nHost: h\r\n\r\n");
            expected += &text("200 OK", &format!("GET /{i} "));
        }
        // On loopback one write arrives as one segment, and so does the answer.
        client.send(&requests);
        assert_eq!(client.read_once(), expected);
    }
}

#[test]
fn more_than_any_buffer() {
    const REQUESTS: usize = 20_000;
    let server = TestServer::start(|request: &mut Request<'_>| request.path().to_owned());
    let mut client = server.connect();
    let mut reader = client.stream.try_clone().unwrap();
    let requests: String = (0..REQUESTS)
        .map(|i| format!("GET /{i} HTTP/1.1\r\nHost: h\r\n\r\n"))
        .chain(["GET /last HTTP/1.0\r\n\r\n".to_owned()])
        .collect();
    let read = std::thread::spawn(move || {
        let mut answers = String::new();
        reader.read_to_string(&mut answers).map(|_| answers)
    });
    client.send(requests);
    let answers = read.join().unwrap().unwrap();
    let mut bodies = answers.split("\r\n\r\n").skip(1);
    for i in 0..REQUESTS {
        let body = bodies.next().unwrap();
        assert!(body.starts_with(&format!("/{i}HTTP/1.1 200 OK")), "{i}: {body}");
    }
    assert_eq!(bodies.next(), Some("/last"));
}

#[test]
fn answers_do_not_wait_for_the_next_requests_body() {
    let server = TestServer::start(echo);
    let mut client = server.connect();
    client.send("GET /a HTTP/1.1\r\nHost: h\r\n\r\nPOST /b HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nx");
    client.until("GET /a ");
    client.send("yz");
    client.until("POST /b xyz");
}

#[test]
fn answers_do_not_wait_for_a_slow_stream() {
    struct Gate(mpsc::Receiver<()>);
    impl Read for Gate {
        fn read(&mut self, _: &mut [u8]) -> std::io::Result<usize> {
            let _ = self.0.recv();
            Ok(0)
        }
    }
    let (open, gate) = mpsc::channel();
    let gate = std::sync::Mutex::new(Some(Gate(gate)));
    let server = TestServer::with(
        Server::builder().backend(greenwood_http::Backend::Threads),
        move |request: &mut Request<'_>| match request.path() {
            "/stream" => {
                greenwood_http::ResponseBody::from_reader(gate.lock().unwrap().take().unwrap())
            }
            _ => "plain".into(),
        },
    );
    let mut client = server.connect();
    client.send("GET /a HTTP/1.1\r\nHost: h\r\n\r\nGET /stream HTTP/1.1\r\nHost: h\r\n\r\n");
    client.until("plain");
    client.until("transfer-encoding: chunked\r\n\r\n");
    open.send(()).unwrap();
    client.until("0\r\n\r\n");
}

#[test]
fn close_ends_the_pipeline() {
    let server = TestServer::start(echo);
    let raw = b"GET /a HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\nGET /b HTTP/1.1\r\nHost: h\r\n\r\n";
    assert_eq!(server.exchange(&[raw]), closing("200 OK", "GET /a "));
}
