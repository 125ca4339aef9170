//! Cancelled tasks run their destructors and say so; finished ones keep their result.

use std::io::Read;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use greenwood::Cancelled;
use greenwood::net::{TcpListener, TcpStream};
use tokio::io::AsyncReadExt;

use crate::harness::compare;

const TASKS: usize = 100;

#[derive(Debug, PartialEq, Clone, Copy)]
struct Seen {
    cancelled: usize,
    destructors: usize,
    finished: Option<u32>,
    /// What the peer of a cancelled reader reads: its end.
    peer_read: usize,
}

#[test]
fn cancelling_unwinds_what_waits() {
    let expected =
        Seen { cancelled: TASKS, destructors: 2 * TASKS + 1, finished: Some(7), peer_read: 0 };
    compare(expected, greenwood, tokio);
}

/// Counts its drop.
struct Guard(Arc<AtomicUsize>);

impl Drop for Guard {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

fn greenwood() -> Seen {
    let (started, dropped) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let task = |_| {
        let (started, outer, inner) =
            (started.clone(), Guard(dropped.clone()), Guard(dropped.clone()));
        greenwood::spawn(move || {
            let _outer = outer;
            let _inner = inner;
            started.fetch_add(1, Ordering::Relaxed);
            greenwood::sleep(Duration::from_secs(3600));
        })
    };
    let tasks: Vec<_> = (0..TASKS).map(task).collect();
    let finished = greenwood::spawn(|| 7);
    while started.load(Ordering::Relaxed) < TASKS || !finished.is_finished() {
        greenwood::yield_now();
    }
    tasks.iter().for_each(|task| task.cancel());
    finished.cancel();
    let is_cancelled = |task: greenwood::JoinHandle<()>| {
        task.join().is_err_and(|payload| payload.is::<Cancelled>())
    };
    let cancelled = tasks.into_iter().map(is_cancelled).filter(|yes| *yes).count();

    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut peer = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let guard = Guard(dropped.clone());
    let (mut stream, _) = listener.accept().unwrap();
    let reader = greenwood::spawn(move || {
        let _guard = guard;
        // Here the read fails, so that a driver can clean up; on tokio the future is dropped.
        let _ = stream.read(&mut [0]);
    });
    greenwood::yield_now();
    reader.cancel();
    let peer_read = peer.read(&mut [0]).unwrap();
    let _ = reader.join();
    Seen {
        cancelled,
        destructors: dropped.load(Ordering::Relaxed),
        finished: finished.join().ok(),
        peer_read,
    }
}

async fn tokio() -> Seen {
    let (started, dropped) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let task = |_| {
        let (started, outer, inner) =
            (started.clone(), Guard(dropped.clone()), Guard(dropped.clone()));
        tokio::spawn(async move {
            let _outer = outer;
            let _inner = inner;
            started.fetch_add(1, Ordering::Relaxed);
            tokio::time::sleep(Duration::from_secs(3600)).await;
        })
    };
    let tasks: Vec<_> = (0..TASKS).map(task).collect();
    let finished = tokio::spawn(async { 7 });
    while started.load(Ordering::Relaxed) < TASKS || !finished.is_finished() {
        tokio::task::yield_now().await;
    }
    tasks.iter().for_each(|task| task.abort());
    finished.abort();
    let mut cancelled = 0;
    for task in tasks {
        cancelled += usize::from(task.await.is_err_and(|error| error.is_cancelled()));
    }

    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let mut peer = tokio::net::TcpStream::connect(address).await.unwrap();
    let guard = Guard(dropped.clone());
    let (mut stream, _) = listener.accept().await.unwrap();
    let reader = tokio::spawn(async move {
        let _guard = guard;
        let _ = stream.read(&mut [0]).await;
    });
    tokio::task::yield_now().await;
    reader.abort();
    let peer_read = peer.read(&mut [0]).await.unwrap();
    let _ = reader.await;
    Seen {
        cancelled,
        destructors: dropped.load(Ordering::Relaxed),
        finished: finished.await.ok(),
        peer_read,
    }
}
