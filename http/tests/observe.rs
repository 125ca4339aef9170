//! What observers are told: every connection and every exchange, once, and as it was.

mod support;

use std::io::{self, Write};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use greenwood_http::http::{HeaderValue, StatusCode};
use greenwood_http::middleware::{cancel_when_gone, time_limit, wrap};
use greenwood_http::observe::{CloseReason, Connection, Exchange, Observer, Outcome};
use greenwood_http::{
    Backend, Builder, IntoHandler, IntoResponse, Limits, ProxyHeader, Request, RequestError,
    Response, ResponseBody, Router, Server,
};
use greenwood_runtime::sleep;
use support::{BACKENDS, TestServer, WATCHDOG};

#[derive(Debug, PartialEq)]
enum Event {
    Opened,
    Handshake(io::ErrorKind),
    Refused(RequestError),
    Started(String),
    Finished(Seen),
    Closed(CloseReason),
    Stopped,
}
use Event::{Closed, Finished, Handshake, Opened, Refused, Started, Stopped};

#[derive(Debug, PartialEq)]
struct Seen {
    request: String,
    route: Option<String>,
    status: Option<u16>,
    /// Of the whole answer, and of its body.
    sent: (u64, u64),
    complete: bool,
    keeps_alive: bool,
    outcome: Outcome,
}

/// Sends all it is told.
struct Recorder(Sender<Event>);

impl Recorder {
    fn tell(&self, event: Event) {
        let _ = self.0.send(event);
    }
}

impl Observer for Recorder {
    fn connection_opened(&self, connection: &Connection<'_>) {
        assert!(connection.peer_addr().is_some() && !connection.is_secure());
        self.tell(Opened);
    }

    fn handshake_failed(&self, _: &Connection<'_>, error: &io::Error) {
        self.tell(Handshake(error.kind()));
    }

    fn request_refused(&self, connection: &Connection<'_>, error: RequestError) {
        assert!(connection.peer_addr().is_some());
        self.tell(Refused(error));
    }

    fn exchange_started(&self, request: &Request<'_>) {
        self.tell(Started(format!("{} {}", request.method(), request.target())));
    }

    fn exchange_finished(&self, exchange: &Exchange<'_>) {
        assert!(exchange.duration() < WATCHDOG);
        let (method, target) = (exchange.method(), exchange.target());
        self.tell(Finished(Seen {
            request: format!("{method} {target} {:?}", exchange.version()),
            route: exchange.route().map(str::to_owned),
            status: exchange.status().map(|status| status.as_u16()),
            sent: (exchange.bytes_sent(), exchange.body_bytes_sent()),
            complete: exchange.is_complete(),
            keeps_alive: exchange.keeps_alive(),
            outcome: exchange.outcome(),
        }));
    }

    fn connection_closed(&self, _: &Connection<'_>, reason: CloseReason) {
        self.tell(Closed(reason));
    }

    fn server_stopped(&self) {
        self.tell(Stopped);
    }
}

struct Told(Receiver<Event>);

impl Told {
    fn next(&self) -> Event {
        self.0.recv_timeout(WATCHDOG).unwrap()
    }

    fn expect<const N: usize>(&self, events: [Event; N]) {
        for event in events {
            assert_eq!(self.next(), event);
        }
    }

    /// The next exchange.
    fn finished(&self) -> Seen {
        loop {
            if let Finished(seen) = self.next() {
                return seen;
            }
        }
    }

    /// The end of the next connection that ends.
    fn closed(&self) -> CloseReason {
        loop {
            if let Closed(reason) = self.next() {
                return reason;
            }
        }
    }

    fn assert_quiet(&self) {
        assert!(self.0.try_recv().is_err());
    }
}

fn observed<A>(
    backend: Backend,
    set: impl FnOnce(Builder) -> Builder,
    handler: impl IntoHandler<A>,
) -> (TestServer, Told) {
    let (tell, told) = channel();
    let builder = set(Server::builder().backend(backend).observer(Recorder(tell)));
    (TestServer::serving(builder, handler.into_handler()), Told(told))
}

