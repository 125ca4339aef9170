//! Calls that end early, by a time of their own or of somebody around.

use std::io::{self, ErrorKind};
use std::sync::mpsc;
use std::time::Duration;

use greenwood_http::websocket::{Config, Message, WebSocket};
use greenwood_runtime::timeout;

use crate::peer::{BINARY, FINAL, PING, Peer, frame, serving, text};
use crate::support::{BACKENDS, WATCHDOG};

/// A receive that is `None` if it was unwound.
type Receive = fn(&WebSocket) -> Option<io::Result<Option<Message>>>;

/// Waits in bits until the peer closes.
fn in_bits(recv: Receive) -> impl Fn(WebSocket) + Clone + Send + Sync {
    move |socket: WebSocket| {
        loop {
            match recv(&socket) {
                None => {}
                Some(Ok(Some(message))) => socket.send(message).unwrap(),
                Some(Ok(None)) => return,
                Some(Err(e)) => {
                    let kinds = [ErrorKind::WouldBlock, ErrorKind::TimedOut];
                    assert!(kinds.contains(&e.kind()), "{e}");
                }
            }
        }
    }
}

#[test]
fn a_receive_that_is_interrupted_loses_nothing() {
    let recvs: [Receive; 2] = [
        |socket| Some(socket.recv_timeout(Duration::from_micros(100))),
        |socket| timeout(Duration::from_micros(100), || socket.recv()).ok(),
    ];
    for backend in BACKENDS {
        for recv in recvs {
            let server = serving(backend, Config::default(), in_bits(recv));
            let mut peer = Peer::connect(&server);
            for n in 0..100 {
                let raw = [frame(FINAL | PING, b"p"), text(&n.to_string())].concat();
                for part in raw.chunks(3) {
                    peer.send(part);
                    // So that the waiting ends in between, now and then; the outcome is the same.
                    std::thread::sleep(Duration::from_micros(100));
                }
                assert_eq!(peer.frame().1, b"p");
                peer.expect_text(&n.to_string());
            }
            peer.send(&crate::peer::close(1000, ""));
            peer.expect_close(1000);
            peer.expect_end();
        }
    }
}

#[test]
fn a_send_that_is_interrupted_breaks_the_connection() {
    for backend in BACKENDS {
        let (report, reports) = mpsc::channel();
        let server =
            serving(backend, Config::default(), move |socket: WebSocket| {
                let payload = vec![7; 1 << 20];
                // The peer does not read, so one of these comes to a halt within its frame.
                let _ = timeout(Duration::from_millis(100), || {
                    while socket.send_binary(&payload).is_ok() {}
                });
                assert!(socket.send("must not follow").is_err());
                assert!(socket.recv().is_err());
                report.send(()).unwrap();
            });
        let mut peer = Peer::connect(&server);
        reports.recv_timeout(WATCHDOG).unwrap();
        // Whole frames, and part of one.
        let last = loop {
            match peer.try_frame() {
                Ok((first, payload)) => {
                    assert!(first == FINAL | BINARY && payload.iter().all(|&b| b == 7));
                }
                Err(e) => break e.kind(),
            }
        };
        assert!([ErrorKind::UnexpectedEof, ErrorKind::ConnectionReset].contains(&last), "{last}");
    }
}
