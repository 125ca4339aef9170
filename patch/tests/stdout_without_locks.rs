//! `println!` holds a lock of std's while it writes. Where nobody makes that one yield, its holder must not make room for who waits for it.

mod common;

use std::io::Read;
use std::os::fd::AsRawFd;
use std::process::{Command, Stdio};

use common::{watchdog, with};
use greenwood_patch::Patches;
use greenwood_runtime::spawn;

const CHILD: &str = "GREENWOOD_TEST_PRINTS";
/// More than a pipe holds.
const LEN: usize = 100_000;

#[test]
fn everybody_prints_into_a_pipe_that_is_full() {
    if std::env::var_os(CHILD).is_some() {
        return print();
    }
    let _watchdog = watchdog();
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["everybody_prints_into_a_pipe_that_is_full", "--exact", "--nocapture"])
        .env(CHILD, "1")
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdout = child.stdout.take().unwrap();
    // Not before the first of them has to wait.
    let mut held: libc::c_int = 0;
    while held < 60_000 {
        std::thread::yield_now();
        // SAFETY: writes one number.
        unsafe { libc::ioctl(stdout.as_raw_fd(), libc::FIONREAD, &raw mut held) };
    }
    let mut text = String::new();
    stdout.read_to_string(&mut text).unwrap();
    assert!(child.wait().unwrap().success());
    for letter in ["a", "b", "c"] {
        assert!(text.contains(&letter.repeat(LEN)), "a line of {letter} is broken or missing");
    }
}

fn print() {
    with(Patches::IO, || {
        let all = ["a", "b", "c"].map(|letter| spawn(move || println!("{}", letter.repeat(LEN))));
        all.into_iter().for_each(|one| one.join().unwrap());
    });
}