fn get(path: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: h\r\n\r\n")
}

/// An answered exchange whose answer is `answer`, but for its date.
fn seen(request: &str, route: Option<&str>, answer: &str, keeps_alive: bool) -> Event {
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let dated = head.len() + "\r\n\r\n".len() + "date: Sun, 06 Nov 1994 08:49:37 GMT\r\n".len();
    Finished(Seen {
        request: request.to_owned(),
        route: route.map(str::to_owned),
        status: Some(answer[9..12].parse().unwrap()),
        sent: ((dated + body.len()) as u64, body.len() as u64),
        complete: true,
        keeps_alive,
        outcome: Outcome::Answered,
    })
}

fn router() -> Router {
    Router::new()
        .get("/", || "hello")
        .get("/users/{id}", || vec![b'x'; 300_000])
        .get("/chunks", || {
            ResponseBody::from_writer(|out| {
                out.write_all(b"abc")?;
                out.flush()?;
                out.write_all(b"de")
            })
        })
        .post("/body", |body: String| body)
}

#[test]
fn an_exchange_is_told_as_it_was() {
    for backend in BACKENDS {
        let (server, told) = observed(backend, |builder| builder, router().build().unwrap());
        let mut client = server.connect();
        let mut ask = |request: &str, raw: String, route, keeps_alive| {
            client.send(raw);
            let (head, length) = {
                let head = client.until("\r\n\r\n");
                let length = head.split("content-length: ").nth(1);
                let length = length.map(|rest| rest.split("\r\n").next().unwrap().parse().unwrap());
                (head, length)
            };
            let body = match length {
                _ if request.starts_with("HEAD") => String::new(),
                Some(length) => String::from_utf8(client.exactly(length)).unwrap(),
                None => client.until("\r\n0\r\n\r\n"),
            };
            assert_eq!(told.next(), Started(request.rsplit_once(' ').unwrap().0.to_owned()));
            assert_eq!(told.next(), seen(request, route, &(head + &body), keeps_alive));
        };
        // Before the first one, as all on this connection.
        let opened = |told: &Told| assert_eq!(told.next(), Opened);
        opened(&told);
        ask("GET /?a=b HTTP/1.1", get("/?a=b"), Some("/"), true);
        ask("GET /users/7 HTTP/1.1", get("/users/7"), Some("/users/{id}"), true);
        ask(
            "HEAD /users/7 HTTP/1.1",
            get("/users/7").replace("GET", "HEAD"),
            Some("/users/{id}"),
            true,
        );
        ask("GET /chunks HTTP/1.1", get("/chunks"), Some("/chunks"), true);
        ask("GET /none HTTP/1.1", get("/none"), None, true);
        let post = "POST /body HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabc";
        ask("POST /body HTTP/1.1", post.to_owned(), Some("/body"), true);
        ask("GET / HTTP/1.0", "GET / HTTP/1.0\r\n\r\n".to_owned(), Some("/"), false);
        assert_eq!(client.rest(), "");
        assert_eq!(told.next(), Closed(CloseReason::Answered));
        told.assert_quiet();
    }
}

/// The interim answer is none of the answer.
#[test]
fn only_the_final_answer_counts() {
    for backend in BACKENDS {
        let (server, told) = observed(backend, |builder| builder, router().build().unwrap());
        let mut client = server.connect();
        client.send(
            "POST /body HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n",
        );
        client.until("HTTP/1.1 100 Continue\r\n\r\n");
        client.send("abc");
        let answer = client.until("abc");
        told.expect([
            Opened,
            Started("POST /body".to_owned()),
            seen("POST /body HTTP/1.1", Some("/body"), &answer, true),
        ]);
    }
}

