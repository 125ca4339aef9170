//! Runs each scenario twice: on an OS thread and on a coroutine.
#![allow(dead_code, reason = "each test file uses a part")]

use std::io::{self, Read, Write};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread;
use std::time::Duration;

use greenwood_net::{TcpListener, TcpStream};

/// Runs `scenario` on an OS thread, then on a coroutine.
pub fn both(scenario: impl Fn() + Send + Sync) {
    watched("an OS thread", &scenario);
    watched("a coroutine", || greenwood_runtime::run(&scenario));
}

/// Turns a hang into a failure of the whole test program.
pub fn watched<T>(place: &'static str, run: impl FnOnce() -> T) -> T {
    let (done, waiting) = channel::<()>();
    thread::spawn(move || {
        if let Err(RecvTimeoutError::Timeout) = waiting.recv_timeout(Duration::from_secs(60)) {
            eprintln!("hung on {place}");
            std::process::abort();
        }
    });
    let value = run();
    drop(done);
    value
}

/// The other side of a scenario: a coroutine beside a coroutine, a thread beside a thread.
pub enum Peer<T> {
    Coroutine(greenwood_runtime::JoinHandle<T>),
    Thread(thread::JoinHandle<T>),
}

pub fn go<T: Send + 'static>(f: impl FnOnce() -> T + Send + 'static) -> Peer<T> {
    if greenwood_runtime::may_switch() {
        Peer::Coroutine(greenwood_runtime::spawn(f))
    } else {
        Peer::Thread(thread::spawn(f))
    }
}

impl<T> Peer<T> {
    pub fn join(self) -> T {
        match self {
            Peer::Coroutine(handle) => handle.join().expect("the peer panicked"),
            Peer::Thread(handle) => handle.join().expect("the peer panicked"),
        }
    }
}

/// Two ends of one TCP connection.
pub fn tcp_pair() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let (server, _) = listener.accept().unwrap();
    (client, server)
}

/// Waits until the peer's bytes or end have arrived, so that what follows does not depend on time.
pub fn arrived(stream: &TcpStream) {
    stream.peek(&mut [0]).unwrap();
}

pub fn read_all(mut stream: impl Read) -> Vec<u8> {
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).unwrap();
    bytes
}

pub fn write(mut stream: impl Write, bytes: &[u8]) {
    stream.write_all(bytes).unwrap();
}

pub fn errno(error: &io::Error) -> Option<i32> {
    error.raw_os_error()
}

/// Whether the descriptor has `O_NONBLOCK`.
pub fn is_nonblocking(fd: &impl std::os::fd::AsFd) -> bool {
    socket2::SockRef::from(fd).nonblocking().unwrap()
}
