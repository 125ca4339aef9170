//! Connections to the server that serve several requests.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::harness::{Program, parts, server, stdout};

/// Answers with which request of which connection it was.
fn counting(closes_after: usize) -> std::net::SocketAddr {
    server(move |mut peer, n| {
        for k in 0.. {
            let head = peer.head();
            // Closing on receipt is what a server may do at any time.
            if head.is_empty() || k == closes_after {
                return;
            }
            if head.starts_with("POST") {
                peer.read(1);
            }
            match k % 3 {
                0 => peer.answer(&format!("{n}.{k}")),
                1 => peer.send(format!(
                    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\n{n}.{k}\r\n0\r\n\r\n"
                )),
                _ => peer.send("HTTP/1.1 204 No Content\r\n\r\n"),
            }
        }
    })
}

fn get(proxy: &Program) -> String {
    stdout(&proxy.curl("/", &[]))
}

fn post(proxy: &Program) -> String {
    stdout(&proxy.curl("/", &["--data", "x"]))
}

#[test]
fn one_after_the_other() {
    let proxy = Program::proxy(counting(100), &[]);
    let bodies: Vec<String> = (0..6).map(|_| get(&proxy)).collect();
    assert_eq!(bodies, ["0.0", "0.1", "", "0.3", "0.4", ""]);
}

#[test]
fn a_connection_that_was_closed_meanwhile_is_not_noticed() {
    let proxy = Program::proxy(counting(2), &[]);
    let bodies: Vec<String> = (0..6).map(|_| get(&proxy)).collect();
    assert_eq!(bodies, ["0.0", "0.1", "1.0", "1.1", "2.0", "2.1"]);
}

#[test]
fn what_must_not_be_repeated_gets_a_new_connection() {
    let proxy = Program::proxy(counting(1), &[]);
    let bodies: Vec<String> = (0..3).map(|_| post(&proxy)).collect();
    assert_eq!(bodies, ["0.0", "1.0", "2.0"]);
    // But leaves it to others.
    let proxy = Program::proxy(counting(100), &[]);
    assert_eq!(post(&proxy), "0.0");
    assert_eq!(get(&proxy), "0.1");
    assert_eq!(post(&proxy), "1.0");
}

#[test]
fn a_request_is_repeated_once_and_only_on_a_used_connection() {
    let requests = Arc::new(AtomicUsize::new(0));
    let counted = requests.clone();
    let to = server(move |mut peer, n| {
        let mut first = true;
        while !peer.head().is_empty() {
            counted.fetch_add(1, Ordering::SeqCst);
            if n > 0 || !first {
                return;
            }
            first = false;
            peer.answer("x");
        }
    });
    let proxy = Program::proxy(to, &[]);
    assert_eq!(parts(&proxy.get("/")).0, "200 OK");
    assert_eq!(parts(&proxy.get("/")).0, "502 Bad Gateway");
    assert_eq!(requests.load(Ordering::SeqCst), 3);
    assert_eq!(parts(&proxy.get("/")).0, "502 Bad Gateway");
    assert_eq!(requests.load(Ordering::SeqCst), 4);
}

/// Bytes behind an answer would be taken for the next one.
#[test]
fn a_connection_with_more_on_it_is_not_used_again() {
    let to = server(|mut peer, n| {
        peer.head();
        peer.send(format!("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n{n}HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nwrong"));
        peer.head();
    });
    let proxy = Program::proxy(to, &[]);
    for n in 0..3 {
        assert_eq!(parts(&proxy.get("/")).2, n.to_string());
    }
}
