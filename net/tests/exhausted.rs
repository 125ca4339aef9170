//! Accepting while the process has no descriptor left. In a child process: the limit would fell the other tests.

mod common;

use common::*;
use greenwood_net::{TcpListener, TcpStream};
use std::fs::File;
use std::process::Command;
use std::time::{Duration, Instant};

const CHILD: &str = "GREENWOOD_EXHAUSTED_CHILD";

#[test]
fn accept_fails_backs_off_and_recovers() {
    if std::env::var_os(CHILD).is_some() {
        return both(scenario);
    }
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "accept_fails_backs_off_and_recovers", "--nocapture"])
        .env(CHILD, "1")
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

fn scenario() {
    lower_limit(128);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = listener.local_addr().unwrap();
    // The whole path once, so that whatever it opens lazily is open.
    let warm = TcpStream::connect(addr).unwrap();
    drop(listener.accept().unwrap());
    drop(warm);
    let client = TcpStream::connect(addr).unwrap();
    let mut fill: Vec<File> = Vec::new();
    while let Ok(file) = File::open("/dev/null") {
        fill.push(file);
    }

    let start = Instant::now();
    for _ in 0..4 {
        assert_eq!(errno(&listener.accept().unwrap_err()), Some(libc::EMFILE));
    }
    // A lower bound, which no load can break: 10, 20 and 40 ms lie between four failures.
    assert!(start.elapsed() >= Duration::from_millis(70), "accept did not wait");

    fill.truncate(fill.len() - 2);
    let (server, from) = listener.accept().unwrap();
    assert_eq!(from, client.local_addr().unwrap());
    drop(server);

    // In non-blocking mode nothing waits: the back-off is for loops that block.
    listener.set_nonblocking(true).unwrap();
    assert_eq!(listener.accept().unwrap_err().kind(), std::io::ErrorKind::WouldBlock);
}

fn lower_limit(descriptors: u64) {
    let limit = libc::rlimit { rlim_cur: descriptors, rlim_max: descriptors };
    // SAFETY: setrlimit reads the structure that it is given.
    assert_eq!(unsafe { libc::setrlimit(libc::RLIMIT_NOFILE, &limit) }, 0);
}
