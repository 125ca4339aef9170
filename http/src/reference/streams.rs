//! Whole connections: what a server answers to a stream of requests, and which of them it executes, by the reference parsers.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use proptest::prelude::*;
use proptest::sample::Index;

use super::{Verdict, body, head, near, tests};
use crate::{Backend, IntoResponse, Limits, Request, Response, Server, ShutdownHandle};

/// Turns a hang into a failure.
const WATCHDOG: Duration = Duration::from_secs(20);

struct Served {
    address: SocketAddr,
    shutdown: ShutdownHandle,
    /// What the handler was given.
    seen: Arc<Mutex<Vec<String>>>,
    thread: Option<JoinHandle<()>>,
}

impl Served {
    fn start(backend: Backend) -> Served {
        let server = Server::builder().backend(backend).bind("127.0.0.1:0").unwrap();
        let (address, shutdown) = (server.local_addr().unwrap(), server.shutdown_handle());
        let seen = Arc::new(Mutex::new(Vec::new()));
        let log = seen.clone();
        let handler = move |request: &mut Request<'_>| handle(request, &log);
        let serve = move || greenwood_runtime::run(|| server.serve(handler).unwrap());
        Served { address, shutdown, seen, thread: Some(thread::spawn(serve)) }
    }

    /// All that is answered to the pieces, and what the handler was given.
    fn exchange(&self, pieces: &[&[u8]]) -> (Vec<u8>, Vec<String>) {
        self.seen.lock().unwrap().clear();
        let mut stream = TcpStream::connect(self.address).unwrap();
        stream.set_read_timeout(Some(WATCHDOG)).unwrap();
        stream.set_nodelay(true).unwrap();
        for piece in pieces {
            // The server may have refused what came before, and closed.
            let _ = stream.write_all(piece);
            if pieces.len() > 1 {
                // Makes it likely that the pieces are read apart; nothing depends on it.
                thread::sleep(Duration::from_micros(200));
            }
        }
        let _ = stream.shutdown(Shutdown::Write);
        let mut answers = Vec::new();
        stream.read_to_end(&mut answers).unwrap();
        (answers, self.seen.lock().unwrap().clone())
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        self.shutdown.shutdown_within(Duration::ZERO);
        let ended = self.thread.take().map(JoinHandle::join);
        assert!(thread::panicking() || matches!(ended, Some(Ok(()))));
    }
}

/// Reads the body, or a byte of it, or nothing, as the path says.
fn handle(request: &mut Request<'_>, seen: &Mutex<Vec<String>>) -> std::io::Result<Response> {
    seen.lock().unwrap().push(named(request.method().as_str(), request.target()));
    let mut body = Vec::new();
    let limit = reads(request.path());
    request.body().take(limit).read_to_end(&mut body)?;
    Ok(answer(request.target(), &body).into_response())
}

fn named(method: &str, target: &str) -> String {
    format!("{method} {target}")
}

fn reads(path: &str) -> u64 {
    match path {
        "/unread" => 0,
        "/part" => 1,
        _ => u64::MAX,
    }
}

fn answer(target: &str, body: &[u8]) -> String {
    format!("{target} {}", body.escape_ascii())
}

/// What may come of a request.
#[derive(Debug)]
struct Outcome {
    /// What the handler is given, if it is.
    request: Option<String>,
    is_head: bool,
    /// The text of a 200, if that is what may come.
    text: Option<String>,
    /// Any of these may come as well, and closes.
    statuses: Vec<u16>,
    /// Whether another request may follow. `None` if that depends on what had arrived.
    goes_on: Option<bool>,
}

