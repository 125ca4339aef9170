//! A handler finds out that its client has gone.

mod support;

use std::sync::Mutex;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use greenwood_http::middleware::{cancel_when_gone, wrap};
use greenwood_http::{Backend, ClientHandle, Request, ResponseBody, Router, Server};
use greenwood_runtime::{CancelToken, Cancelled, sleep, spawn, timeout};
use support::folder::Folder;
use support::{BACKENDS, TestServer, WATCHDOG, closing, text};

const SHORT: Duration = Duration::from_millis(20);

const GET: &str = "GET / HTTP/1.1\r\nHost: h\r\n\r\n";

/// Has the handle of each request's client sent to the test.
fn handles(backend: Backend) -> (TestServer, Receiver<ClientHandle>) {
    let (sender, handles) = channel();
    let server =
        TestServer::with(Server::builder().backend(backend), move |r: &mut Request<'_>| {
            sender.send(r.client_handle()).unwrap();
            "here"
        });
    (server, handles)
}

/// A handler that says when it has begun, waits for its client to go, and then says what it found.
fn long_poll(backend: Backend) -> (TestServer, Receiver<&'static str>) {
    let (says, said) = channel();
    let server =
        TestServer::with(Server::builder().backend(backend), move |r: &mut Request<'_>| {
            let client = r.client_handle();
            says.send("begun").unwrap();
            assert!(client.wait_gone(Some(WATCHDOG)));
            assert!(client.is_gone() && client.wait_gone(None));
            says.send("gone").unwrap();
            "for nobody"
        });
    (server, said)
}

#[test]
fn a_client_that_closes_is_noticed() {
    for backend in BACKENDS {
        let (server, said) = long_poll(backend);
        let mut client = server.connect();
        client.send(GET);
        assert_eq!(said.recv().unwrap(), "begun");
        drop(client);
        assert_eq!(said.recv_timeout(WATCHDOG).unwrap(), "gone");
    }
}

/// The documented limit: it looks like one that has gone, and is answered all the same.
#[test]
fn a_client_that_closes_its_half_counts_as_gone() {
    for backend in BACKENDS {
        let (server, said) = long_poll(backend);
        let mut client = server.connect();
        client.send(GET);
        assert_eq!(said.recv().unwrap(), "begun");
        client.half_close();
        assert_eq!(said.recv_timeout(WATCHDOG).unwrap(), "gone");
        assert_eq!(client.rest(), text("200 OK", "for nobody"));
    }
}

/// Whether they came with the request, or while the handler waits.
#[cfg(any(target_os = "linux", target_os = "android"))]
#[test]
fn requests_that_wait_hide_no_end() {
    for backend in BACKENDS {
        for at_once in [true, false] {
            let (server, said) = long_poll(backend);
            let mut client = server.connect();
            // More than the server reads at once: bytes stay with the kernel.
            let body = "x".repeat(100_000);
            let post =
                format!("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 100000\r\n\r\n{body}");
            client.send(if at_once { post.clone() } else { GET.to_owned() });
            assert_eq!(said.recv().unwrap(), "begun");
            if !at_once {
                client.send(post);
            }
            client.half_close();
            assert_eq!(said.recv_timeout(WATCHDOG).unwrap(), "gone");
        }
    }
}

#[test]
fn a_client_that_waits_is_there() {
    for backend in BACKENDS {
        let server = TestServer::with(Server::builder().backend(backend), |r: &mut Request<'_>| {
            let client = r.client_handle();
            let waited = [
                client.wait_gone(Some(Duration::ZERO)),
                client.wait_gone(Some(SHORT)),
                client.clone().is_gone(),
            ];
            format!("{waited:?}")
        });
        let answer = text("200 OK", "[false, false, false]");
        let mut client = server.connect();
        for _ in 0..2 {
            client.send(GET);
            assert_eq!(client.until("]"), answer);
        }
        // With a second request behind the first.
        client.send([GET, GET].concat());
        assert_eq!(client.until("]"), answer);
        assert_eq!(client.until("]"), answer);
    }
}

