//! What has come goes on at once, in both directions.

use std::io::{Read, Write};
use std::sync::mpsc::channel;

use crate::harness::{Program, parts, server};

fn read(stream: &mut impl Read, end: &str) -> String {
    let mut text = Vec::new();
    while !text.ends_with(end.as_bytes()) {
        let mut byte = [0];
        stream.read_exact(&mut byte).unwrap();
        text.push(byte[0]);
    }
    String::from_utf8(text).unwrap()
}

/// The client sends the second part only when the server has had the first.
#[test]
fn requests_as_they_come() {
    let (tell, told) = channel();
    let to = server(move |mut peer, _| {
        let head = peer.head();
        let first = if head.contains("chunked") { "5\r\nfirst\r\n" } else { "first" };
        assert_eq!(peer.read(first.len()), first);
        tell.send(()).unwrap();
        let second = if head.contains("chunked") { "6\r\nsecond\r\n0\r\n\r\n" } else { "second" };
        assert_eq!(peer.read(second.len()), second);
        peer.answer("got it");
    });
    let proxy = Program::proxy(to, &[]);
    for (framing, first, second) in [
        ("Content-Length: 11", "first", "second"),
        ("Transfer-Encoding: chunked", "5\r\nfirst\r\n", "006;x\r\nsecond\r\n0\r\nT: x\r\n\r\n"),
    ] {
        let mut client = proxy.connect();
        write!(
            client,
            "PUT / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n{framing}\r\n\r\n{first}"
        )
        .unwrap();
        told.recv().unwrap();
        client.write_all(second.as_bytes()).unwrap();
        let mut answer = String::new();
        client.read_to_string(&mut answer).unwrap();
        assert_eq!(parts(&answer).2, "got it");
    }
}

/// The server sends the second part only when the client has had the first.
#[test]
fn answers_as_they_come() {
    let (tell, told) = channel::<()>();
    let told = std::sync::Mutex::new(told);
    let to = server(move |mut peer, n| {
        peer.head();
        let (head, first, second) = match n {
            0 => ("Content-Length: 11", "first", "second"),
            1 => ("Transfer-Encoding: chunked", "5\r\nfirst\r\n", "6\r\nsecond\r\n0\r\n\r\n"),
            _ => ("X: y", "first", "second"),
        };
        peer.send(format!("HTTP/1.1 200 OK\r\n{head}\r\n\r\n{first}"));
        told.lock().unwrap().recv().unwrap();
        peer.send(second);
    });
    let proxy = Program::proxy(to, &[]);
    for _ in 0..3 {
        let mut client = proxy.connect();
        client.write_all(b"GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n").unwrap();
        read(&mut client, "first");
        tell.send(()).unwrap();
        read(&mut client, "second");
    }
}

#[test]
fn a_client_that_waits_for_100_continue() {
    let to = server(|mut peer, _| {
        assert!(!peer.head().contains("xpect"));
        assert_eq!(peer.read(4), "body");
        peer.answer("got it");
    });
    let proxy = Program::proxy(to, &[]);
    let mut client = proxy.connect();
    client
        .write_all(
            b"PUT / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n",
        )
        .unwrap();
    assert_eq!(read(&mut client, "\r\n\r\n"), "HTTP/1.1 100 Continue\r\n\r\n");
    client.write_all(b"body").unwrap();
    assert!(read(&mut client, "got it").starts_with("HTTP/1.1 200 OK\r\n"));
}

/// The server refuses before it has the body, reads no more of it, and the client, who is still sending, learns of it.
#[test]
fn a_refusal_stops_the_upload() {
    let (tell, told) = channel();
    let to = server(move |mut peer, _| {
        peer.head();
        peer.send("HTTP/1.1 413 Content Too Large\r\nContent-Length: 4\r\n\r\nmuch");
        told_when_the_proxy_closes(&mut peer);
        tell.send(()).unwrap();
    });
    let proxy = Program::proxy(to, &[]);
    let mut client = proxy.connect();
    client.write_all(b"PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: 1000000000\r\n\r\n").unwrap();
    let mut sender = client.try_clone().unwrap();
    let sending = std::thread::spawn(move || while sender.write_all(&[0; 1 << 16]).is_ok() {});
    let answer = read(&mut client, "much");
    assert!(answer.starts_with("HTTP/1.1 413 "), "{answer}");
    told.recv().unwrap();
    // The proxy would take more of it for a while, so that whoever sends first and reads then gets the answer too.
    client.shutdown(std::net::Shutdown::Both).unwrap();
    sending.join().unwrap();
}

fn told_when_the_proxy_closes(peer: &mut crate::harness::Peer) {
    let _ = std::io::copy(&mut peer.0, &mut std::io::sink());
}

/// Nobody reads an answer before the whole request has been sent, but who speaks early is not cut off.
#[test]
fn an_early_answer_that_is_no_refusal_waits_for_its_turn() {
    let to = server(|mut peer, _| {
        peer.head();
        peer.send("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n");
        assert_eq!(peer.read(100_000).len(), 100_000);
        peer.send("early");
    });
    let proxy = Program::proxy(to, &[]);
    let body = "x".repeat(100_000);
    let output = proxy.curl("/", &["--data", &body]);
    assert_eq!(crate::harness::stdout(&output), "early");
}
