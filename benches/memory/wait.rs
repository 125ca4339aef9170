//! Coroutines that wait, and the memory once all do.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use greenwood::park::{self, Reason};

use crate::support::Contender;
use crate::support::contender::go;
use crate::support::process::Memory;

/// What they wait for: nothing, or a time that does not come.
#[derive(Clone, Copy, Debug)]
pub enum Kind {
    Park,
    Sleep,
}

const WORKERS: usize = 2;
const HOUR: Duration = Duration::from_secs(3600);

/// So many may be on their way: a longer queue would be measured as well.
const IN_FLIGHT: usize = 1_000;

/// The memory with one waiting, and with `count` more. They wait until the process ends.
pub fn all(contender: Contender, kind: Kind, count: usize) -> (Memory, Memory) {
    match contender {
        Contender::Own | Contender::Shared => {
            let runtime = contender.greenwood(WORKERS);
            let figures = around(count, |waiting| {
                drop(runtime.spawn(move || greenwood_wait(kind, &waiting)));
            });
            std::mem::forget(runtime);
            figures
        }
        Contender::TokioCurrent | Contender::Tokio => {
            let runtime = contender.tokio(WORKERS);
            let figures = around(count, |waiting| {
                drop(runtime.spawn(tokio_wait(kind, waiting)));
            });
            std::mem::forget(runtime);
            figures
        }
        Contender::May => {
            may::config().set_workers(WORKERS);
            around(count, |waiting| drop(go(move || may_wait(kind, &waiting))))
        }
    }
}

/// Spawns from this thread, and looks at the memory while all wait.
fn around(count: usize, spawn: impl Fn(Arc<AtomicUsize>)) -> (Memory, Memory) {
    let waiting = Arc::new(AtomicUsize::new(0));
    let settle = |spawned: usize, in_flight: usize| {
        while waiting.load(Ordering::Acquire) + in_flight < spawned {
            thread::sleep(Duration::from_micros(200));
        }
    };
    spawn(waiting.clone());
    settle(1, 0);
    let before = Memory::now();
    for spawned in 1..=count {
        spawn(waiting.clone());
        settle(spawned + 1, IN_FLIGHT);
    }
    settle(count + 1, 0);
    // The last of them count themselves just before they wait.
    thread::sleep(Duration::from_millis(200));
    (before, Memory::now())
}

fn greenwood_wait(kind: Kind, waiting: &AtomicUsize) {
    waiting.fetch_add(1, Ordering::Release);
    match kind {
        Kind::Park => loop {
            park::park(&Reason("the end"), None);
        },
        Kind::Sleep => greenwood::sleep(HOUR),
    }
}

async fn tokio_wait(kind: Kind, waiting: Arc<AtomicUsize>) {
    waiting.fetch_add(1, Ordering::Release);
    match kind {
        Kind::Park => std::future::pending().await,
        Kind::Sleep => tokio::time::sleep(HOUR).await,
    }
}

fn may_wait(kind: Kind, waiting: &AtomicUsize) {
    waiting.fetch_add(1, Ordering::Release);
    match kind {
        Kind::Park => loop {
            may::coroutine::park();
        },
        Kind::Sleep => may::coroutine::sleep(HOUR),
    }
}
