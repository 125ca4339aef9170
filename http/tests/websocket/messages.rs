//! Messages, whole and in parts, from and to several at a time.

use std::time::Duration;

use greenwood_http::Backend;
use greenwood_http::websocket::{Config, Message, WebSocket};

use crate::peer::{BINARY, FINAL, PING, PONG, Peer, TEXT, echo, frame, serving, text};
use crate::support::BACKENDS;

#[test]
fn messages_of_any_length_come_back() {
    for backend in BACKENDS {
        let server = serving(backend, Config::default(), echo);
        let mut peer = Peer::connect(&server);
        for length in [0, 1, 125, 126, 127, 65_535, 65_536, 1 << 20] {
            let bytes: Vec<u8> = (0..length).map(|i| (i % 251) as u8).collect();
            peer.send(&frame(FINAL | BINARY, &bytes));
            assert!(peer.frame() == (FINAL | BINARY, bytes), "{length}");
        }
        for words in ["", "é", "\0", "𝄞 ends"] {
            peer.send(&text(words));
            peer.expect_text(words);
        }
    }
}

#[test]
fn fragments_make_a_message_with_pings_between_them_however_they_are_cut() {
    let raw = [
        frame(TEXT, b"caf\xc3"),
        frame(FINAL | PING, b"1"),
        frame(0, b""),
        frame(0, b"\xa9 "),
        frame(FINAL | PONG, b"unasked"),
        frame(FINAL | PING, b""),
        frame(FINAL, b"au lait"),
        frame(BINARY, b""),
        frame(FINAL, b""),
    ]
    .concat();
    for backend in BACKENDS {
        let server = serving(backend, Config::default(), echo);
        for at in (1..raw.len()).step_by(if backend == Backend::Green { 1 } else { 20 }) {
            let mut peer = Peer::connect(&server);
            peer.send(&raw[..at]);
            peer.send(&raw[at..]);
            assert_eq!(peer.frame(), (FINAL | PONG, b"1".to_vec()), "cut at {at}");
            assert_eq!(peer.frame(), (FINAL | PONG, b"".to_vec()), "cut at {at}");
            peer.expect_text("café au lait");
            assert_eq!(peer.frame(), (FINAL | BINARY, b"".to_vec()), "cut at {at}");
        }
    }
}

#[test]
fn many_messages_in_one_packet_are_many_messages() {
    let server = serving(Backend::Green, Config::default(), echo);
    let mut peer = Peer::connect(&server);
    peer.send(&(0..1000).flat_map(|n| text(&n.to_string())).collect::<Vec<u8>>());
    (0..1000).for_each(|n| peer.expect_text(&n.to_string()));
}

/// Sends from several sides at once while it echoes.
fn crowd(socket: WebSocket) {
    greenwood_runtime::scope(|scope| {
        for sender in 0u8..4 {
            let socket = &socket;
            scope.spawn(move || {
                for _ in 0..20 {
                    socket.send(vec![sender; 100_000]).unwrap();
                }
            });
        }
        echo_all(&socket);
    });
}

fn echo_all(socket: &WebSocket) {
    for message in socket.messages().map_while(Result::ok) {
        socket.send(message).unwrap();
    }
}

#[test]
fn who_sends_neither_mixes_with_others_nor_keeps_them_from_receiving() {
    for backend in BACKENDS {
        let server = serving(backend, Config::default(), crowd);
        let mut peer = Peer::connect(&server);
        let mut writer = Peer { stream: peer.stream.try_clone().unwrap() };
        let talker = std::thread::spawn(move || {
            for n in 0..100 {
                writer.send(&[frame(FINAL | PING, b"p"), text(&n.to_string())].concat());
            }
        });
        let (mut from, mut pongs, mut texts) = ([0; 4], 0, 0);
        while (from, pongs, texts) != ([20; 4], 100, 100) {
            let (first, payload) = peer.frame();
            match first & 0xf {
                PONG => {
                    assert_eq!(payload, b"p");
                    pongs += 1;
                }
                TEXT => {
                    assert_eq!(payload, texts.to_string().as_bytes());
                    texts += 1;
                }
                _ => {
                    assert!(payload.len() == 100_000 && payload.iter().all(|&b| b == payload[0]));
                    from[usize::from(payload[0])] += 1;
                }
            }
        }
        talker.join().unwrap();
    }
}

#[test]
fn each_message_goes_to_one_of_several_receivers() {
    for backend in BACKENDS {
        let server = serving(backend, Config::default(), |socket: WebSocket| {
            greenwood_runtime::scope(|scope| {
                for _ in 0..4 {
                    scope.spawn(|| echo_all(&socket));
                }
            });
        });
        let mut peer = Peer::connect(&server);
        let mut seen = [false; 200];
        for batch in (0..200).collect::<Vec<usize>>().chunks(3) {
            peer.send(&batch.iter().flat_map(|n| text(&n.to_string())).collect::<Vec<u8>>());
            for _ in batch {
                let (_, payload) = peer.frame();
                let n: usize = std::str::from_utf8(&payload).unwrap().parse().unwrap();
                assert!(!std::mem::replace(&mut seen[n], true), "{n} twice");
            }
        }
        assert!(seen.iter().all(|&seen| seen));
        peer.send(&crate::peer::close(1000, ""));
        peer.expect_close(1000);
        peer.expect_end();
    }
}

#[test]
fn who_pings_and_does_not_read_is_not_read_either() {
    use std::io::Write;
    let server = serving(Backend::Green, Config::default(), |socket: WebSocket| {
        greenwood_runtime::scope(|scope| {
            scope.spawn(|| while socket.send(vec![0; 1 << 20]).is_ok() {});
            let _ = socket.recv();
        });
    });
    let mut peer = Peer::connect(&server);
    let pings = frame(FINAL | PING, &[0; 125]).repeat(500);
    peer.stream.set_write_timeout(Some(Duration::from_millis(300))).unwrap();
    let mut sent = 0;
    while peer.stream.write_all(&pings).is_ok() {
        sent += pings.len();
        // Far more than sockets hold.
        assert!(sent < 200 << 20, "replies to {sent} bytes of pings are held");
    }
}

#[test]
fn text_and_bytes_convert() {
    assert_eq!(Message::from("a"), Message::Text("a".to_owned()));
    assert_eq!(Message::from(&b"a"[..]), Message::from(b"a".to_vec()));
    assert_eq!(format!("{:?}", Message::from(vec![0; 9])), "Binary(9 bytes)");
}
