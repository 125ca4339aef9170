//! Closing, from either side, and by a shutdown.

use std::io::{ErrorKind, Write};
use std::sync::mpsc;
use std::time::Duration;

use greenwood_http::Backend;
use greenwood_http::websocket::{Close, Config, WebSocket, close_code};
use greenwood_runtime::Runtime;

use crate::peer::{CLOSE, FINAL, Peer, close, echo, frame, serving, text};
use crate::support::{BACKENDS, WATCHDOG};

#[test]
fn the_peer_closes() {
    for backend in BACKENDS {
        let (report, reports) = mpsc::channel();
        let server = serving(backend, Config::default(), move |socket: WebSocket| {
            while socket.recv().unwrap().is_some() {}
            assert!(socket.recv().unwrap().is_none());
            assert_eq!(socket.send("x").unwrap_err().kind(), ErrorKind::BrokenPipe);
            socket.close(close_code::NORMAL, "").unwrap();
            report.send(socket.close_reason()).unwrap();
        });
        let mut peer = Peer::connect(&server);
        // What comes behind it does not count.
        peer.send(&[text("a"), close(4000, "é"), text("b")].concat());
        assert_eq!(peer.frame(), (FINAL | CLOSE, b"\x0f\xa0\xc3\xa9".to_vec()));
        peer.expect_end();
        let reason = Close { code: 4000, reason: "é".to_owned() };
        assert_eq!(reports.recv_timeout(WATCHDOG), Ok(Some(reason)));

        let mut peer = Peer::connect(&server);
        peer.send(&frame(FINAL | CLOSE, b""));
        assert_eq!(peer.frame(), (FINAL | CLOSE, b"".to_vec()));
        peer.expect_end();
        let none = Close { code: close_code::NONE, reason: String::new() };
        assert_eq!(reports.recv_timeout(WATCHDOG), Ok(Some(none)));
    }
}

#[test]
fn the_last_word_goes_out_before_the_end_whoever_sees_it() {
    for backend in BACKENDS {
        let server = serving(backend, Config::default(), |socket: WebSocket| {
            greenwood_runtime::scope(|scope| {
                for _ in 0..4 {
                    scope.spawn(|| while let Ok(Some(_)) = socket.recv() {});
                }
            });
        });
        for raw in [close(1000, ""), frame(FINAL | 3, b"")].into_iter().cycle().take(400) {
            let mut peer = Peer::connect(&server);
            // All are awake by then.
            peer.send(&[text("a").repeat(8), raw].concat());
            assert_eq!(peer.frame().0, FINAL | CLOSE);
            peer.expect_end();
        }
    }
}

#[test]
fn the_server_closes() {
    for backend in BACKENDS {
        let (report, reports) = mpsc::channel();
        let server = serving(backend, Config::default(), move |socket: WebSocket| {
            socket.send("a").unwrap();
            socket.close(4001, "enough").unwrap();
            assert!(socket.recv().unwrap().is_none());
            report.send(socket.close_reason().map(|close| close.code)).unwrap();
        });
        let mut peer = Peer::connect(&server);
        peer.expect_text("a");
        assert_eq!(peer.frame(), (FINAL | CLOSE, b"\x0f\xa1enough".to_vec()));
        peer.send(&[text("too late"), close(4001, "")].concat());
        peer.expect_end();
        assert_eq!(reports.recv_timeout(WATCHDOG), Ok(Some(4001)));
    }
}

#[test]
fn a_peer_has_only_so_long_to_answer() {
    for backend in BACKENDS {
        let mut config = Config::default();
        config.close_within = Duration::from_millis(50);
        let (report, reports) = mpsc::channel();
        let server = serving(backend, config, move |socket: WebSocket| {
            report.send(socket.close(close_code::NORMAL, "").map_err(|e| e.kind())).unwrap();
        });
        for talks in [false, true] {
            let mut peer = Peer::connect(&server);
            peer.expect_close(1000);
            // For ever, if it is let.
            let talk = text("but").repeat(100_000);
            while talks && peer.stream.write_all(&talk).is_ok() {}
            let outcome = reports.recv_timeout(WATCHDOG).unwrap();
            assert_eq!(outcome, Err(ErrorKind::TimedOut));
        }
    }
}

