//! Bodies that are larger than what the proxy may hold.

use std::io::Read;

use crate::harness::{Program, server, stdout};

const SIZE: usize = 100 << 20;

/// What is used anyway, in a build for debugging, and some more: far less than the body.
const BOUND: u64 = 48;

#[test]
fn a_hundred_mebibytes_up_and_down() {
    let to = server(|mut peer, _| {
        loop {
            let head = peer.head();
            if head.starts_with("GET /length") {
                peer.send(format!("HTTP/1.1 200 OK\r\nContent-Length: {SIZE}\r\n\r\n"));
                (0..SIZE >> 16).for_each(|_| peer.send([7; 1 << 16]));
            } else if head.starts_with("GET /chunked") {
                peer.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
                (0..SIZE >> 16)
                    .for_each(|_| peer.send([b"10000\r\n", &[7; 1 << 16][..], b"\r\n"].concat()));
                peer.send("0\r\n\r\n");
            } else if head.contains("content-length: 104857600\r\n") {
                let n = std::io::copy(&mut (&mut peer.0).take(SIZE as u64), &mut std::io::sink());
                peer.answer(&n.unwrap().to_string());
            } else {
                return;
            }
        }
    });
    let proxy = Program::proxy(to, &[]);
    for path in ["/length", "/chunked"] {
        let args = ["--output", "/dev/null", "--write-out", "%{size_download}"];
        assert_eq!(stdout(&proxy.curl(path, &args)), SIZE.to_string());
    }
    let file = std::env::temp_dir().join(format!("greenwood-proxy-large-{}", std::process::id()));
    std::fs::File::create(&file).unwrap().set_len(SIZE as u64).unwrap();
    let output = proxy.curl("/", &["--upload-file", file.to_str().unwrap()]);
    std::fs::remove_file(&file).unwrap();
    assert_eq!(stdout(&output), SIZE.to_string());
    assert!(proxy.peak() < BOUND, "{} MiB", proxy.peak());
}

/// A client that does not read holds up its own server, and memory neither here nor there.
#[test]
fn a_slow_reader_is_not_read_ahead_of() {
    let to = server(|mut peer, _| {
        peer.head();
        peer.send("HTTP/1.1 200 OK\r\n\r\n");
        while std::io::Write::write_all(peer.0.get_mut(), &[7; 1 << 16]).is_ok() {}
    });
    let proxy = Program::proxy(to, &[]);
    let slow: Vec<_> = (0..4)
        .map(|_| {
            let mut client = proxy.connect();
            std::io::Write::write_all(&mut client, b"GET / HTTP/1.1\r\nHost: h\r\n\r\n").unwrap();
            client.read_exact(&mut [0; 100]).unwrap();
            client
        })
        .collect();
    // Time in which an unbounded buffer would grow by gigabytes; the bound holds however long it is.
    std::thread::sleep(std::time::Duration::from_millis(500));
    assert!(proxy.peak() < BOUND, "{} MiB", proxy.peak());
    drop(slow);
}
