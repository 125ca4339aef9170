//! Limits in time, to the moment: server and clients run on one worker whose clock stands still while anything happens, and then
//! jumps to the next deadline.

mod support;

use std::io::{ErrorKind, Read, Write};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use greenwood_http::{Builder, IntoResponse, Limits, Request, Server};
use greenwood_net::TcpStream;
use greenwood_runtime::{Runtime, now, sleep, spawn};
use support::{closing, echo, refused, text, undated};

const SECOND: Duration = Duration::from_secs(1);
const MILLISECOND: Duration = Duration::from_millis(1);

/// Runs `clients` beside a server.
fn simulate<H, R>(builder: Builder, handler: H, clients: impl FnOnce(SocketAddr) + Send + 'static)
where
    H: Fn(&mut Request<'_>) -> R + Send + Sync + 'static,
    R: IntoResponse,
{
    Runtime::builder().workers(1).paused_clock().build().unwrap().run(|| {
        let server = builder.bind("127.0.0.1:0").unwrap();
        let (address, shutdown) = (server.local_addr().unwrap(), server.shutdown_handle());
        let serving = spawn(move || server.serve(handler));
        clients(address);
        shutdown.shutdown_within(Duration::ZERO);
        serving.join().unwrap().unwrap();
    });
}

fn with(set: impl FnOnce(&mut Limits)) -> Builder {
    let mut limits = Limits::default();
    limits.head_deadline = 10 * SECOND;
    limits.idle = 60 * SECOND;
    limits.body_progress = 30 * SECOND;
    limits.write_progress = 30 * SECOND;
    set(&mut limits);
    Server::builder().limits(limits)
}

fn connect(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).unwrap();
    // Else the kernel would keep small writes back for a time that does not pass here.
    stream.set_nodelay(true).unwrap();
    stream
}

fn send(mut stream: &TcpStream, bytes: impl AsRef<[u8]>) {
    stream.write_all(bytes.as_ref()).unwrap();
}

/// Everything up to the end, and when that came.
fn rest(mut stream: &TcpStream) -> (String, Instant) {
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).unwrap();
    (undated(&bytes), now())
}

/// What one read yields.
fn answer(mut stream: &TcpStream) -> String {
    let mut bytes = [0; 4096];
    let n = stream.read(&mut bytes).unwrap();
    undated(&bytes[..n])
}

/// By the paused clock, which ticks in milliseconds at most.
fn assert_at(moment: Instant, expected: Instant) {
    let early = expected.saturating_duration_since(moment);
    let late = moment.saturating_duration_since(expected);
    assert!(early <= MILLISECOND && late <= 2 * MILLISECOND, "{early:?} early, {late:?} late");
}

#[test]
fn a_head_has_until_its_deadline_however_it_drips() {
    simulate(with(|_| {}), echo, |address| {
        let (head, end) = ("GET /a HTTP/1.0\r\n\r", "\n");
        // One millisecond under, and over.
        for late in [false, true] {
            let stream = connect(address);
            let begin = now();
            for byte in head.bytes() {
                send(&stream, [byte]);
                sleep(10 * SECOND / head.len() as u32 - MILLISECOND / 8);
            }
            let last = begin + 10 * SECOND - MILLISECOND;
            sleep(last.saturating_duration_since(now()));
            if late {
                sleep(2 * MILLISECOND);
                let (answer, ended) = rest(&stream);
                assert_eq!(answer, refused("408 Request Timeout"));
                assert_at(ended, begin + 10 * SECOND);
            } else {
                send(&stream, end);
                assert_eq!(rest(&stream).0, closing("200 OK", "GET /a "));
            }
        }
    });
}

/// Not with the connection, the answer before, or an empty line.
#[test]
fn a_deadline_begins_with_its_head() {
    simulate(with(|_| {}), echo, |address| {
        let stream = connect(address);
        for _ in 0..3 {
            sleep(9 * SECOND);
            send(&stream, "GET /a HT");
            sleep(9 * SECOND);
            send(&stream, "TP/1.1\r\nHost: h\r\n\r\n");
            assert_eq!(answer(&stream), text("200 OK", "GET /a "));
            for half in ["\r", "\n"] {
                send(&stream, half);
                sleep(9 * SECOND);
            }
        }
        let begin = now();
        send(&stream, "\r\nGET");
        let (answer, ended) = rest(&stream);
        assert_eq!(answer, refused("408 Request Timeout"));
        assert_at(ended, begin + 10 * SECOND);
    });
}

#[test]
fn an_idle_connection_ends_when_its_time_is_up() {
    for idle in [SECOND / 2, SECOND, 60 * SECOND] {
        simulate(with(|l| l.idle = idle), echo, move |address| {
            let stream = connect(address);
            for _ in 0..3 {
                sleep(idle - MILLISECOND);
                send(&stream, "GET /a HTTP/1.1\r\nHost: h\r\n\r\n");
                assert_eq!(answer(&stream), text("200 OK", "GET /a "));
            }
            let begin = now();
            let (answer, ended) = rest(&stream);
            assert_eq!(answer, "");
            assert_at(ended, begin + idle);
            // One that never asks for anything, too.
            let begin = now();
            let (answer, ended) = rest(&connect(address));
            assert_eq!(answer, "");
            assert_at(ended, begin + idle);
        });
    }
}

