//! A loop of epoll_wait, recv and send on each worker, which knows no more of HTTP than where a head ends.

use std::collections::HashMap;
use std::io;
use std::net::TcpListener;
use std::os::fd::{AsRawFd, IntoRawFd, RawFd};
use std::sync::Arc;
use std::time::SystemTime;

use memchr::memmem::Finder;

use super::{BODY, Setup};
use crate::epoll::{Epoll, Events};

/// The listener's token; a connection's is its descriptor.
const LISTENER: u64 = u64::MAX;

/// The first worker accepts and deals the connections out, in turn.
pub fn serve(setup: Setup) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("listen");
    listener.set_nonblocking(true).expect("a listener that does not block");
    let epolls: Arc<[Epoll]> =
        (0..setup.workers).map(|_| Epoll::new().expect("an epoll descriptor")).collect();
    epolls[0].add(&listener, LISTENER).expect("watch the listener");
    super::announce(listener.local_addr().expect("an address"));
    for worker in 1..setup.workers {
        let epolls = epolls.clone();
        std::thread::spawn(move || Worker::new(setup.close).run(&epolls[worker], || {}));
    }
    let mut next = 0;
    Worker::new(setup.close).run(&epolls[0], || {
        while let Ok((stream, _)) = listener.accept() {
            stream.set_nonblocking(true).expect("a connection that does not block");
            stream.set_nodelay(true).expect("set TCP_NODELAY");
            epolls[next].add(&stream, stream.as_raw_fd() as u64).expect("watch the connection");
            // The worker closes it.
            let _ = stream.into_raw_fd();
            next = (next + 1) % setup.workers;
        }
    });
}

struct Worker {
    close: bool,
    end_of_head: Finder<'static>,
    input: Box<[u8]>,
    /// Heads that have not come whole.
    begun: HashMap<RawFd, Vec<u8>>,
    output: Vec<u8>,
    answer: Answer,
}

impl Worker {
    fn new(close: bool) -> Worker {
        Worker {
            close,
            end_of_head: Finder::new(b"\r\n\r\n"),
            input: vec![0; 16 * 1024].into(),
            begun: HashMap::new(),
            output: Vec::new(),
            answer: Answer::default(),
        }
    }

    fn run(mut self, epoll: &Epoll, mut accept: impl FnMut()) {
        let mut events = Events::new();
        loop {
            epoll.wait(&mut events, None).expect("wait for events");
            self.answer.refresh();
            for token in events.tokens() {
                match token {
                    LISTENER => accept(),
                    fd => self.serve(fd as RawFd),
                }
            }
        }
    }

    /// Answers what has come, and closes when it must.
    fn serve(&mut self, fd: RawFd) {
        // SAFETY: the pointer and the length are those of `input`.
        let read = unsafe { libc::recv(fd, self.input.as_mut_ptr().cast(), self.input.len(), 0) };
        match read {
            1.. if self.answer(fd, read as usize) => {}
            -1 if io::Error::last_os_error().kind() == io::ErrorKind::WouldBlock => {}
            _ => {
                self.begun.remove(&fd);
                // SAFETY: a worker is its connections' only owner.
                unsafe { libc::close(fd) };
            }
        }
    }

    /// Whether the connection stays open.
    fn answer(&mut self, fd: RawFd, read: usize) -> bool {
        let mut rest = &self.input[..read];
        let joined;
        if !self.begun.is_empty()
            && let Some(mut begun) = self.begun.remove(&fd)
        {
            begun.extend_from_slice(rest);
            joined = begun;
            rest = &joined;
        }
        self.output.clear();
        while let Some(place) = self.end_of_head.find(rest) {
            self.output.extend_from_slice(&self.answer.bytes);
            rest = &rest[place + 4..];
        }
        if !rest.is_empty() {
            self.begun.insert(fd, rest.to_vec());
        }
        let mut output = &self.output[..];
        while !output.is_empty() {
            // SAFETY: the pointer and the length are those of `output`.
            let sent =
                unsafe { libc::send(fd, output.as_ptr().cast(), output.len(), libc::MSG_NOSIGNAL) };
            match sent {
                0.. => output = &output[sent as usize..],
                _ if io::Error::last_os_error().kind() == io::ErrorKind::WouldBlock => {
                    wait_writable(fd)
                }
                _ => return false,
            }
        }
        !self.close || self.output.is_empty()
    }
}

/// Stops the whole worker, which the benchmarks' clients give no reason for: they read before they ask again.
fn wait_writable(fd: RawFd) {
    let mut entry = libc::pollfd { fd, events: libc::POLLOUT, revents: 0 };
    // SAFETY: the pointer is to one entry.
    unsafe { libc::poll(&mut entry, 1, -1) };
}

/// The bytes of the answer, with the date of the second.
#[derive(Default)]
struct Answer {
    second: libc::time_t,
    bytes: Vec<u8>,
}

impl Answer {
    fn refresh(&mut self) {
        // SAFETY: a null pointer asks for the return value alone.
        let now = unsafe { libc::time(std::ptr::null_mut()) };
        if now != self.second {
            let date = httpdate::fmt_http_date(SystemTime::now());
            let len = BODY.len();
            self.second = now;
            self.bytes = format!(
                "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: {len}\r\nDate: {date}\r\n\r\n{BODY}"
            )
            .into_bytes();
        }
    }
}
