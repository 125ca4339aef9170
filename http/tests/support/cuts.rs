//! The same bytes, however they are cut.

use std::collections::BTreeMap;
use std::io::{self, Read, Write};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use greenwood_http::{Backend, Request, Server};

use super::{BACKENDS, Client, TestServer, refused};

/// What must never be taken for a request of its own.
pub const SMUGGLED: &str = "GET /smuggled HTTP/1.1\r\nHost: h\r\n\r\n";

/// A server that echoes, and remembers which requests its handler was given.
pub struct Recorder {
    pub server: TestServer,
    seen: Arc<Mutex<BTreeMap<String, usize>>>,
}

impl Recorder {
    pub fn start(backend: Backend) -> Recorder {
        let seen = Arc::new(Mutex::new(BTreeMap::new()));
        let log = seen.clone();
        let server = TestServer::with(
            Server::builder().backend(backend),
            move |request: &mut Request<'_>| -> io::Result<String> {
                let line = format!("{} {}", request.method(), request.path());
                *log.lock().unwrap().entry(line.clone()).or_default() += 1;
                let mut body = String::new();
                request.body().read_to_string(&mut body)?;
                Ok(format!("{line} {body}"))
            },
        );
        Recorder { server, seen }
    }

    /// How often the handler was given each request until now.
    pub fn seen(&self) -> BTreeMap<String, usize> {
        self.seen.lock().unwrap().clone()
    }
}

/// Sends `raw` whole on both backends, and cut in two at every position: each time the answers are `expected`, and the handler was
/// given `requests` ("GET /path") and nothing else.
pub fn settled(raw: impl AsRef<[u8]>, requests: &[&str], expected: &str) {
    let raw = raw.as_ref();
    let shown = String::from_utf8_lossy(raw);
    for backend in BACKENDS {
        let recorder = Recorder::start(backend);
        let mut connections = 1;
        assert_eq!(recorder.server.exchange(&[raw]), expected, "{backend:?} {shown:?}");
        if backend == BACKENDS[0] {
            let clients: Vec<Client> = (1..raw.len()).map(|_| recorder.server.connect()).collect();
            for (client, at) in clients.iter().zip(1..) {
                let _ = (&client.stream).write_all(&raw[..at]);
            }
            // Makes it likely that the parts are read apart; the outcome must be the same.
            std::thread::sleep(Duration::from_millis(2));
            for (client, at) in clients.iter().zip(1..) {
                // The server may have closed after the part before, as it should on nonsense.
                let _ = (&client.stream).write_all(&raw[at..]);
            }
            for (mut client, at) in clients.into_iter().zip(1..) {
                assert_eq!(client.rest(), expected, "cut at {at} of {shown:?}");
                connections += 1;
            }
        }
        let mut counts = BTreeMap::new();
        for request in requests {
            *counts.entry((*request).to_owned()).or_default() += connections;
        }
        assert_eq!(recorder.seen(), counts, "{backend:?} {shown:?}");
    }
}

/// `head`, which ends with its last field's line, is answered with `status`, and nothing behind it is a request.
pub fn refused_head(head: impl AsRef<[u8]>, status: &str) {
    let raw = [head.as_ref(), b"\r\n", SMUGGLED.as_bytes()].concat();
    settled(raw, &[], &refused(status));
}
