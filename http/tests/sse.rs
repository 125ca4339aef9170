//! Server-sent events: what goes out when, and who learns that a stream has ended.

mod support;

use std::io::Read;
use std::sync::mpsc;
use std::time::Duration;

use greenwood_http::http::StatusCode;
use greenwood_http::sse::{Event, EventSender, Line, Sse, last_event_id};
use greenwood_http::{Backend, IntoResponse, Request, Response, Server};
use greenwood_runtime::channel;
use greenwood_runtime::sleep;
use greenwood_runtime::sync::Mutex;
use support::{BACKENDS, Client, TestServer, WATCHDOG, closing, refused};

const HEAD: &str = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ncache-control: no-store\r\n\
                    x-accel-buffering: no\r\n";

const GET: &str = "GET / HTTP/1.1\r\nHost: h\r\n\r\n";

/// Serves one stream, to whoever comes first.
fn serving(backend: Backend, sse: Sse) -> TestServer {
    let sse = Mutex::new(Some(sse));
    TestServer::with(Server::builder().backend(backend), move |_: &mut Request<'_>| {
        match sse.lock().take() {
            Some(sse) => sse.into_response(),
            None => StatusCode::NOT_FOUND.into_response(),
        }
    })
}

fn open(server: &TestServer) -> Client {
    let mut client = server.connect();
    client.send(GET);
    assert_eq!(client.until("\r\n\r\n"), format!("{HEAD}transfer-encoding: chunked\r\n\r\n"));
    client
}

/// What a chunked body holds, without comments, and what comes behind it.
fn events(body: &str) -> (String, &str) {
    let (mut text, mut rest) = (String::new(), body);
    loop {
        let (size, tail) = rest.split_once("\r\n").unwrap();
        let size = usize::from_str_radix(size, 16).unwrap();
        text += &tail[..size];
        rest = tail[size..].strip_prefix("\r\n").unwrap();
        if size == 0 {
            return (text.replace(":\n\n", ""), rest);
        }
    }
}

#[test]
fn each_event_goes_out_at_once_and_what_waits_in_one_chunk() {
    for backend in BACKENDS {
        let (sender, receiver) = channel::bounded(8);
        let first = Event::message("a\r\nb").with_name(Line::from_static("n")).with_id(1);
        sender.send(first).unwrap();
        sender.send(Event::default().with_retry(Duration::from_secs(2))).unwrap();
        let server = serving(backend, Sse::from_receiver(receiver));
        let mut client = open(&server);
        assert_eq!(
            client.until("\n\n\r\n"),
            "002d\r\ndata: a\ndata: b\nevent: n\nid: 1\n\nretry: 2000\n\n\r\n"
        );
        for text in ["c", "d"] {
            sender.send(Event::message(text)).unwrap();
            assert_eq!(client.until("\n\n\r\n"), format!("0009\r\ndata: {text}\n\n\r\n"));
        }
        drop(sender);
        assert_eq!(client.until("\r\n\r\n"), "0\r\n\r\n");
        // The connection lives on.
        client.send("GET / HTTP/1.0\r\n\r\n");
        assert_eq!(client.rest(), refused("404 Not Found"));
    }
}

#[test]
fn a_client_of_1_0_gets_it_unframed() {
    for backend in BACKENDS {
        let sse = Sse::new(|events| {
            for n in 0..100 {
                events.send(Event::message(n.to_string()))?;
            }
            Ok(())
        });
        let server = serving(backend, sse);
        let expected: String = (0..100).map(|n| format!("data: {n}\n\n")).collect();
        let answer = server.exchange(&[b"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"]);
        assert_eq!(answer, format!("{HEAD}connection: close\r\n\r\n{expected}"));
    }
}

#[test]
fn comments_fill_the_silence() {
    for backend in BACKENDS {
        let (sender, receiver) = channel::bounded(1);
        let sse = Sse::from_receiver(receiver).with_keep_alive(Duration::from_millis(1));
        let server = serving(backend, sse);
        let mut client = open(&server);
        for text in ["a", "b"] {
            client.until("0003\r\n:\n\n\r\n0003\r\n:\n\n\r\n");
            sender.send(Event::message(text)).unwrap();
            client.until(&format!("0009\r\ndata: {text}\n\n\r\n"));
        }
    }
}

