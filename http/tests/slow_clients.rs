//! Clients that are slow, or do nothing, hold their own connections and nothing else: all others are served meanwhile, on one
//! worker.

mod support;

use std::io::{self, Read, Write};
use std::sync::LazyLock;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use greenwood_http::{Backend, IntoResponse, Request, Response, Server};
use support::{BACKENDS, Client, TestServer, WATCHDOG, closing, text};

/// Of each kind.
const MANY: usize = 100;

const HOST: &str = "HTTP/1.1\r\nHost: h\r\n";

/// More than the kernel holds for a connection.
const LARGE: usize = 16 << 20;
static LARGE_BODY: LazyLock<&[u8]> = LazyLock::new(|| vec![b'z'; LARGE].leak());

fn handler(request: &mut Request<'_>) -> io::Result<Response> {
    let mut body = String::new();
    request.body().read_to_string(&mut body)?;
    Ok(match request.path() {
        "/large" => LARGE_BODY.into_response(),
        path => format!("{path} {body}").into_response(),
    })
}

fn server(backend: Backend) -> TestServer {
    raise_descriptor_limit();
    TestServer::on_one_worker(Server::builder().backend(backend), |request: &mut Request<'_>| {
        handler(request)
    })
}

/// Many requests of a client that does as it should, on old connections and new ones.
fn is_served(server: &TestServer) {
    let mut client = server.connect();
    for i in 0..50 {
        client.send(format!("GET /{i} {HOST}\r\n"));
        assert_eq!(client.until(&format!("/{i} ")), text("200 OK", &format!("/{i} ")));
        let length = i.to_string().len();
        let new = format!("POST /b {HOST}Connection: close\r\nContent-Length: {length}\r\n\r\n{i}");
        assert_eq!(server.exchange(&[new.as_bytes()]), closing("200 OK", &format!("/b {i}")));
    }
}

fn clients(server: &TestServer, begin: &str) -> Vec<Client> {
    let connect = |_| {
        let mut client = server.connect();
        client.send(begin);
        client
    };
    (0..MANY).map(connect).collect()
}

#[test]
fn who_stops_anywhere_stops_nobody_else() {
    for backend in BACKENDS {
        let server = server(backend);
        let body = format!("POST /slow {HOST}Content-Length: 4\r\n\r\n");
        let chunked = format!("POST /slow {HOST}Transfer-Encoding: chunked\r\n\r\n");
        // What they send first, and later.
        let kinds = [
            (String::new(), format!("POST /slow {HOST}Content-Length: 4\r\n\r\nbody")),
            ("POST /sl".to_owned(), format!("ow {HOST}Content-Length: 4\r\n\r\nbody")),
            (body.clone(), "body".to_owned()),
            (body + "bod", "y".to_owned()),
            (chunked + "4;x\r\nbo", "dy\r\n0\r\n\r\n".to_owned()),
        ];
        let mut slow: Vec<_> = kinds.iter().map(|(begin, _)| clients(&server, begin)).collect();
        is_served(&server);
        // They were slow and no worse, and are served in the end.
        for (clients, (_, end)) in slow.iter_mut().zip(&kinds) {
            for client in clients {
                client.send(end);
                assert_eq!(client.until("/slow body"), text("200 OK", "/slow body"));
            }
        }
    }
}

#[test]
fn who_does_not_read_stops_nobody_else() {
    for backend in BACKENDS {
        let server = server(backend);
        let slow = clients(&server, &format!("GET /large {HOST}Connection: close\r\n\r\n"));
        is_served(&server);
        // Whoever reads after all gets everything.
        for mut client in slow.into_iter().take(3) {
            assert!(client.rest().ends_with(str::from_utf8(&LARGE_BODY).unwrap()));
        }
    }
}