#[test]
fn pipelined_exchanges_come_one_after_the_other() {
    for backend in BACKENDS {
        let (server, told) =
            observed(backend, |builder| builder, |r: &mut Request<'_>| r.path().to_owned());
        let requests: String = (0..50).map(|n| get(&format!("/{n}"))).collect();
        let mut client = server.connect();
        client.send(requests);
        assert_eq!(told.next(), Opened);
        for n in 0..50 {
            let answer = client.until(&format!("\r\n\r\n/{n}"));
            let request = format!("GET /{n}");
            assert_eq!(told.next(), Started(request.clone()));
            assert_eq!(told.next(), seen(&(request + " HTTP/1.1"), None, &answer, true));
        }
    }
}

#[test]
fn how_handlers_end() {
    let forever = || sleep(Duration::MAX);
    for backend in BACKENDS {
        let routes = Router::new()
            .get("/panics", || -> () { panic!("on purpose") })
            .get("/late", wrap(forever, time_limit(Duration::from_millis(20))))
            .get("/gone", wrap(forever, cancel_when_gone()))
            .get("/body", || ResponseBody::from_writer(|_| panic!("on purpose")))
            .get("/fails", || ResponseBody::from_writer(|_| Err(io::ErrorKind::Other.into())));
        let (server, told) = observed(backend, |builder| builder, routes.build().unwrap());
        for (path, status, outcome) in [
            ("/panics", 500, Outcome::Panicked),
            ("/late", 503, Outcome::TimedOut),
            ("/gone", 499, Outcome::ClientGone),
            ("/body", 500, Outcome::Panicked),
            ("/fails", 500, Outcome::Answered),
        ] {
            let mut client = server.connect();
            client.send(get(path));
            client.half_close();
            let answer = client.rest();
            let Seen { status: seen, complete, sent, outcome: ended, route, .. } = told.finished();
            assert_eq!((seen, ended, complete), (Some(status), outcome, true), "{path}");
            assert_eq!(route.as_deref(), Some(path));
            let body = answer.split_once("\r\n\r\n").unwrap().1;
            assert_eq!(sent.1, body.len() as u64, "{path}");
        }
    }
}

#[test]
fn answers_that_break_off() {
    for backend in BACKENDS {
        let routes = Router::new()
            .get("/fails", || {
                ResponseBody::from_writer(|out| {
                    out.write_all(b"abc")?;
                    out.flush()?;
                    Err(io::ErrorKind::Other.into())
                })
            })
            .get("/panics", || {
                ResponseBody::from_writer(|out| {
                    out.flush()?;
                    panic!("on purpose")
                })
            })
            .get("/long", || vec![b'x'; 64 << 20]);
        let mut limits = Limits::default();
        limits.write_progress = Duration::from_millis(50);
        let (server, told) =
            observed(backend, |builder| builder.limits(limits), routes.build().unwrap());

        let mut client = server.connect();
        client.send(get("/fails"));
        let answer = client.rest();
        let fails = told.finished();
        assert_eq!((fails.status, fails.complete, fails.sent.1), (Some(200), false, 11));
        assert!(answer.ends_with("\r\n\r\n0003\r\nabc\r\n") && fails.outcome == Outcome::Answered);
        assert_eq!(told.closed(), CloseReason::Failed);

        let mut client = server.connect();
        client.send(get("/panics"));
        client.rest();
        let panics = told.finished();
        assert_eq!((panics.complete, panics.outcome), (false, Outcome::Panicked));
        assert_eq!((panics.status, panics.sent.1), (Some(200), 0));
        assert_eq!(told.closed(), CloseReason::Failed);

        // A client that reads nothing: some of it is on its way.
        let mut client = server.connect();
        client.send(get("/long"));
        let long = told.finished();
        assert_eq!((long.complete, long.outcome), (false, Outcome::Answered));
        assert!(0 < long.sent.1 && long.sent.1 < 64 << 20, "{long:?}");
        assert_eq!(told.closed(), CloseReason::Failed);
        drop(client);
    }
}

#[test]
fn why_connections_close() {
    for backend in BACKENDS {
        let mut limits = Limits::default();
        limits.idle = Duration::from_millis(50);
        limits.head_deadline = Duration::from_millis(50);
        limits.requests = 2;
        let (server, told) =
            observed(backend, |builder| builder.limits(limits), router().build().unwrap());
        let refused = |error| [Opened, Refused(error), Closed(CloseReason::Refused)];

        // Silent, from the beginning or after a request.
        let mut client = server.connect();
        assert_eq!(client.rest(), "");
        told.expect([Opened, Closed(CloseReason::Idle)]);
        let mut client = server.connect();
        client.send(get("/"));
        client.rest();
        assert_eq!(told.closed(), CloseReason::Idle);

        drop(server.connect());
        told.expect([Opened, Closed(CloseReason::Client)]);

        let mut client = server.connect();
        client.send(get("/") + &get("/") + &get("/"));
        client.rest();
        assert_eq!(told.closed(), CloseReason::Answered);

        for (raw, error) in [
            ("GET\0", RequestError::Malformed("malformed request line")),
            ("GET / HTTP/2.0\r\n\r\n", RequestError::UnsupportedVersion),
            ("GET / HT", RequestError::TimedOut),
        ] {
            let mut client = server.connect();
            client.send(raw);
            client.rest();
            drop(client);
            told.expect(refused(error));
        }
        let mut client = server.connect();
        client.send("GET / HT");
        client.half_close();
        client.rest();
        told.expect(refused(RequestError::Truncated));

        // An error of the body is the end of an exchange.
        let mut client = server.connect();
        client.send("POST /body HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\nx");
        client.rest();
        drop(client);
        assert_eq!(told.finished().status, Some(400));
        assert_eq!(told.next(), Closed(CloseReason::Answered));
        told.assert_quiet();
    }
}

#[test]
fn a_connection_that_leaves_http() {
    for backend in BACKENDS {
        let (server, told) = observed(
            backend,
            |builder| builder,
            |_: &mut Request<'_>| {
                Response::upgrade(HeaderValue::from_static("x"), |connection| {
                    let _ = (&connection).write_all(b"own words");
                })
            },
        );
        let mut client = server.connect();
        client.send("GET / HTTP/1.1\r\nHost: h\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n");
        let answer = client.until("\r\n\r\n");
        told.expect([
            Opened,
            Started("GET /".to_owned()),
            seen("GET / HTTP/1.1", None, &answer, true),
            Closed(CloseReason::Upgraded),
        ]);
        assert_eq!(client.rest(), "own words");
    }
}