#[test]
fn after_the_answer_it_tells_of_the_connection() {
    for backend in BACKENDS {
        let (server, handles) = handles(backend);
        let mut client = server.connect();
        client.send(GET);
        client.until("here");
        let handle = handles.recv().unwrap();
        assert!(!handle.is_gone() && !handle.wait_gone(Some(SHORT)));
        client.send(GET);
        client.until("here");
        assert!(!handle.is_gone());
        drop(client);
        assert!(handle.wait_gone(Some(WATCHDOG)));

        // The server closes this one, and nobody who waits keeps it open.
        let mut client = server.connect();
        let handle = {
            client.send(GET);
            client.until("here");
            handles.recv().unwrap()
        };
        let waits: [Box<dyn FnOnce() -> bool>; 2] = {
            let (one, other) = (handle.clone(), handle.clone());
            let coroutine = spawn(move || one.wait_gone(Some(WATCHDOG)));
            let thread = std::thread::spawn(move || other.wait_gone(Some(WATCHDOG)));
            [Box::new(|| coroutine.join().unwrap()), Box::new(|| thread.join().unwrap())]
        };
        // Makes it likely that they wait by then.
        std::thread::sleep(SHORT);
        client.send("GET / HTTP/1.0\r\n\r\n");
        assert_eq!(client.rest(), closing("200 OK", "here"));
        drop(client);
        assert!(waits.into_iter().all(|wait| wait()));
        assert!(handle.is_gone());
    }
}

#[test]
fn after_the_server_has_ended_everybody_has_gone() {
    for backend in BACKENDS {
        let (server, handles) = handles(backend);
        let mut client = server.connect();
        client.send(GET);
        client.until("here");
        let handle = handles.recv().unwrap();
        let waiting = handle.clone();
        let waiting = spawn(move || waiting.wait_gone(Some(WATCHDOG)));
        assert!(!handle.is_gone());
        server.shutdown.shutdown();
        server.join();
        assert!(waiting.join().unwrap());
        assert!(handle.is_gone() && handle.wait_gone(None));
        assert_eq!(format!("{handle:?}"), "ClientHandle { gone: true }");
        assert_eq!(client.rest(), "");
    }
}

/// A wait has no error to return: what ends it from around it unwinds.
#[test]
fn the_wait_can_be_ended() {
    for backend in BACKENDS {
        let server = TestServer::with(Server::builder().backend(backend), |r: &mut Request<'_>| {
            let client = r.client_handle();
            let timed_out = timeout(SHORT, || client.wait_gone(None)).is_err();
            let token = CancelToken::new();
            token.cancel();
            let cancelled = token.run(|| client.wait_gone(None)) == Err(Cancelled);
            format!("{timed_out} {cancelled} {}", client.wait_gone(Some(SHORT)))
        });
        let mut client = server.connect();
        client.send(GET);
        assert_eq!(client.until(" false"), text("200 OK", "true true false"));
    }
}

/// That a shutdown ends the input of idle connections does not look like a client that has gone.
#[test]
fn a_shutdown_is_no_client_that_has_gone() {
    for round in 0..100 {
        let server = TestServer::with(
            Server::builder().backend(BACKENDS[round % 2]),
            |r: &mut Request<'_>| r.client_handle().wait_gone(Some(SHORT / 20)).to_string(),
        );
        let mut client = server.connect();
        client.send(GET);
        assert_eq!(client.until("false"), text("200 OK", "false"));
        client.send(GET);
        server.shutdown.shutdown();
        // Whatever came first: closed without the second request, or it was answered.
        let answer = client.raw_rest();
        assert!(answer.is_empty() || answer.ends_with(b"\r\n\r\nfalse"), "{answer:?}");
    }
}

