//! Connections that leave HTTP.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::mpsc::channel;

use crate::harness::{Program, parts, server};

const REQUEST: &[u8] =
    b"GET /chat HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: parrot\r\n\
                         Sec-WebSocket-Key: x\r\n\r\n";

fn read(stream: &mut TcpStream, len: usize) -> String {
    let mut bytes = vec![0; len];
    stream.read_exact(&mut bytes).unwrap();
    String::from_utf8(bytes).unwrap()
}

#[test]
fn bytes_pass_both_ways_until_both_have_ended() {
    let to = server(|mut peer, _| {
        let head = peer.head();
        assert!(head.contains("\r\nconnection: upgrade\r\nupgrade: parrot\r\n"), "{head}");
        assert!(head.contains("\r\nSec-WebSocket-Key: x\r\n"), "{head}");
        // The first words come with the head.
        peer.send("HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: parrot\r\nX: y\r\n\r\nhello");
        assert_eq!(peer.read(9), "early you");
        peer.send("too");
        let mut rest = String::new();
        peer.0.read_to_string(&mut rest).unwrap();
        peer.send(format!("{rest}, bye"));
    });
    let proxy = Program::proxy(to, &["--timeout", "100ms"]);
    let mut client = proxy.connect();
    client.write_all(&[REQUEST, b"early"].concat()).unwrap();
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        head.push_str(&read(&mut client, 1));
    }
    assert!(head.starts_with("HTTP/1.1 101 Switching Protocols\r\n"), "{head}");
    for field in ["x: y", "upgrade: parrot", "connection: upgrade"] {
        assert!(head.contains(&format!("\r\n{field}\r\n")), "{head}");
    }
    assert_eq!(read(&mut client, 5), "hello");
    // Silence is no reason to end it.
    std::thread::sleep(std::time::Duration::from_millis(250));
    client.write_all(b" you").unwrap();
    assert_eq!(read(&mut client, 3), "too");
    client.write_all(b"the end").unwrap();
    client.shutdown(Shutdown::Write).unwrap();
    let mut rest = String::new();
    client.read_to_string(&mut rest).unwrap();
    assert_eq!(rest, "the end, bye");
}

#[test]
fn both_directions_at_once() {
    const TOTAL: usize = 8 << 20;
    let to = server(|mut peer, _| {
        peer.head();
        peer.send(
            "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: parrot\r\n\r\n",
        );
        // All of it, before a byte is read.
        peer.send(vec![b's'; TOTAL]);
        let n = std::io::copy(&mut (&mut peer.0).take(TOTAL as u64), &mut std::io::sink()).unwrap();
        peer.send(n.to_string());
    });
    let proxy = Program::proxy(to, &[]);
    let mut client = proxy.connect();
    client.write_all(REQUEST).unwrap();
    let mut writer = client.try_clone().unwrap();
    let writing = std::thread::spawn(move || writer.write_all(&vec![b'c'; TOTAL]).unwrap());
    let mut all = Vec::new();
    client.read_to_end(&mut all).unwrap();
    writing.join().unwrap();
    let start = all.windows(4).position(|end| end == b"\r\n\r\n").unwrap() + 4;
    assert!(all[start..][..TOTAL].iter().all(|&b| b == b's'));
    assert_eq!(all[start + TOTAL..], *TOTAL.to_string().as_bytes());
}

#[test]
fn a_server_that_does_not_switch() {
    let to = server(|mut peer, _| {
        peer.head();
        peer.answer("no");
    });
    let proxy = Program::proxy(to, &[]);
    let answer = proxy.exchange(
        "GET / HTTP/1.1\r\nHost: h\r\nConnection: upgrade, close\r\nUpgrade: parrot\r\n\r\n",
    );
    assert_eq!((parts(&answer).0, parts(&answer).2), ("200 OK", "no"));
}

/// Whoever goes takes the other end along.
#[test]
fn a_client_that_is_gone() {
    let (tell, told) = channel();
    let to = server(move |mut peer, _| {
        peer.head();
        peer.send(
            "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: parrot\r\n\r\n!",
        );
        while std::io::Write::write_all(peer.0.get_mut(), &[0; 1 << 16]).is_ok() {}
        tell.send(()).unwrap();
    });
    let proxy = Program::proxy(to, &[]);
    let mut client = proxy.connect();
    client.write_all(REQUEST).unwrap();
    read(&mut client, 50);
    drop(client);
    told.recv_timeout(crate::harness::WATCHDOG).unwrap();
}
