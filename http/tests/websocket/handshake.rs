//! Who gets a WebSocket, and who does not.

use greenwood_http::websocket::{self, Config, Origins};
use greenwood_http::{Backend, Request};

use crate::peer::{HANDSHAKE, Peer, SWITCHED, echo, serving, text};
use crate::support::{BACKENDS, TestServer, closing};

#[test]
fn frames_may_come_with_the_request_however_it_is_cut() {
    let raw = [HANDSHAKE.as_bytes(), &text("hello")].concat();
    for backend in BACKENDS {
        let server = serving(backend, Config::default(), echo);
        for at in (1..raw.len()).step_by(if backend == Backend::Green { 1 } else { 20 }) {
            let mut peer = Peer { stream: server.connect().stream };
            peer.send(&raw[..at]);
            peer.send(&raw[at..]);
            assert_eq!(peer.head(), SWITCHED, "cut at {at}");
            peer.expect_text("hello");
        }
    }
}

#[test]
fn what_is_no_handshake_is_refused() {
    let server = serving(Backend::Green, Config::default(), |_| panic!("connected"));
    let required = "426 Upgrade Required";
    let key = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
    for (from, to, status) in [
        ("GET", "POST", "405 Method Not Allowed"),
        ("GET", "HEAD", "405 Method Not Allowed"),
        ("HTTP/1.1", "HTTP/1.0", required),
        ("Connection: Upgrade", "Connection: keep-alive", required),
        ("Upgrade: websocket", "Upgrade: websockets", required),
        ("Upgrade: websocket\r\n", "", required),
        ("Version: 13", "Version: 8", required),
        ("Version: 13", "Version: 13, 8", required),
        ("Sec-WebSocket-Version: 13\r\n", "", required),
        (key, "", "400 Bad Request"),
        (key, "Sec-WebSocket-Key: abc\r\n", "400 Bad Request"),
        (key, &key.repeat(2), "400 Bad Request"),
        (key, &format!("{key}Content-Length: 1\r\n"), "400 Bad Request"),
        (key, &format!("{key}Origin: http://evil.example\r\n"), "403 Forbidden"),
        (key, &format!("{key}Origin: null\r\n"), "403 Forbidden"),
        (key, &format!("{key}Origin: http://h\r\nOrigin: http://h\r\n"), "403 Forbidden"),
        ("Host: h\r\n", "", "400 Bad Request"),
    ] {
        let raw = HANDSHAKE.replacen(from, to, 1);
        assert_ne!(raw, HANDSHAKE);
        let mut client = server.connect();
        client.send(&raw);
        let head = client.until("\r\n\r\n");
        assert_eq!(head.split("\r\n").next(), Some(&*format!("HTTP/1.1 {status}")), "{raw}");
    }
    let answer = server.exchange(&[b"GET / HTTP/1.0\r\n\r\n"]);
    let expected = closing(required, "Upgrade Required");
    let fields = "upgrade: websocket\r\nsec-websocket-version: 13\r\ncontent-length";
    assert_eq!(answer, expected.replacen("content-length", fields, 1));
}

#[test]
fn pages_of_the_server_itself_may_connect_and_others_if_they_are_listed() {
    let listed = Origins::Only(vec!["https://app.example".to_owned()]);
    for (origins, origin, connects) in [
        (Origins::Same, "http://h", true),
        (Origins::Same, "https://h", true),
        (Origins::Same, "https://app.example", false),
        (listed.clone(), "https://app.example", true),
        (listed.clone(), "http://app.example", false),
        (listed, "http://h", false),
        (Origins::Any, "null", true),
    ] {
        let mut config = Config::default();
        config.origins = origins;
        let server = serving(Backend::Green, config, echo);
        let mut client = server.connect();
        client.send(HANDSHAKE.replacen("Host", &format!("Origin: {origin}\r\nHost"), 1));
        let head = client.until("\r\n\r\n");
        assert_eq!(head == SWITCHED, connects, "{origin}");
    }
}

#[test]
fn the_first_sub_protocol_of_the_client_that_is_known_is_chosen() {
    let mut config = Config::default();
    config.protocols = vec!["b".to_owned(), "a".to_owned()];
    let server = TestServer::start(move |request: &mut Request<'_>| {
        websocket::upgrade(request, &config, |socket| {
            socket.send(format!("{:?}", socket.protocol())).unwrap();
        })
    });
    for (offered, chosen) in [
        ("Sec-WebSocket-Protocol: x, a, b\r\n", Some("a")),
        ("Sec-WebSocket-Protocol: x\r\nSec-WebSocket-Protocol: ,b\r\n", Some("b")),
        ("Sec-WebSocket-Protocol: A\r\n", None),
        ("", None),
    ] {
        let mut peer = Peer { stream: server.connect().stream };
        peer.send(HANDSHAKE.replacen("Host", &format!("{offered}Host"), 1).as_bytes());
        let field = chosen.map(|name| format!("sec-websocket-protocol: {name}\r\nconnection"));
        let field = field.as_deref().unwrap_or("connection");
        assert_eq!(peer.head(), SWITCHED.replacen("connection", field, 1));
        peer.expect_text(&format!("{chosen:?}"));
    }
}

#[test]
fn extensions_are_not_negotiated() {
    let server = serving(Backend::Green, Config::default(), echo);
    let mut peer = Peer { stream: server.connect().stream };
    let offer = "Sec-WebSocket-Extensions: permessage-deflate\r\nHost";
    peer.send(HANDSHAKE.replacen("Host", offer, 1).as_bytes());
    assert_eq!(peer.head(), SWITCHED);
}