#[test]
fn a_handshake_that_fails() {
    for backend in BACKENDS {
        let proxied = |builder: Builder| builder.proxy_header(ProxyHeader::Required);
        let (server, told) = observed(backend, proxied, router().build().unwrap());
        let mut client = server.connect();
        client.send(get("/"));
        client.raw_rest();
        told.expect([
            Opened,
            Handshake(io::ErrorKind::InvalidData),
            Closed(CloseReason::Handshake),
        ]);
    }
}

#[test]
fn the_end_of_a_server_is_the_last_that_is_told() {
    for backend in BACKENDS {
        let (server, told) = observed(backend, |builder| builder, router().build().unwrap());
        let mut clients: Vec<_> = (0..3).map(|_| server.connect()).collect();
        for client in &mut clients {
            client.send(get("/"));
            client.until("hello");
        }
        server.shutdown.shutdown();
        server.join();
        let events: Vec<_> = told.0.try_iter().collect();
        let count = |what: &Event| events.iter().filter(|event| *event == what).count();
        assert_eq!((count(&Opened), count(&Closed(CloseReason::Shutdown))), (3, 3), "{events:?}");
        assert_eq!((events.last(), count(&Stopped)), (Some(&Stopped), 1));
    }
}

/// The exchange, and the connection, are told of even so.
#[test]
fn a_handler_that_is_cancelled() {
    let (tell, told) = channel();
    let server = Server::builder().observer(Recorder(tell)).bind("127.0.0.1:0").unwrap();
    let address = server.local_addr().unwrap();
    let (waits, waiting) = channel();
    let runtime = std::thread::spawn(move || {
        greenwood_runtime::run(move || {
            greenwood_runtime::spawn(move || {
                server.serve(move |_: &mut Request<'_>| {
                    waits.send(()).unwrap();
                    sleep(Duration::MAX);
                })
            });
            while waiting.try_recv().is_err() {
                sleep(Duration::from_millis(1));
            }
        });
    });
    let mut client = support::Client::connect(address);
    client.send(get("/"));
    assert_eq!(client.rest(), "");
    runtime.join().unwrap();
    let told = Told(told);
    told.expect([
        Opened,
        Started("GET /".to_owned()),
        Finished(Seen {
            request: "GET / HTTP/1.1".to_owned(),
            route: None,
            status: None,
            sent: (0, 0),
            complete: false,
            keeps_alive: false,
            outcome: Outcome::Cancelled,
        }),
        Closed(CloseReason::Failed),
    ]);
}