/// Does something over and over beside the test, until it ends.
fn beside<R>(mut task: impl FnMut() -> io::Result<()> + Send, test: impl FnOnce() -> R) -> R {
    let over = AtomicBool::new(false);
    let over = &over;
    thread::scope(|scope| {
        let task = scope.spawn(move || {
            while !over.load(Ordering::Relaxed) {
                task()?;
            }
            io::Result::Ok(())
        });
        let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(test));
        over.store(true, Ordering::Relaxed);
        task.join().unwrap().unwrap();
        result.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}

#[test]
fn one_byte_at_a_time() {
    for backend in BACKENDS {
        let server = server(backend);
        let raw = format!("POST /slow {HOST}Content-Length: 4\r\nConnection: close\r\n\r\nbody");
        let senders = clients(&server, "");
        let readers = clients(&server, &format!("GET /large {HOST}\r\n"));
        let mut bytes = raw.bytes();
        let drip = || {
            let byte = bytes.next();
            for (mut sender, mut reader) in
                senders.iter().map(|c| &c.stream).zip(readers.iter().map(|c| &c.stream))
            {
                if let Some(byte) = byte {
                    sender.write_all(&[byte])?;
                }
                reader.read_exact(&mut [0])?;
            }
            thread::sleep(Duration::from_millis(1));
            Ok(())
        };
        beside(drip, || is_served(&server));
        let rest: Vec<u8> = bytes.collect();
        for mut sender in senders {
            sender.send(&rest);
            assert_eq!(sender.rest(), closing("200 OK", "/slow body"));
        }
    }
}

/// Requests without end, and a reader for all the answers.
#[test]
fn a_flood_of_requests() {
    for backend in BACKENDS {
        let server = server(backend);
        let flood = server.connect();
        let mut sink = flood.stream.try_clone().unwrap();
        let reader = thread::spawn(move || io::copy(&mut sink, &mut io::sink()));
        let requests = format!("GET /flood {HOST}\r\n").repeat(1000);
        beside(|| (&flood.stream).write_all(requests.as_bytes()), || is_served(&server));
        flood.half_close();
        assert!(reader.join().unwrap().unwrap() > 0);
    }
}

/// Requests without end, and nobody who reads the answers: the server takes no more of them than it can answer.
#[test]
fn a_flood_of_requests_whose_answers_nobody_reads() {
    for backend in BACKENDS {
        let server = server(backend);
        let flood = server.connect();
        flood.stream.set_write_timeout(Some(Duration::from_millis(50))).unwrap();
        let requests = format!("GET /flood {HOST}\r\n").repeat(1000);
        let (mut sent, mut full) = (0, 0);
        beside(
            || {
                match (&flood.stream).write(requests.as_bytes()) {
                    Ok(n) => (sent, full) = (sent + n, 0),
                    Err(e) if e.kind() == io::ErrorKind::WouldBlock => full += 1,
                    Err(e) => return Err(e),
                }
                Ok(())
            },
            || is_served(&server),
        );
        let begin = std::time::Instant::now();
        while full < 5 {
            match (&flood.stream).write(requests.as_bytes()) {
                Ok(n) => (sent, full) = (sent + n, 0),
                Err(e) => {
                    assert_eq!(e.kind(), io::ErrorKind::WouldBlock);
                    full += 1;
                }
            }
            // What the kernel holds, on both sides, is far less.
            assert!(sent < 256 << 20 && begin.elapsed() < WATCHDOG, "takes {sent} bytes and more");
        }
        is_served(&server);
    }
}

#[test]
fn a_body_without_end() {
    for backend in BACKENDS {
        let mut limits = greenwood_http::Limits::default();
        limits.body = u64::MAX;
        let builder = Server::builder().backend(backend).limits(limits);
        let server =
            TestServer::on_one_worker(builder, |request: &mut Request<'_>| match request.path() {
                "/endless" => {
                    io::copy(request.body(), &mut io::sink()).map(|n| n.to_string().into_response())
                }
                _ => handler(request),
            });
        let flood =
            clients(&server, &format!("POST /endless {HOST}Transfer-Encoding: chunked\r\n\r\n"));
        let chunk = [b"10000\r\n", &[b'x'; 0x10000][..], b"\r\n"].concat();
        let (mut next, mut chunks) = (flood.iter().cycle(), 0);
        let send = || {
            chunks += 1;
            (&next.next().unwrap().stream).write_all(&chunk)
        };
        beside(send, || is_served(&server));
        let mut received = 0;
        for mut client in flood {
            client.send("0\r\n\r\n");
            client.half_close();
            let answer = client.rest();
            received += answer.split("\r\n\r\n").nth(1).unwrap().parse::<usize>().unwrap();
        }
        assert_eq!(received, chunks * 0x10000);
    }
}

/// More descriptors than the usual limit, which may be raised.
fn raise_descriptor_limit() {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: the functions read and write the structure that they are given.
    unsafe {
        assert_eq!(libc::getrlimit(libc::RLIMIT_NOFILE, &mut limit), 0);
        limit.rlim_cur = limit.rlim_max;
        assert_eq!(libc::setrlimit(libc::RLIMIT_NOFILE, &limit), 0);
    }
}
