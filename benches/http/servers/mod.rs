//! The servers under test. Each tells its address and serves until its process ends.

mod bare;
mod greenwood;
mod hyper;
mod may;

use std::net::SocketAddr;

use crate::contender::Contender;
use crate::support::children::{self, report};

/// What every one of them answers.
const BODY: &str = "Hello, World!";

/// How a contender serves.
#[derive(Clone, Copy, Debug)]
pub struct Setup {
    pub workers: usize,
    /// The bare loop closes after each answer; the others do so when a request asks for it.
    pub close: bool,
}

impl Setup {
    pub fn workers(workers: usize) -> Setup {
        Setup { workers, close: false }
    }

    /// What [`run`] takes.
    pub fn args(self, contender: Contender) -> [String; 4] {
        let close = if self.close { "close" } else { "keep" };
        ["serve", contender.name(), &self.workers.to_string(), close].map(String::from)
    }
}

/// Serves in this process until it gets a SIGTERM, and reports then what it has counted.
pub fn run(args: &[String]) {
    let contender = Contender::parse(&args[0]).expect("a contender");
    let setup = Setup { workers: args[1].parse().expect("a number"), close: args[2] == "close" };
    let terminated = block_sigterm();
    std::thread::spawn(move || match contender {
        Contender::Bare => bare::serve(setup),
        Contender::Own | Contender::Shared => greenwood::serve(contender, setup.workers),
        Contender::Hyper => hyper::serve(setup.workers),
        Contender::May => may::serve(setup.workers),
        Contender::Nginx => unreachable!("nginx is a program of its own"),
    });
    wait(&terminated);
    report("allocations", crate::allocations::so_far() as f64);
    children::leave();
}

/// Tells the parent where to connect.
fn announce(address: SocketAddr) {
    println!("{address}");
}

/// Blocks the signal for all threads that are started from here on.
fn block_sigterm() -> libc::sigset_t {
    // SAFETY: an all-zero set is valid memory for sigemptyset, which initialises it; the pointers are to it.
    unsafe {
        let mut signals = std::mem::zeroed();
        libc::sigemptyset(&mut signals);
        libc::sigaddset(&mut signals, libc::SIGTERM);
        assert_eq!(libc::pthread_sigmask(libc::SIG_BLOCK, &signals, std::ptr::null_mut()), 0);
        signals
    }
}

fn wait(signals: &libc::sigset_t) {
    let mut signal = 0;
    // SAFETY: both pointers are valid.
    assert_eq!(unsafe { libc::sigwait(signals, &mut signal) }, 0);
}