#[test]
fn a_body_can_watch_too() {
    for backend in BACKENDS {
        let (says, said) = channel();
        let server = TestServer::with(Server::builder().backend(backend), move |_: &mut _| {
            let says = says.clone();
            ResponseBody::from_writer(move |out| {
                use std::io::Write;
                out.write_all(b"first")?;
                out.flush()?;
                says.send(out.client_handle().wait_gone(Some(WATCHDOG))).unwrap();
                Ok(())
            })
        });
        let mut client = server.connect();
        client.send(GET);
        client.until("first");
        drop(client);
        assert!(said.recv_timeout(WATCHDOG).unwrap());
    }
}

#[test]
fn on_a_unix_socket_too() {
    use std::io::Write;
    let folder = Folder::new();
    for backend in BACKENDS {
        let server = Server::builder().backend(backend).bind_unix(folder.join("s")).unwrap();
        let shutdown = server.shutdown_handle();
        let (says, said) = channel();
        let handler = move |request: &mut Request<'_>| {
            let client = request.client_handle();
            says.send(client.wait_gone(Some(SHORT))).unwrap();
            says.send(client.wait_gone(Some(WATCHDOG))).unwrap();
        };
        let server = std::thread::spawn(move || greenwood_runtime::run(|| server.serve(handler)));
        let mut client = std::os::unix::net::UnixStream::connect(folder.join("s")).unwrap();
        client.write_all(GET.as_bytes()).unwrap();
        assert!(!said.recv().unwrap());
        drop(client);
        assert!(said.recv_timeout(WATCHDOG).unwrap());
        shutdown.shutdown();
        server.join().unwrap().unwrap();
    }
}

/// Reports that it is dropped.
struct Ends(Sender<()>);

impl Drop for Ends {
    fn drop(&mut self) {
        let _ = self.0.send(());
    }
}

#[test]
fn work_for_a_client_that_has_gone_is_ended() {
    for backend in BACKENDS {
        let (ends, ended) = channel();
        let ends = Mutex::new(ends);
        let (begins, begun) = channel();
        let forever = move |_: &mut Request<'_>| {
            let _ends = Ends(ends.lock().unwrap().clone());
            begins.send(()).unwrap();
            sleep(Duration::MAX);
        };
        let router = Router::new()
            .get("/forever", forever)
            .get("/quick", || "quick")
            .with(cancel_when_gone());
        let builder = Server::builder().backend(backend);
        let server = TestServer::serving(builder, router.build().unwrap());
        let request = |path| format!("GET {path} HTTP/1.1\r\nHost: h\r\n\r\n");

        let mut client = server.connect();
        for _ in 0..3 {
            client.send(request("/quick"));
            assert_eq!(client.until("\r\n\r\nquick"), text("200 OK", "quick"));
        }
        client.send(request("/forever"));
        begun.recv_timeout(WATCHDOG).unwrap();
        drop(client);
        ended.recv_timeout(WATCHDOG).unwrap();

        let mut client = server.connect();
        client.send(request("/forever"));
        client.half_close();
        assert_eq!(client.rest(), "HTTP/1.1 499 \r\ncontent-length: 0\r\n\r\n");
    }
}

/// I/O fails rather than unwinds, and the handler makes a 5xx of that.
#[test]
fn errors_of_work_that_was_ended_are_no_errors() {
    let read = |_: &mut Request<'_>| -> std::io::Result<&str> {
        let (mut silent, _open) = greenwood_net::unix::UnixStream::pair()?;
        std::io::Read::read(&mut silent, &mut [0]).map(|_| "never")
    };
    let server = TestServer::serving(Server::builder(), wrap(read, cancel_when_gone()));
    let mut client = server.connect();
    client.send(GET);
    client.half_close();
    assert_eq!(client.rest(), "HTTP/1.1 499 \r\ncontent-length: 0\r\n\r\n");
}
