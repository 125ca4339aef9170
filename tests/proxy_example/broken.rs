//! Servers that do not do what they should.

use std::net::TcpListener;

use crate::harness::{Program, parts, says, server};

/// The status that a client of such a server gets, and what the proxy says of it.
fn status(mut proxy: Program) -> (String, String) {
    let answer = proxy.get("/a");
    (parts(&answer).0.to_owned(), proxy.complaint())
}

#[test]
fn nobody_there() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let to = listener.local_addr().unwrap();
    drop(listener);
    let (status, complaint) = status(Program::proxy(to, &[]));
    assert_eq!(status, "502 Bad Gateway");
    assert!(
        complaint.starts_with(&format!("proxy: GET /a: cannot connect to {to}: ")),
        "{complaint}"
    );
}

#[test]
fn silent() {
    let to = server(|mut peer, _| {
        assert!({
            peer.head();
            peer.is_at_end()
        })
    });
    let (status, complaint) = status(Program::proxy(to, &["--timeout", "100ms"]));
    assert_eq!(
        (&*status, &*complaint),
        ("504 Gateway Timeout", "proxy: GET /a: no answer in time")
    );
}

#[test]
fn takes_nothing() {
    let to = server(|mut peer, _| {
        peer.head();
        std::thread::sleep(crate::harness::WATCHDOG);
    });
    let mut proxy = Program::proxy(to, &["--timeout", "200ms"]);
    let file = std::env::temp_dir().join(format!("greenwood-proxy-{}", std::process::id()));
    std::fs::File::create(&file).unwrap().set_len(50 << 20).unwrap();
    let output =
        proxy.curl("/a", &["--upload-file", file.to_str().unwrap(), "--write-out", "%{http_code}"]);
    std::fs::remove_file(&file).unwrap();
    assert!(output.stdout.ends_with(b"504"), "{output:?}");
    assert_eq!(proxy.complaint(), "proxy: PUT /a: no answer in time");
}

#[test]
fn closes_without_a_word() {
    let to = server(|mut peer, _| assert!(!peer.head().is_empty()));
    let (status, complaint) = status(Program::proxy(to, &[]));
    assert_eq!(status, "502 Bad Gateway");
    assert!(complaint.starts_with("proxy: GET /a: "), "{complaint}");
}

#[test]
fn answers_that_are_none() {
    for (bytes, what) in [
        ("What?\r\n\r\n", "malformed head"),
        (
            "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n",
            "both a length and a transfer coding",
        ),
        ("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nabc", "invalid length"),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n", "unknown transfer coding"),
        ("HTTP/1.1 200 OK\nContent-Length: 2\n\nab", "bare line feed in the head"),
        (
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n",
            "a switch of protocols that nobody asked for",
        ),
        (&"HTTP/1.1 100 Continue\r\n\r\n".repeat(20), "too many interim answers"),
    ] {
        let (status, complaint) = status(Program::proxy(says(bytes), &[]));
        assert_eq!(status, "502 Bad Gateway");
        assert_eq!(complaint, format!("proxy: GET /a: invalid answer: {what}"));
    }
}

/// The client can tell that the answer is not all.
#[test]
fn breaks_off() {
    for bytes in [
        "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\nx\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf more\r\n",
    ] {
        let proxy = Program::proxy(says(bytes), &[]);
        let output = proxy.curl("/", &[]);
        assert_eq!(String::from_utf8_lossy(&output.stdout), "half");
        // Partial file.
        assert_eq!(output.status.code(), Some(18), "{bytes}");
    }
}

#[test]
fn falls_silent_within_an_answer() {
    let to = server(|mut peer, _| {
        peer.head();
        peer.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf");
        assert!(peer.is_at_end());
    });
    let proxy = Program::proxy(to, &["--timeout", "100ms"]);
    let output = proxy.curl("/", &[]);
    assert_eq!((&*output.stdout, output.status.code()), (&b"half"[..], Some(18)));
}

/// What the server behind has got is never complete.
#[test]
fn a_client_that_breaks_off() {
    let (tell, told) = std::sync::mpsc::channel();
    let to = server(move |mut peer, _| {
        let head = peer.head();
        let mut rest = String::new();
        let _ = std::io::Read::read_to_string(&mut peer.0, &mut rest);
        tell.send((head.contains("chunked"), rest)).unwrap();
    });
    let proxy = Program::proxy(to, &[]);
    for (framing, body, passed_on) in [
        ("Content-Length: 10", "half", "half"),
        ("Transfer-Encoding: chunked", "4\r\nhalf\r\n", "4\r\nhalf\r\n"),
        ("Transfer-Encoding: chunked", "4\r\nhalf\r\n0x\r\n", "4\r\nhalf\r\n"),
    ] {
        let mut client = proxy.connect();
        use std::io::{Read, Write};
        write!(client, "PUT / HTTP/1.1\r\nHost: h\r\n{framing}\r\n\r\n{body}").unwrap();
        client.shutdown(std::net::Shutdown::Write).unwrap();
        let mut answer = String::new();
        client.read_to_string(&mut answer).unwrap();
        assert_eq!(parts(&answer).0, "400 Bad Request");
        assert_eq!(told.recv().unwrap().1, passed_on);
    }
}
