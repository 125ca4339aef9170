//! Peers that break the rules, and what they are told.

use std::io::ErrorKind;
use std::sync::mpsc;
use std::time::Duration;

use greenwood_http::Backend;
use greenwood_http::websocket::{Config, WebSocket};

use crate::peer::{BINARY, CLOSE, FINAL, PING, Peer, TEXT, close, frame, header, serving, text};
use crate::support::{BACKENDS, WATCHDOG};

/// What is against the rules of RFC 6455, and the close code for it.
fn offences() -> Vec<(&'static str, Vec<u8>, u16)> {
    let limit = Config::default().message;
    let unmasked = [header(FINAL | TEXT, 2), b"hi".to_vec()].concat();
    let mut all = vec![
        ("no mask", unmasked, 1002),
        ("ping in fragments", frame(PING, b""), 1002),
        ("long ping", frame(FINAL | PING, &[0; 126]), 1002),
        ("long close", frame(FINAL | CLOSE, &[3, 232].repeat(63)), 1002),
        ("continuation of nothing", frame(FINAL, b"x"), 1002),
        ("unfinished continuation of nothing", frame(0, b"x"), 1002),
        ("text within text", [frame(TEXT, b"a"), text("b")].concat(), 1002),
        ("bytes within text", [frame(TEXT, b"a"), frame(FINAL | BINARY, b"b")].concat(), 1002),
        ("continuation of a whole message", [text("a"), frame(FINAL, b"b")].concat(), 1002),
        ("close with half a code", frame(FINAL | CLOSE, &[3]), 1002),
        ("close with bytes for a reason", frame(FINAL | CLOSE, &[3, 232, 0xff]), 1007),
        ("bytes for text", frame(FINAL | TEXT, b"\xff"), 1007),
        ("half a character", frame(FINAL | TEXT, b"\xc3"), 1007),
        ("a surrogate", frame(FINAL | TEXT, b"\xed\xa0\x80"), 1007),
        ("beyond Unicode", frame(FINAL | TEXT, b"\xf4\x90\x80\x80"), 1007),
        ("an overlong character", frame(FINAL | TEXT, b"\xc0\xaf"), 1007),
        // Before the rest has come.
        ("bytes in an unfinished text", frame(TEXT, b"a\xff"), 1007),
        ("bytes after half a character", [frame(TEXT, b"\xc3"), frame(0, b"a")].concat(), 1007),
        ("an end in half a character", [frame(TEXT, b"\xc3"), frame(FINAL, b"")].concat(), 1007),
        // By its length alone.
        ("a long frame", frame(FINAL | BINARY, &vec![0; limit + 1])[..14].to_vec(), 1009),
        ("an endless frame", [&[FINAL | BINARY, 0xff], &[0x7f; 12][..]].concat(), 1009),
        (
            "a long message",
            [frame(BINARY, &vec![0; limit]), frame(0, b""), frame(0, b"x")].concat(),
            1009,
        ),
    ];
    for bit in [0x40, 0x20, 0x10] {
        all.push(("a reserved bit", frame(FINAL | bit | TEXT, b"a"), 1002));
    }
    for opcode in (3..8).chain(11..16) {
        all.push(("a reserved opcode", frame(FINAL | opcode, b""), 1002));
    }
    all
}

/// Receives all there is, and reports how that ends.
fn reporting(report: mpsc::Sender<ErrorKind>) -> impl Fn(WebSocket) + Clone + Send + Sync {
    move |socket: WebSocket| {
        let error = socket.messages().find_map(Result::err).unwrap();
        assert_eq!(socket.recv().unwrap_err().kind(), error.kind(), "not the same again");
        assert_eq!(socket.send("x").unwrap_err().kind(), ErrorKind::BrokenPipe);
        report.send(error.kind()).unwrap();
    }
}

#[test]
fn offences_are_told_by_a_close_code() {
    for backend in BACKENDS {
        let (report, reports) = mpsc::channel();
        let server = serving(backend, Config::default(), reporting(report));
        for (what, raw, code) in offences() {
            println!("{what}");
            let mut peer = Peer::connect(&server);
            peer.send(&raw);
            // The code arrives although there is more, now and later.
            for _ in 0..3 {
                peer.send(&[0; 10_000]);
                std::thread::sleep(Duration::from_millis(2));
            }
            peer.expect_close(code);
            peer.expect_end();
            drop(peer);
            assert_eq!(reports.recv_timeout(WATCHDOG), Ok(ErrorKind::InvalidData));
        }
    }
}

#[test]
fn limits_are_exact() {
    let mut config = Config::default();
    (config.message, config.frame) = (10, 6);
    let server = serving(Backend::Green, config, crate::peer::echo);
    let mut peer = Peer::connect(&server);
    peer.send(&[frame(TEXT, b"012345"), frame(FINAL, b"6789")].concat());
    peer.expect_text("0123456789");
    peer.send(&[frame(TEXT, b"012345"), frame(FINAL, b"6789x")].concat());
    peer.expect_close(1009);
    let mut peer = Peer::connect(&server);
    peer.send(&text("0123456"));
    peer.expect_close(1009);
}

#[test]
fn a_code_that_must_not_be_sent_is_an_offence_too() {
    let server = serving(Backend::Green, Config::default(), crate::peer::echo);
    for code in [0, 999, 1004, 1005, 1006, 1015, 1016, 2999, 5000, 65535] {
        let mut peer = Peer::connect(&server);
        peer.send(&close(code, ""));
        peer.expect_close(1002);
        peer.expect_end();
    }
}

#[test]
fn who_goes_without_a_word_has_not_closed() {
    for backend in BACKENDS {
        let (report, reports) = mpsc::channel();
        let server = serving(backend, Config::default(), reporting(report));
        for raw in [&b""[..], &text("hi"), &text("hi")[..5]] {
            let mut peer = Peer::connect(&server);
            peer.send(raw);
            peer.half_close();
            peer.expect_end();
            assert_eq!(reports.recv_timeout(WATCHDOG), Ok(ErrorKind::UnexpectedEof));
        }
    }
}