#[test]
fn dropping_closes() {
    for backend in BACKENDS {
        let server = serving(backend, Config::default(), |socket: WebSocket| {
            let message = socket.recv().unwrap();
            assert!(message.is_none_or(|m| m != "panic".into()), "on purpose");
        });
        for (word, code) in [("return", 1000), ("panic", 1011)] {
            let mut peer = Peer::connect(&server);
            peer.send(&text(word));
            // Where coroutines share their panic count, nothing waits while a panic unwinds.
            let own = || Runtime::new().unwrap().has_own_thread_locals();
            if word == "return" || backend == Backend::Threads || own() {
                peer.expect_close(code);
                peer.send(&close(code, ""));
            }
            peer.expect_end();
        }
    }
}

#[test]
fn only_codes_and_reasons_that_may_be_sent() {
    let (report, reports) = mpsc::channel();
    let server = serving(Backend::Green, Config::default(), move |socket: WebSocket| {
        let long = "x".repeat(124);
        for (code, reason) in
            [(0, ""), (1004, ""), (1005, ""), (1006, ""), (5000, ""), (1000, &*long)]
        {
            let error = socket.close(code, reason).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidInput, "{code}");
        }
        report.send(()).unwrap();
        socket.close(4999, &long[1..]).unwrap();
    });
    let mut peer = Peer::connect(&server);
    reports.recv_timeout(WATCHDOG).unwrap();
    assert_eq!(peer.frame().1.len(), 125);
    peer.send(&close(4999, ""));
    peer.expect_end();
}

#[test]
fn a_shutdown_is_told_to_peers_and_awaits_their_answer() {
    for backend in BACKENDS {
        let (report, reports) = mpsc::channel();
        let server = serving(backend, Config::default(), move |socket: WebSocket| {
            let mut messages = 0;
            while socket.recv().unwrap().is_some() {
                messages += 1;
            }
            report.send(messages).unwrap();
        });
        let mut peer = Peer::connect(&server);
        peer.send(&text("a"));
        server.shutdown.shutdown();
        peer.expect_close(1001);
        // On its way when the server closed: not lost.
        peer.send(&[text("b"), close(1001, "")].concat());
        peer.expect_end();
        assert_eq!(reports.recv_timeout(WATCHDOG), Ok(2));
        server.join();
    }
}

#[test]
fn who_only_sends_hears_of_a_shutdown_too() {
    for backend in BACKENDS {
        let server = serving(backend, Config::default(), |socket: WebSocket| {
            let error = loop {
                if let Err(e) = socket.send("tick") {
                    break e;
                }
                greenwood_runtime::sleep(Duration::from_millis(1));
            };
            assert_eq!(error.kind(), ErrorKind::BrokenPipe);
        });
        let mut peer = Peer::connect(&server);
        peer.expect_text("tick");
        server.shutdown.shutdown();
        let last = loop {
            let (first, payload) = peer.frame();
            if first == FINAL | CLOSE {
                break payload;
            }
            assert_eq!(payload, b"tick");
        };
        assert_eq!(last, 1001u16.to_be_bytes());
        peer.send(&close(1001, ""));
        peer.expect_end();
        server.join();
    }
}

#[test]
fn a_peer_that_does_not_answer_holds_no_shutdown_up() {
    let mut config = Config::default();
    config.close_within = Duration::from_millis(50);
    for backend in BACKENDS {
        let server = serving(backend, config.clone(), echo);
        let mut peer = Peer::connect(&server);
        server.shutdown.shutdown();
        peer.expect_close(1001);
        peer.expect_end();
        server.join();
    }
}