/// Of the request at the start of `bytes`, and how many bytes it takes. `None` at the end.
fn outcome(mut bytes: &[u8]) -> Option<(Outcome, usize)> {
    let all = bytes.len();
    for _ in 0..2 {
        bytes = bytes.strip_prefix(b"\r\n").unwrap_or(bytes);
    }
    if bytes.is_empty() {
        return None;
    }
    let refused = |statuses| Outcome {
        request: None,
        is_head: bytes.starts_with(b"HEAD "),
        text: None,
        statuses,
        goes_on: Some(false),
    };
    let head = match head::read(bytes, &Limits::default()) {
        Verdict::Complete(head) => head,
        Verdict::Refused(statuses) => return Some((refused(statuses), all)),
        // Cut short, or hopeless before it was complete.
        Verdict::Incomplete => return Some((refused(vec![400, 414, 431, 505]), all)),
    };
    let rest = &bytes[head.head..];
    if head.length.is_some_and(|length| length > Limits::default().body) {
        return Some((refused(vec![413]), all));
    }
    let (data, whole) = match head.length {
        Some(length) if length > rest.len() as u64 => (rest.to_vec(), Err(vec![400])),
        Some(length) => (rest[..length as usize].to_vec(), Ok(length as usize)),
        None => match body::read(rest) {
            (data, Verdict::Complete(length)) => (data, Ok(length)),
            // Or a chunk is announced that is longer than what is allowed.
            (data, Verdict::Incomplete) => (data, Err(vec![400, 413])),
            (data, Verdict::Refused(statuses)) => (data, Err(statuses)),
        },
    };
    let limit = reads(&head.path);
    let read = &data[..data.len().min(limit.try_into().unwrap_or(usize::MAX))];
    // What is wrong with a body may not be seen by who does not read it all.
    let text = (whole.is_ok() || limit < u64::MAX).then(|| answer(&head.target, read));
    let outcome = Outcome {
        request: Some(named(&head.method, &head.target)),
        is_head: head.method == "HEAD",
        text,
        statuses: whole.clone().err().unwrap_or_default(),
        goes_on: match &whole {
            // Whoever waits for leave to send a body that nobody wants cannot be waited for.
            Ok(_) if head.keep_alive && head.expects_continue && limit < u64::MAX => None,
            Ok(_) => Some(head.keep_alive),
            Err(_) => None,
        },
    };
    let taken = whole.map_or(bytes.len(), |length| head.head + length);
    Some((outcome, all - bytes.len() + taken))
}

/// Panics unless the server does with `stream` as it should.
fn check(served: &Served, stream: &[u8], cuts: &[usize]) {
    let mut pieces = Vec::new();
    let mut at = 0;
    for &cut in cuts {
        pieces.push(&stream[at..cut]);
        at = cut;
    }
    pieces.push(&stream[at..]);
    let (answers, seen) = served.exchange(&pieces);
    let shown = format!(
        "{:?} cut at {cuts:?}, answered by {:?}, seen as {seen:?}",
        String::from_utf8_lossy(stream),
        String::from_utf8_lossy(&answers)
    );

    let (mut stream, mut answers, mut seen) = (stream, &*answers, seen.into_iter());
    while let Some((outcome, taken)) = outcome(stream) {
        stream = &stream[taken..];
        assert_eq!(seen.next(), outcome.request, "{shown}");
        while let Some(rest) = answers.strip_prefix(b"HTTP/1.1 100 Continue\r\n\r\n") {
            answers = rest;
        }
        let end =
            super::find(answers, b"\r\n\r\n").unwrap_or_else(|| panic!("{outcome:?}: {shown}"));
        let head = String::from_utf8_lossy(&answers[..end + 2]);
        answers = &answers[end + 4..];
        let status: u16 = head[9..12].parse().unwrap();
        let length = head.split("content-length: ").nth(1).unwrap().split("\r\n").next().unwrap();
        let length = if outcome.is_head { 0 } else { length.parse().unwrap() };
        let (body, rest) = answers.split_at_checked(length).unwrap_or_else(|| panic!("{shown}"));
        answers = rest;
        let closes = head.contains("\r\nconnection: close\r\n");
        match &outcome.text {
            Some(text) if status == 200 => {
                assert!(outcome.is_head || body == text.as_bytes(), "{outcome:?}: {shown}");
                assert!(
                    outcome.goes_on.is_none_or(|goes_on| goes_on != closes),
                    "{outcome:?}: {shown}"
                );
            }
            _ => assert!(outcome.statuses.contains(&status) && closes, "{outcome:?}: {shown}"),
        }
        if closes || !outcome.statuses.is_empty() {
            break;
        }
    }
    assert!(answers.is_empty() && seen.next().is_none(), "more than there should be: {shown}");
}

fn streams_agree(backend: Backend, share: u32) {
    let served = Served::start(backend);
    let cuts = proptest::collection::vec(any::<Index>(), 0..4);
    let result = tests::runner(share).run(&(near::streams(), cuts), |(stream, cuts)| {
        let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(stream.len() + 1)).collect();
        cuts.sort_unstable();
        check(&served, &stream, &cuts);
        Ok(())
    });
    if let Err(error) = result {
        panic!("{error}");
    }
}

#[test]
fn streams_agree_on_coroutines() {
    streams_agree(Backend::Green, 2);
}

#[test]
fn streams_agree_on_threads() {
    streams_agree(Backend::Threads, 8);
}
