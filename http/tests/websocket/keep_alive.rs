//! Pings to peers that are silent.

use std::io::ErrorKind;
use std::sync::mpsc;
use std::time::Duration;

use greenwood_http::websocket::{Config, WebSocket};

use crate::peer::{FINAL, PING, PONG, Peer, echo, frame, serving, text};
use crate::support::{BACKENDS, WATCHDOG};

#[test]
fn a_silent_peer_is_pinged_and_may_stay() {
    for backend in BACKENDS {
        let mut config = Config::default();
        config.ping_after = Duration::from_millis(5);
        let server = serving(backend, config, echo);
        let mut peer = Peer::connect(&server);
        for _ in 0..5 {
            assert_eq!(peer.frame(), (FINAL | PING, b"".to_vec()));
            peer.send(&frame(FINAL | PONG, b""));
        }
        peer.send(&text("here"));
        let frames = std::iter::from_fn(|| Some(peer.frame()));
        let mut others = frames.skip_while(|frame| *frame == (FINAL | PING, b"".to_vec()));
        assert_eq!(others.next().unwrap().1, b"here");
    }
}

#[test]
fn a_dead_peer_is_given_up() {
    for backend in BACKENDS {
        let mut config = Config::default();
        (config.ping_after, config.pong_within) =
            (Duration::from_millis(5), Duration::from_millis(5));
        let (report, reports) = mpsc::channel();
        let server = serving(backend, config, move |socket: WebSocket| {
            report.send(socket.recv().unwrap_err().kind()).unwrap();
        });
        let mut peer = Peer::connect(&server);
        assert_eq!(reports.recv_timeout(WATCHDOG), Ok(ErrorKind::TimedOut));
        assert_eq!(peer.frame(), (FINAL | PING, b"".to_vec()));
        peer.expect_end();
    }
}

#[test]
fn who_was_not_listened_to_is_not_taken_for_dead() {
    let mut config = Config::default();
    (config.ping_after, config.pong_within) = (Duration::from_millis(1), Duration::from_millis(1));
    for backend in BACKENDS {
        let server = serving(backend, config.clone(), |socket: WebSocket| {
            // Pings it in passing.
            while socket
                .recv_timeout(Duration::ZERO)
                .is_err_and(|e| e.kind() == ErrorKind::WouldBlock)
            {
                greenwood_runtime::sleep(Duration::from_millis(20));
            }
        });
        let mut peer = Peer::connect(&server);
        peer.send(&text("here"));
        // It answers no ping, but by the time that anybody looks there is the message.
        while let (0x89, _) = peer.frame() {}
    }
}