/// Says so when it is dropped, as what runs on a stack is when that unwinds.
struct Tell(mpsc::Sender<&'static str>, &'static str);

impl Drop for Tell {
    fn drop(&mut self) {
        let _ = self.0.send(self.1);
    }
}

type Producer = fn(&EventSender, &mpsc::Sender<&'static str>);

/// Ways to be busy when the client leaves, and what each is left with.
const BUSY: [(&str, Producer); 3] = [
    ("sending failed", |events, told| {
        while events.send(Event::message("x")).is_ok() {}
        told.send("sending failed").unwrap();
    }),
    ("waiting to send failed", |events, told| {
        // More than the sockets take, as the client does not read.
        let event = Event::message("x".repeat(1 << 20));
        while events.send(event.clone()).is_ok() {}
        told.send("waiting to send failed").unwrap();
    }),
    ("unwound", |_, told| {
        let _tell = Tell(told.clone(), "unwound");
        sleep(Duration::MAX);
    }),
];

#[test]
fn the_producer_ends_when_the_client_has_gone() {
    for backend in BACKENDS {
        for (outcome, produce) in BUSY {
            let (tell, told) = mpsc::channel();
            let sse = Sse::new(move |events| {
                produce(events, &tell);
                Ok(())
            });
            let server = serving(backend, sse);
            drop(open(&server));
            assert_eq!(told.recv_timeout(WATCHDOG), Ok(outcome), "{backend:?}");
        }
    }
}

#[test]
fn senders_learn_that_the_client_has_gone() {
    for backend in BACKENDS {
        let (sender, receiver) = channel::bounded(1);
        let server = serving(backend, Sse::from_receiver(receiver));
        drop(open(&server));
        while sender.send_timeout(Event::message("x"), WATCHDOG).is_ok() {
            std::thread::sleep(Duration::from_millis(1));
        }
        assert!(sender.try_send(Event::message("x")).is_err_and(|e| e.is_disconnected()));
    }
}

#[test]
fn who_only_ends_his_half_gets_all_events() {
    for backend in BACKENDS {
        let (sender, receiver) = channel::bounded(1);
        let server = serving(backend, Sse::from_receiver(receiver));
        let mut client = open(&server);
        client.half_close();
        // A comment shows that it was noticed.
        let mut body = client.until(":\n\n\r\n");
        for n in 0..10 {
            sender.send(Event::message(n.to_string())).unwrap();
            std::thread::sleep(Duration::from_millis(3));
        }
        drop(sender);
        body += &client.rest();
        let expected: String = (0..10).map(|n| format!("data: {n}\n\n")).collect();
        assert_eq!(events(&body), (expected, ""));
    }
}

#[test]
fn a_further_request_waits_its_turn() {
    for backend in BACKENDS {
        let (sender, receiver) = channel::bounded(1);
        let server = serving(backend, Sse::from_receiver(receiver));
        let mut client = open(&server);
        client.send("GET / HTTP/1.0\r\n\r\n");
        let mut body = client.until(":\n\n\r\n");
        sender.send(Event::message("a")).unwrap();
        drop(sender);
        body += &client.rest();
        assert_eq!(events(&body), ("data: a\n\n".to_owned(), &*refused("404 Not Found")));
    }
}

#[test]
fn streams_end_at_a_shutdown() {
    for backend in BACKENDS {
        for half_closed in [false, true] {
            let (tell, told) = mpsc::channel();
            let sse = Sse::new(move |events| {
                let _tell = Tell(tell, "over");
                events.send(Event::message("a"))?;
                sleep(Duration::MAX);
                Ok(())
            });
            let server = serving(backend, sse);
            let mut client = open(&server);
            if half_closed {
                client.half_close();
            }
            let mut body = client.until("a\n\n\r\n");
            server.shutdown.shutdown();
            server.join();
            body += &client.rest();
            assert_eq!(events(&body), ("data: a\n\n".to_owned(), ""));
            assert_eq!(told.recv_timeout(WATCHDOG), Ok("over"));
        }
    }
}

#[test]
fn what_was_sent_before_a_shutdown_goes_out() {
    // The race is between the shutdown and the events, all of which were accepted before it.
    for round in 0..50 {
        let (sender, receiver) = channel::bounded(100);
        let server = serving(BACKENDS[round % 2], Sse::from_receiver(receiver));
        let mut client = open(&server);
        for n in 0..50 {
            sender.send(Event::message(n.to_string())).unwrap();
        }
        server.shutdown.shutdown();
        server.join();
        let expected: String = (0..50).map(|n| format!("data: {n}\n\n")).collect();
        assert_eq!(events(&client.rest()), (expected, ""), "round {round}");
    }
}

#[test]
fn a_producer_that_fails_breaks_the_connection_off() {
    for backend in BACKENDS {
        let fails: [fn() -> std::io::Result<()>; 2] =
            [|| Err(std::io::ErrorKind::Other.into()), || panic!("on purpose")];
        for fail in fails {
            let sse = Sse::new(move |events| {
                events.send(Event::message("a"))?;
                fail()
            });
            let server = serving(backend, sse);
            let mut client = open(&server);
            assert_eq!(client.rest(), "0009\r\ndata: a\n\n\r\n");
        }
    }
}

#[test]
fn others_may_send_after_the_producer_has_returned() {
    for backend in BACKENDS {
        let (lend, lent) = mpsc::channel();
        let sse = Sse::new(move |events| {
            lend.send(events.clone()).unwrap();
            Ok(())
        });
        let server = serving(backend, sse);
        let mut client = open(&server);
        let events = lent.recv_timeout(WATCHDOG).unwrap();
        events.send(Event::message("a")).unwrap();
        assert_eq!(client.until("a\n\n\r\n"), "0009\r\ndata: a\n\n\r\n");
        drop(events);
        assert_eq!(client.until("\r\n\r\n"), "0\r\n\r\n");
    }
}

#[test]
fn nothing_is_produced_for_head() {
    let server = serving(Backend::Green, Sse::new(|_| panic!("produced")));
    let answer = server.exchange(&[b"HEAD / HTTP/1.0\r\n\r\n"]);
    assert_eq!(answer, format!("{HEAD}connection: close\r\n\r\n"));
}

#[test]
fn the_last_id_comes_back() {
    let server = TestServer::start(|request: &mut Request<'_>| -> Response {
        format!("{:?}", last_event_id(request)).into_response()
    });
    for (field, id) in [
        ("Last-Event-ID: 17\r\n", r#"Some("17")"#),
        ("last-event-id:  \u{e9} x \r\n", r#"Some("é x")"#),
        ("Last-Event-ID: \r\n", "None"),
        ("", "None"),
    ] {
        let raw = format!("GET / HTTP/1.0\r\n{field}\r\n");
        assert_eq!(server.exchange(&[raw.as_bytes()]), closing("200 OK", id));
    }
    let raw = b"GET / HTTP/1.0\r\nLast-Event-ID: \xff\r\n\r\n";
    assert_eq!(server.exchange(&[raw]), closing("200 OK", "None"));
}

#[test]
fn a_slow_client_holds_its_producer_back() {
    let (made, making) = mpsc::channel();
    let sse = Sse::new(move |events| {
        for n in 0u64.. {
            events.send(Event::message("x".repeat(1 << 20)).with_id(n))?;
            let _ = made.send(n);
        }
        Ok(())
    });
    let server = serving(Backend::Green, sse);
    let mut client = open(&server);
    assert_eq!(making.recv_timeout(WATCHDOG), Ok(0));
    // However long a busy machine takes for one more: stopping too early only makes the next assertion weaker.
    let next = || making.recv_timeout(Duration::from_secs(1));
    // The sockets hold a few of these, the channel 16.
    let last = std::iter::from_fn(|| next().ok()).take(1000).last().unwrap_or(0);
    assert!(last < 100, "not held back");
    client.stream.read_exact(&mut vec![0; 40 << 20]).unwrap();
    assert_eq!(making.recv_timeout(WATCHDOG), Ok(last + 1));
}
