//! The server's own access log: what it says, and what a writer that does not write costs.

mod support;

use std::io::{self, Read, Write};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use greenwood_http::observe::AccessLog;
use greenwood_http::{Limits, Request, ResponseBody, Router, Server};
use support::{BACKENDS, TestServer, WATCHDOG};

/// Sends all that is written, each piece as it comes.
struct Pieces(Sender<String>);

impl Write for Pieces {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let _ = self.0.send(String::from_utf8(bytes.to_vec()).unwrap());
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A line without the date and the duration, which must have their forms.
fn stable(line: &str) -> String {
    let (start, rest) = line.split_once('[').unwrap();
    let (date, rest) = rest.split_once("] ").unwrap();
    let form: String = date.chars().map(|c| if c.is_ascii_digit() { '0' } else { c }).collect();
    assert_eq!(form.replace(&date[3..6], "Mon"), "00/Mon/0000:00:00:00 +0000", "{line:?}");
    let (rest, end) = rest.rsplit_once(' ').unwrap();
    let (rest, took) = rest.rsplit_once(' ').unwrap();
    if took != "-" {
        let (seconds, micros) = took.split_once('.').unwrap();
        assert!(seconds.parse::<u64>().unwrap() < 60 && micros.len() == 6, "{line:?}");
    }
    format!("{start}{rest} {end}")
}

fn next_line(pieces: &Receiver<String>) -> String {
    let piece = pieces.recv_timeout(WATCHDOG).unwrap();
    let line = piece.strip_suffix('\n').unwrap();
    assert!(!line.contains('\n'), "{piece:?}");
    stable(line)
}

#[test]
fn a_line_for_each_exchange() {
    for backend in BACKENDS {
        let (pieces, written) = channel();
        let log = AccessLog::new(Pieces(pieces)).unwrap();
        let routes = Router::new()
            .get("/", || "hello")
            .get("/stream", || ResponseBody::from_reader(&b"abc"[..]))
            .get("/fails", || {
                ResponseBody::from_writer(|out| {
                    out.write_all(b"abc")?;
                    out.flush()?;
                    Err(io::ErrorKind::Other.into())
                })
            })
            .get("/panic", || -> () { panic!("on purpose") });
        let mut limits = Limits::default();
        limits.idle = Duration::from_millis(50);
        let builder = Server::builder().backend(backend).limits(limits).observer(log);
        let server = TestServer::serving(builder, routes.build().unwrap());
        for (raw, expected) in [
            (
                &b"GET /?q HTTP/1.0\r\nReferer: http://h/\r\nUser-Agent: me \xe9\"\\\r\n\r\n"[..],
                r#"127.0.0.1 - - "GET /?q HTTP/1.0" 200 5 "http://h/" "me \xe9\x22\x5c" -"#,
            ),
            (
                b"HEAD / HTTP/1.1\r\nHost: h\r\nUser-Agent: a\tb\r\n\r\n",
                r#"127.0.0.1 - - "HEAD / HTTP/1.1" 200 0 "-" "a\x09b" +"#,
            ),
            (
                b"GET /stream HTTP/1.1\r\nHost: h\r\n\r\n",
                r#"127.0.0.1 - - "GET /stream HTTP/1.1" 200 16 "-" "-" +"#,
            ),
            (
                b"GET /fails HTTP/1.1\r\nHost: h\r\n\r\n",
                r#"127.0.0.1 - - "GET /fails HTTP/1.1" 200 11 "-" "-" X"#,
            ),
            (
                b"GET /\"x\\%0a HTTP/1.0\r\n\r\n",
                r#"127.0.0.1 - - "GET /\x22x\x5c%0a HTTP/1.0" 404 9 "-" "-" -"#,
            ),
            (
                b"GET /panic HTTP/1.1\r\nHost: h\r\n\r\n",
                r#"127.0.0.1 - - "GET /panic HTTP/1.1" 500 21 "-" "-" -"#,
            ),
            (b"GET \"\r\n\r\n", r#"127.0.0.1 - - "-" 400 - "-" "-" -"#),
            (b"GET / HTTP/3.0\r\n\r\n", r#"127.0.0.1 - - "-" 505 - "-" "-" -"#),
        ] {
            let answer = server.exchange(&[raw]);
            assert!(answer.starts_with("HTTP/1.1 "), "{answer}");
            assert_eq!(next_line(&written), expected);
        }
        assert!(written.try_recv().is_err());
    }
}

/// Whatever comes together goes out together, and none is missing when the server has ended.
#[test]
fn lines_are_whole_and_all_there_at_the_end() {
    for backend in BACKENDS {
        let (pieces, written) = channel();
        let log = Arc::new(AccessLog::new(Pieces(pieces)).unwrap());
        let builder = Server::builder().backend(backend).observer(log.clone());
        let server = TestServer::with(builder, |_: &mut Request<'_>| "hello");
        std::thread::scope(|scope| {
            for client in 0..4 {
                let server = &server;
                scope.spawn(move || {
                    let mut connection = server.connect();
                    for n in 0..100 {
                        let request = format!("GET /{client}/{n} HTTP/1.1\r\nHost: h\r\n\r\n");
                        connection.send(request);
                        connection.until("hello");
                    }
                });
            }
        });
        server.shutdown.shutdown();
        server.join();
        let pieces: Vec<_> = written.try_iter().collect();
        assert!(pieces.iter().all(|piece| piece.ends_with('\n')));
        let all = pieces.concat();
        for client in 0..4 {
            let of = |line: &&str| line.contains(&format!("\"GET /{client}/"));
            let numbers: Vec<_> = all.lines().filter(of).collect();
            assert_eq!(numbers.len(), 100);
            for (n, line) in numbers.iter().enumerate() {
                assert!(line.contains(&format!("/{client}/{n} HTTP/1.1\" 200 5 ")), "{line}");
            }
        }
        assert_eq!((all.lines().count(), log.lost()), (400, 0));
    }
}

/// Nobody reads the pipe. Requests are answered all the same, what finds no room is counted, and what found some is written once
/// somebody reads.
#[test]
fn a_writer_that_is_stuck_holds_nobody_up() {
    for backend in BACKENDS {
        let (mut reads, writes) = io::pipe().unwrap();
        let log = Arc::new(AccessLog::new(writes).unwrap());
        let builder = Server::builder().backend(backend).observer(log.clone());
        let server = TestServer::with(builder, |_: &mut Request<'_>| "hello");
        let target = "x".repeat(8000);
        let mut client = server.connect();
        let mut asked = 0;
        // The kernel's buffer, what the thread holds, and the queue.
        while log.lost() == 0 {
            client.send(format!("GET /{target}{asked} HTTP/1.1\r\nHost: h\r\n\r\n"));
            client.until("hello");
            asked += 1;
            assert!(asked < 10_000);
        }
        let reader = std::thread::spawn(move || {
            let mut all = String::new();
            reads.read_to_string(&mut all).map(|_| all)
        });
        drop(client);
        server.shutdown.shutdown();
        server.join();
        let lost = log.lost();
        // The thread ends, and with it the pipe.
        drop(log);
        let all = reader.join().unwrap().unwrap();
        assert!(lost > 0 && all.ends_with('\n'));
        assert_eq!(all.lines().count() as u64 + lost, asked);
        assert!(all.lines().all(|line| line.starts_with("127.0.0.1 - - [")));
    }
}

/// Not even the end of the server, which waits for a while only.
#[test]
fn a_server_ends_though_its_log_is_stuck() {
    let (reads, writes) = io::pipe().unwrap();
    let log = AccessLog::new(writes).unwrap();
    let server = TestServer::with(Server::builder().observer(log), |_: &mut Request<'_>| "hello");
    let target = "x".repeat(8000);
    let mut client = server.connect();
    // More than the kernel takes.
    for _ in 0..20 {
        client.send(format!("GET /{target} HTTP/1.1\r\nHost: h\r\n\r\n"));
        client.until("hello");
    }
    server.shutdown.shutdown();
    server.join();
    drop(reads);
}

/// Fails, panics, and then works.
struct Moody {
    calls: usize,
    lines: Arc<Mutex<String>>,
}

impl Write for Moody {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.calls += 1;
        match self.calls {
            1 => Err(io::ErrorKind::StorageFull.into()),
            2 => panic!("on purpose"),
            3 => Err(io::ErrorKind::Interrupted.into()),
            4 => Err(io::ErrorKind::WouldBlock.into()),
            _ => {
                let n = bytes.len().min(7);
                self.lines.lock().unwrap().push_str(std::str::from_utf8(&bytes[..n]).unwrap());
                Ok(n)
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_writer_that_fails_loses_only_what_it_was_given() {
    let lines = Arc::default();
    let writer = Moody { calls: 0, lines: Arc::clone(&lines) };
    let log = Arc::new(AccessLog::new(writer).unwrap());
    let server =
        TestServer::with(Server::builder().observer(log.clone()), |_: &mut Request<'_>| "hello");
    for lost in [1, 2] {
        server.exchange(&[b"GET / HTTP/1.0\r\n\r\n"]);
        while log.lost() < lost {
            std::thread::sleep(Duration::from_millis(1));
        }
    }
    server.exchange(&[b"GET /third HTTP/1.0\r\n\r\n"]);
    server.shutdown.shutdown();
    server.join();
    let lines = lines.lock().unwrap();
    assert!(lines.contains("\"GET /third HTTP/1.0\" 200 5 "), "{lines}");
    assert_eq!((lines.lines().count(), log.lost()), (1, 2));
}
