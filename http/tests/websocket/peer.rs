//! A client of WebSockets that speaks frames, valid or not.
#![allow(dead_code, reason = "TLS is tested with a part of this")]

use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpStream};

use greenwood_http::websocket::{self, Config, WebSocket};
use greenwood_http::{Backend, Request, Server};

use crate::support::{TestServer, WATCHDOG};

pub const HANDSHAKE: &str = "GET / HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
     Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";

pub const SWITCHED: &str = "HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\n\
     sec-websocket-accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\nconnection: upgrade\r\n\r\n";

pub const TEXT: u8 = 1;
pub const BINARY: u8 = 2;
pub const CLOSE: u8 = 8;
pub const PING: u8 = 9;
pub const PONG: u8 = 10;
pub const FINAL: u8 = 0x80;

/// A server whose every connection `f` gets.
pub fn serving<F>(backend: Backend, config: Config, f: F) -> TestServer
where
    F: Fn(WebSocket) + Clone + Send + Sync + 'static,
{
    TestServer::with(Server::builder().backend(backend), move |request: &mut Request<'_>| {
        websocket::upgrade(request, &config, f.clone())
    })
}

/// Says everything back.
pub fn echo(socket: WebSocket) {
    while let Ok(Some(message)) = socket.recv() {
        if socket.send(message).is_err() {
            break;
        }
    }
}

/// A frame as a client sends it, with everything in its first byte.
pub fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = header(first, payload.len());
    frame[1] |= 0x80;
    let mask = [0x12, 0x34, 0x56, 0xf8];
    frame.extend_from_slice(&mask);
    frame.extend(payload.iter().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask));
    frame
}

/// The start of a frame without a mask.
pub fn header(first: u8, length: usize) -> Vec<u8> {
    match length {
        0..=125 => vec![first, length as u8],
        126..=0xffff => [&[first, 126][..], &(length as u16).to_be_bytes()].concat(),
        _ => [&[first, 127][..], &(length as u64).to_be_bytes()].concat(),
    }
}

pub fn text(text: &str) -> Vec<u8> {
    frame(FINAL | TEXT, text.as_bytes())
}

pub fn close(code: u16, reason: &str) -> Vec<u8> {
    frame(FINAL | CLOSE, &[&code.to_be_bytes(), reason.as_bytes()].concat())
}

pub struct Peer {
    pub stream: TcpStream,
}

impl Peer {
    pub fn connect(server: &TestServer) -> Peer {
        Peer::connect_and_send(server, b"")
    }

    /// Sends `early` right behind the handshake.
    pub fn connect_and_send(server: &TestServer, early: &[u8]) -> Peer {
        let stream = server.connect().stream;
        let mut peer = Peer { stream };
        peer.send(&[HANDSHAKE.as_bytes(), early].concat());
        assert_eq!(peer.head(), SWITCHED);
        peer
    }

    /// An answer's head, without `Date`.
    pub fn head(&mut self) -> String {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            self.stream.read_exact(&mut byte).unwrap();
            head.push(byte[0]);
        }
        let head = String::from_utf8(head).unwrap();
        head.split_inclusive("\r\n").filter(|line| !line.starts_with("date: ")).collect()
    }

    pub fn send(&mut self, bytes: &[u8]) {
        self.stream.set_write_timeout(Some(WATCHDOG)).unwrap();
        self.stream.write_all(bytes).unwrap();
    }

    pub fn half_close(&self) {
        self.stream.shutdown(Shutdown::Write).unwrap();
    }

    /// The next frame: its first byte, and the payload.
    pub fn frame(&mut self) -> (u8, Vec<u8>) {
        self.try_frame().unwrap()
    }

    pub fn try_frame(&mut self) -> io::Result<(u8, Vec<u8>)> {
        let mut start = [0; 2];
        self.stream.read_exact(&mut start)?;
        let length = match start[1] {
            126 => {
                let mut length = [0; 2];
                self.stream.read_exact(&mut length)?;
                u16::from_be_bytes(length).into()
            }
            127 => {
                let mut length = [0; 8];
                self.stream.read_exact(&mut length)?;
                u64::from_be_bytes(length) as usize
            }
            // Set also if the server masks, which it must not.
            length => usize::from(length),
        };
        assert!(length <= 1 << 24, "a frame of {length} bytes");
        let mut payload = vec![0; length];
        self.stream.read_exact(&mut payload)?;
        Ok((start[0], payload))
    }

    pub fn expect_text(&mut self, text: &str) {
        assert_eq!(self.frame(), (FINAL | TEXT, text.as_bytes().to_vec()));
    }

    /// The server closes with this code; whatever the reason.
    pub fn expect_close(&mut self, code: u16) {
        let (first, payload) = self.frame();
        let got = payload.first_chunk().map(|code| u16::from_be_bytes(*code));
        assert_eq!((first, got), (FINAL | CLOSE, Some(code)));
    }

    /// Nothing more comes.
    pub fn expect_end(&mut self) {
        let mut rest = Vec::new();
        self.stream.read_to_end(&mut rest).unwrap();
        assert_eq!(rest, b"");
    }
}