/// Panics whatever it is told.
struct Bomb;

impl Observer for Bomb {
    fn connection_opened(&self, _: &Connection<'_>) {
        panic!("on purpose");
    }
    fn handshake_failed(&self, _: &Connection<'_>, _: &io::Error) {
        panic!("on purpose");
    }
    fn request_refused(&self, _: &Connection<'_>, _: RequestError) {
        panic!("on purpose");
    }
    fn exchange_started(&self, _: &Request<'_>) {
        panic!("on purpose");
    }
    fn exchange_finished(&self, _: &Exchange<'_>) {
        panic!("on purpose");
    }
    fn connection_closed(&self, _: &Connection<'_>, _: CloseReason) {
        panic!("on purpose");
    }
    fn server_stopped(&self) {
        panic!("on purpose");
    }
}

#[test]
fn an_observer_that_panics_harms_nobody() {
    for backend in BACKENDS {
        let (tell, told) = channel();
        let mut limits = Limits::default();
        limits.connections = 1;
        let builder = Server::builder().backend(backend).limits(limits);
        // Between two others, which are told everything.
        let (other, told_too) = channel();
        let builder = builder.observer(Recorder(tell)).observer(Bomb).observer(Recorder(other));
        let server = TestServer::with(builder, |request: &mut Request<'_>| {
            assert_ne!(request.path(), "/panic", "on purpose");
            "hello".into_response()
        });
        for _ in 0..3 {
            assert!(server.exchange(&[get("/panic").as_bytes()]).starts_with("HTTP/1.1 500 "));
            assert!(server.exchange(&[b"GET / HTTP/1.0\r\n\r\n"]).ends_with("hello"));
            assert!(server.exchange(&[b"\0"]).starts_with("HTTP/1.1 400 "));
        }
        server.shutdown.shutdown();
        server.join();
        for told in [told, told_too] {
            let events: Vec<_> = told.iter().collect();
            let count = |is: fn(&Event) -> bool| events.iter().filter(|event| is(event)).count();
            assert_eq!(count(|e| matches!(e, Opened)), 9);
            assert_eq!(count(|e| matches!(e, Closed(_))), 9);
            assert_eq!(count(|e| matches!(e, Started(_))), 6);
            assert_eq!(count(|e| matches!(e, Finished(_))), 6);
            assert_eq!(count(|e| matches!(e, Refused(_))), 3);
            assert_eq!(events.last(), Some(&Stopped));
        }
    }
}

/// One that is used elsewhere too, and does not care for most.
#[test]
fn an_observer_may_be_shared() {
    #[derive(Default)]
    struct Statuses(std::sync::Mutex<Vec<StatusCode>>);
    impl Observer for Statuses {
        fn exchange_finished(&self, exchange: &Exchange<'_>) {
            self.0.lock().unwrap().extend(exchange.status());
        }
    }
    let statuses = std::sync::Arc::new(Statuses::default());
    let shared: std::sync::Arc<dyn Observer> = statuses.clone();
    let server = TestServer::serving(Server::builder().observer(shared), router().build().unwrap());
    server.exchange(&[b"GET / HTTP/1.0\r\n\r\n"]);
    server.exchange(&[b"GET /none HTTP/1.0\r\n\r\n"]);
    server.shutdown.shutdown();
    server.join();
    assert_eq!(*statuses.0.lock().unwrap(), [StatusCode::OK, StatusCode::NOT_FOUND]);
}
