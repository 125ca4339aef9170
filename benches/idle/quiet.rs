//! A runtime after a burst of work.

use std::io::{Read, Write};
use std::thread;
use std::time::Duration;

use greenwood::net::UnixStream;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::support::Contender;
use crate::support::children::report;
use crate::support::contender::{go, on_may};
use crate::support::process::{cpu_time, switches_of_others};

const WORKERS: usize = 2;
const BURST: u64 = 1_000;

/// One of them still sleeps while all is quiet: a far timer must not tick either.
const FAR: Duration = Duration::from_secs(3600);
const WATCH: Duration = Duration::from_secs(3);

/// Counts what wakes while nothing is to be done.
pub fn measure(contender: Contender) {
    match contender {
        Contender::Own | Contender::Shared => {
            let runtime = contender.greenwood(WORKERS);
            drop(runtime.spawn(|| greenwood::sleep(FAR)));
            runtime.run(greenwood_burst);
            watch();
            std::mem::forget(runtime);
        }
        Contender::TokioCurrent | Contender::Tokio => {
            let runtime = contender.tokio(WORKERS);
            drop(runtime.spawn(async { tokio::time::sleep(FAR).await }));
            runtime.block_on(tokio_burst());
            watch();
            std::mem::forget(runtime);
        }
        Contender::May => {
            on_may(WORKERS, may_burst);
            drop(go(|| may::coroutine::sleep(FAR)));
            watch();
        }
    }
}

/// Idle threads that end after a while are part of the burst: they get a second.
fn watch() {
    thread::sleep(Duration::from_secs(1));
    let (switches, cpu) = (switches_of_others(), cpu_time());
    thread::sleep(WATCH);
    report("wakes", switches_of_others() - switches);
    report("cpu", (cpu_time() - cpu).as_secs_f64() * 1e6);
}

fn naps() -> impl Iterator<Item = Duration> {
    (0..BURST).map(|i| Duration::from_micros(100 * (i % 100)))
}

fn greenwood_burst() {
    let task = |nap| {
        greenwood::spawn(move || {
            let (mut left, mut right) = UnixStream::pair().unwrap();
            let reader = greenwood::spawn(move || right.read_exact(&mut [0]).unwrap());
            greenwood::sleep(nap);
            left.write_all(&[1]).unwrap();
            reader.join().unwrap();
        })
    };
    let tasks: Vec<_> = naps().map(task).collect();
    tasks.into_iter().for_each(|task| task.join().unwrap());
}

async fn tokio_burst() {
    let task = |nap| {
        tokio::spawn(async move {
            let (mut left, mut right) = tokio::net::UnixStream::pair().unwrap();
            let reader =
                tokio::spawn(async move { right.read_exact(&mut [0]).await.map(drop).unwrap() });
            tokio::time::sleep(nap).await;
            left.write_all(&[1]).await.unwrap();
            reader.await.unwrap();
        })
    };
    let tasks: Vec<_> = naps().map(task).collect();
    for task in tasks {
        task.await.unwrap();
    }
}

fn may_burst() {
    let task = |nap| {
        go(move || {
            let (mut left, mut right) = may::os::unix::net::UnixStream::pair().unwrap();
            let reader = go(move || right.read_exact(&mut [0]).unwrap());
            may::coroutine::sleep(nap);
            left.write_all(&[1]).unwrap();
            reader.join().unwrap();
        })
    };
    let tasks: Vec<_> = naps().map(task).collect();
    tasks.into_iter().for_each(|task| task.join().unwrap());
}
