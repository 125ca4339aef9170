//! WebSockets over TLS.

use std::io::{Read, Write};

use greenwood_http::Request;
use greenwood_http::websocket::{self, Config};

use crate::client::{Client, Identity};
use crate::peer::{CLOSE, FINAL, HANDSHAKE, TEXT, close, echo, text};
use crate::support::{BACKENDS, TestServer};

/// A frame that the server sends, of less than 126 bytes.
fn frame(client: &mut Client) -> (u8, Vec<u8>) {
    let mut start = [0; 2];
    client.read_exact(&mut start).unwrap();
    let mut payload = vec![0; start[1].into()];
    client.read_exact(&mut payload).unwrap();
    (start[0], payload)
}

#[test]
fn messages_and_a_shutdown() {
    let identity = Identity::new("localhost");
    for backend in BACKENDS {
        let server = TestServer::with(identity.server(backend), |request: &mut Request<'_>| {
            websocket::upgrade(request, &Config::default(), echo)
        });
        let mut client = identity.connect(server.address);
        // Several messages in one record, of which the socket tells nothing after the first.
        let raw = [HANDSHAKE.as_bytes(), &text("a"), &text("b")].concat();
        client.write_all(&raw).unwrap();
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            client.read_exact(&mut byte).unwrap();
            head.push(byte[0]);
        }
        assert!(head.starts_with(b"HTTP/1.1 101 "));
        for word in [b"a", b"b"] {
            assert_eq!(frame(&mut client), (FINAL | TEXT, word.to_vec()));
        }
        for part in text("in parts").chunks(2) {
            client.write_all(part).unwrap();
        }
        assert_eq!(frame(&mut client), (FINAL | TEXT, b"in parts".to_vec()));
        server.shutdown.shutdown();
        assert_eq!(frame(&mut client), (FINAL | CLOSE, 1001u16.to_be_bytes().to_vec()));
        client.write_all(&close(1001, "")).unwrap();
        // In order: not an end that could be somebody else's doing.
        assert_eq!(client.read_to_end(&mut Vec::new()).unwrap(), 0);
        server.join();
    }
}
