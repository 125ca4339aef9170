//! Ending a server: what is in flight finishes, what is idle closes, what comes later is refused.

mod support;

use std::io::{ErrorKind, Read};
use std::sync::Mutex;
use std::sync::mpsc::{self, Receiver, Sender};
use std::time::Duration;

use greenwood_http::{Backend, Request, Server};
use support::{BACKENDS, TestServer, closing, echo, refused, text};

/// A server whose `/wait` says that it has begun and then waits for leave.
fn gated(backend: Backend) -> (TestServer, Receiver<()>, Sender<()>) {
    let (begun, begins) = mpsc::channel();
    let (leave, gate) = mpsc::channel();
    let gate = Mutex::new(gate);
    let server =
        TestServer::with(Server::builder().backend(backend), move |request: &mut Request<'_>| {
            if request.path() == "/wait" {
                begun.send(()).unwrap();
                let gate = gate.lock().unwrap();
                // Not to block the worker, whatever the channel does on one.
                while gate.try_recv().is_err_and(|e| e == mpsc::TryRecvError::Empty) {
                    greenwood_runtime::sleep(Duration::from_millis(1));
                }
            }
            request.path().to_owned()
        });
    (server, begins, leave)
}

#[test]
fn requests_in_flight_are_answered() {
    for backend in BACKENDS {
        let (server, begins, leave) = gated(backend);
        let mut client = server.connect();
        client.send("GET /wait HTTP/1.1\r\nHost: h\r\n\r\n");
        begins.recv_timeout(support::WATCHDOG).unwrap();
        server.shutdown.shutdown();
        leave.send(()).unwrap();
        assert_eq!(client.rest(), closing("200 OK", "/wait"));
        server.join();
    }
}

#[test]
fn pipelined_requests_in_flight_are_all_answered() {
    let (server, begins, leave) = gated(Backend::Green);
    let mut client = server.connect();
    client.send("GET /wait HTTP/1.1\r\nHost: h\r\n\r\nGET /2 HTTP/1.1\r\nHost: h\r\n\r\nGET /3 HTTP/1.1\r\nHost: h\r\n\r\n");
    begins.recv_timeout(support::WATCHDOG).unwrap();
    server.shutdown.shutdown();
    leave.send(()).unwrap();
    let expected = text("200 OK", "/wait") + &text("200 OK", "/2") + &closing("200 OK", "/3");
    assert_eq!(client.rest(), expected);
    server.join();
}

#[test]
fn idle_connections_close_at_once() {
    for backend in BACKENDS {
        let server = TestServer::with(Server::builder().backend(backend), echo);
        let mut used = server.connect();
        used.send("GET /a HTTP/1.1\r\nHost: h\r\n\r\n");
        used.until("GET /a ");
        let mut fresh = server.connect();
        server.shutdown.shutdown();
        server.join();
        assert_eq!((used.rest(), fresh.rest()), (String::new(), String::new()));
    }
}

#[test]
fn requests_that_were_sent_before_are_answered() {
    // The race is between the shutdown and the reading of requests that the kernel holds already.
    for round in 0..200 {
        let server = TestServer::with(Server::builder().backend(BACKENDS[round % 2]), echo);
        let mut used = server.connect();
        used.send("GET /a HTTP/1.1\r\nHost: h\r\n\r\n");
        used.until("GET /a ");
        used.send("GET /b HTTP/1.1\r\nHost: h\r\n\r\n");
        let mut fresh = server.connect();
        fresh.send("GET /c HTTP/1.1\r\nHost: h\r\n\r\n");
        server.shutdown.shutdown();
        server.join();
        assert!(used.rest().ends_with("\r\n\r\nGET /b "), "round {round}");
        assert!(fresh.rest().ends_with("\r\n\r\nGET /c "), "round {round}");
    }
}

#[test]
fn nothing_is_accepted_afterwards() {
    let server = TestServer::start(echo);
    let address = server.address;
    server.shutdown.shutdown();
    server.join();
    let refused = std::net::TcpStream::connect(address).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);
}

#[test]
fn what_is_late_is_cut() {
    for backend in BACKENDS {
        let (server, begins, leave) = gated(backend);
        let mut client = server.connect();
        client.send("GET /wait HTTP/1.1\r\nHost: h\r\n\r\n");
        begins.recv_timeout(support::WATCHDOG).unwrap();
        server.shutdown.shutdown_within(Duration::from_secs(3600));
        server.shutdown.shutdown_within(Duration::from_millis(10));
        assert_eq!(client.stream.read(&mut [0; 8]).unwrap(), 0);
        // The handler's own end is not the server's to bring about; a coroutine would be cancelled.
        drop(leave);
        server.join();
    }
}

#[test]
fn a_half_received_head_may_still_be_completed() {
    let server = TestServer::start(echo);
    let mut client = server.connect();
    client.send("GET /a HTTP/1.1\r\nHost: h\r\n\r\nGET /b");
    client.until("GET /a ");
    server.shutdown.shutdown();
    client.send(" HTTP/1.1\r\nHost: h\r\n\r\n");
    assert_eq!(client.rest(), closing("200 OK", "GET /b "));
    server.join();
}

#[test]
fn a_handle_may_come_before_serving_and_from_a_handler() {
    let server = Server::bind("127.0.0.1:0").unwrap();
    server.shutdown_handle().shutdown();
    greenwood_runtime::run(|| server.serve(|_: &mut Request<'_>| "")).unwrap();

    let server = Server::bind("127.0.0.1:0").unwrap();
    let (address, handle) = (server.local_addr().unwrap(), server.shutdown_handle());
    let thread = std::thread::spawn(move || {
        greenwood_runtime::run(|| {
            server.serve(move |_: &mut Request<'_>| {
                handle.shutdown();
                "bye"
            })
        })
    });
    let mut stream = std::net::TcpStream::connect(address).unwrap();
    std::io::Write::write_all(&mut stream, b"GET / HTTP/1.1\r\nHost: h\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.ends_with("connection: close\r\n\r\nbye"), "{answer}");
    thread.join().unwrap().unwrap();
    assert_ne!(answer, refused("400 Bad Request"));
}

/// Half a head that came just before the end is not refused as broken off by the client, which could not ask another server then.
#[test]
fn half_a_head_gets_no_answer() {
    let (begun, begins) = mpsc::channel();
    let (leave, gate) = mpsc::channel::<()>();
    let gate = Mutex::new(gate);
    let handler = move |request: &mut Request<'_>| {
        if request.path() == "/wait" {
            begun.send(()).unwrap();
            // Blocks the worker: nothing is read from the other connection meanwhile.
            greenwood_runtime::no_yield(|| gate.lock().unwrap().recv().unwrap());
        }
        "x"
    };
    let server = TestServer::on_one_worker(Server::builder(), handler);
    let (mut busy, mut idle) = (server.connect(), server.connect());
    idle.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
    assert_eq!(idle.until("\r\n\r\nx"), text("200 OK", "x"));
    busy.send("GET /wait HTTP/1.1\r\nHost: h\r\n\r\n");
    begins.recv_timeout(support::WATCHDOG).unwrap();
    idle.send("GET / HT");
    server.shutdown.shutdown();
    leave.send(()).unwrap();
    assert_eq!(busy.rest(), closing("200 OK", "x"));
    assert_eq!(idle.raw_rest(), b"");
    server.join();
}
