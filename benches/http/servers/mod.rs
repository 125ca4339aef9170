//! The servers under test. Each tells its address and serves until its process ends.

mod bare;
pub mod go;
mod greenwood;
mod hyper;
mod may;
pub mod nginx;

use std::net::SocketAddr;

use crate::allocator;
use crate::contender::Contender;
use crate::support::children::{self, report};

/// What every one of them answers.
const BODY: &str = "Hello, World!";

/// How a contender serves.
#[derive(Clone, Copy, Debug, Default)]
pub struct Setup {
    pub workers: usize,
    /// The bare loop closes after each answer; the others do so when a request asks for it.
    pub close: bool,
    /// Heap allocations are counted, and reported at the end.
    pub count: bool,
}

impl Setup {
    pub fn workers(workers: usize) -> Setup {
        Setup { workers, ..Setup::default() }
    }

    /// As [`run`] takes it.
    pub fn args(self, contender: Contender) -> Vec<String> {
        let flags = [("close", self.close), ("count", self.count)];
        let flags = flags.into_iter().filter_map(|(name, on)| on.then_some(name));
        let workers = self.workers.to_string();
        [contender.name(), &workers].into_iter().chain(flags).map(String::from).collect()
    }

    fn parse(args: &[String]) -> Setup {
        let has = |flag| args.iter().any(|arg| arg == flag);
        let workers = args[0].parse().expect("a number");
        Setup { workers, close: has("close"), count: has("count") }
    }
}

/// Serves in this process until it gets a SIGTERM, and reports then what it has counted.
pub fn run(args: &[String]) -> ! {
    let contender = Contender::parse(&args[0]).expect("a contender");
    let setup = Setup::parse(&args[1..]);
    if setup.count {
        allocator::count();
    }
    // Before any other thread is started: they inherit it.
    let terminate = block_sigterm();
    std::thread::spawn(move || match contender {
        Contender::Bare => bare::serve(setup),
        Contender::Own | Contender::Shared => greenwood::serve(contender, setup.workers),
        Contender::Hyper => hyper::serve(setup.workers),
        Contender::May => may::serve(setup.workers),
        Contender::Nginx | Contender::Go => unreachable!("a program of its own"),
    });
    wait(&terminate);
    report("allocations", allocator::so_far() as f64);
    children::leave();
}

/// Tells the parent where to connect.
fn announce(address: SocketAddr) {
    println!("{address}");
}

fn block_sigterm() -> libc::sigset_t {
    // SAFETY: sigemptyset initialises the set, for which any memory will do; all pointers are to it.
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