/// Nor do empty lines make a request of themselves, whether or not the connection rests between them.
#[test]
fn empty_lines_are_counted_over_pauses() {
    for pause in [SECOND / 2, 50 * SECOND] {
        simulate(with(|_| {}), echo, move |address| {
            let stream = connect(address);
            for _ in 0..2 {
                send(&stream, "\r\n");
                sleep(pause);
            }
            send(&stream, "\r\n");
            assert_eq!(rest(&stream).0, refused("400 Bad Request"));
            // A request after two of them is one, and begins to count anew.
            let stream = connect(address);
            for _ in 0..2 {
                for _ in 0..2 {
                    send(&stream, "\r\n");
                    sleep(pause);
                }
                send(&stream, "GET /a HTTP/1.1\r\nHost: h\r\n\r\n");
                assert_eq!(answer(&stream), text("200 OK", "GET /a "));
            }
        });
    }
}

/// Connections that have rested in between are no new ones.
#[test]
fn requests_are_counted_over_pauses() {
    simulate(with(|l| l.requests = 3), echo, |address| {
        let stream = connect(address);
        for expected in [text, text, closing] {
            send(&stream, "GET /a HTTP/1.1\r\nHost: h\r\n\r\n");
            assert_eq!(answer(&stream), expected("200 OK", "GET /a "));
            sleep(50 * SECOND);
        }
        assert_eq!(rest(&stream).0, "");
    });
}

#[test]
fn a_body_must_go_on() {
    simulate(with(|_| {}), echo, |address| {
        for (framing, body) in [
            ("Content-Length: 5", ["a", "b", "c", "d", "e"]),
            ("Transfer-Encoding: chunked", ["5", "\r\nab", "cde\r", "\n0\r\n\r", "\n"]),
        ] {
            let head =
                format!("POST /a HTTP/1.1\r\nHost: h\r\nConnection: close\r\n{framing}\r\n\r\n");
            let stream = connect(address);
            send(&stream, &head);
            for part in body {
                sleep(30 * SECOND - MILLISECOND);
                send(&stream, part);
            }
            assert_eq!(rest(&stream).0, closing("200 OK", "POST /a abcde"));

            for parts in 0..body.len() {
                let stream = connect(address);
                send(&stream, head.clone() + &body[..parts].concat());
                let begin = now();
                let (answer, ended) = rest(&stream);
                assert_eq!(answer, refused("408 Request Timeout"));
                assert_at(ended, begin + 30 * SECOND);
            }
        }
    });
}

/// The same for what the handler has left behind, which is skipped.
#[test]
fn an_unread_body_must_go_on() {
    simulate(
        with(|_| {}),
        |_: &mut Request<'_>| "x",
        |address| {
            let stream = connect(address);
            send(&stream, "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\n");
            assert_eq!(answer(&stream), text("200 OK", "x"));
            for _ in 0..4 {
                sleep(30 * SECOND - MILLISECOND);
                send(&stream, "a");
            }
            let begin = now();
            let (answer, ended) = rest(&stream);
            assert_eq!(answer, "");
            assert_at(ended, begin + 30 * SECOND);
        },
    );
}

#[test]
fn a_peer_that_takes_nothing_is_cut() {
    const LENGTH: usize = 64 << 20;
    simulate(
        with(|_| {}),
        |_: &mut Request<'_>| vec![b'z'; LENGTH],
        |address| {
            let stream = connect(address);
            send(&stream, "GET / HTTP/1.1\r\nHost: h\r\n\r\n");
            // More than enough at a time for the kernel to tell the server that there is room again.
            let mut part = vec![0; 4 << 20];
            for _ in 0..4 {
                sleep(30 * SECOND - MILLISECOND);
                (&stream).read_exact(&mut part).unwrap();
            }
            sleep(31 * SECOND);
            // What the kernels hold still comes, and then the end: not all of it.
            let mut left = Vec::new();
            let cut = (&stream).read_to_end(&mut left);
            assert!(4 * part.len() + left.len() < LENGTH, "{cut:?}");
        },
    );
}

#[test]
fn a_closed_connection_takes_what_still_comes_for_a_while() {
    simulate(with(|_| {}), echo, |address| {
        // Silent: for two seconds.
        let stream = connect(address);
        send(&stream, "nonsense\r\n\r\n");
        assert_eq!(rest(&stream).0, refused("400 Bad Request"));
        sleep(2 * SECOND - MILLISECOND);
        send(&stream, "more");
        sleep(2 * SECOND + MILLISECOND);
        // The first one is answered with a reset, which the second meets.
        let begin = now();
        assert_at(reset(&stream), begin + SECOND);
        // Talkative: for half a minute.
        let stream = connect(address);
        let begin = now();
        send(&stream, "nonsense\r\n\r\n");
        let ended = reset(&stream);
        assert!(ended >= begin + 30 * SECOND && ended < begin + 33 * SECOND);
    });
}

/// Sends a byte each second until that fails, and says when it did.
fn reset(mut stream: &TcpStream) -> Instant {
    loop {
        match stream.write_all(b"x") {
            Ok(()) => sleep(SECOND),
            Err(e) => {
                assert!(
                    matches!(e.kind(), ErrorKind::ConnectionReset | ErrorKind::BrokenPipe),
                    "{e}"
                );
                return now();
            }
        }
    }
}
