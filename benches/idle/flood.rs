//! One worker, many sockets that always have bytes, and one coroutine that wants to wake every millisecond.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use tokio::io::AsyncReadExt;

use crate::support::Contender;
use crate::support::children::{self, report};
use crate::support::process::thread_cpu_time;
use crate::support::table::percentile;

const NAP: Duration = Duration::from_millis(1);
const WATCH: Duration = Duration::from_secs(3);
const CHUNK: usize = 16 * 1024;

/// The sleeper's lateness. Another process floods the sockets.
pub fn measure(contender: Contender, sockets: usize) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let mut flooder = children::start(&["flooder", &address, &sockets.to_string()]);
    let streams: Vec<_> = (0..sockets).map(|_| listener.accept().unwrap().0).collect();
    let read = Arc::new(AtomicU64::new(0));
    let naps = match contender {
        Contender::Own | Contender::Shared => {
            let runtime = contender.greenwood(1);
            let naps = runtime.run(|| {
                for stream in streams {
                    let read = read.clone();
                    drop(greenwood::spawn(move || greenwood_drain(stream.into(), &read)));
                }
                greenwood_naps()
            });
            std::mem::forget(runtime);
            naps
        }
        _ => {
            let counter = read.clone();
            contender.on_tokio(1, async move {
                for stream in streams {
                    stream.set_nonblocking(true).unwrap();
                    let stream = tokio::net::TcpStream::from_std(stream).unwrap();
                    drop(tokio::spawn(tokio_drain(stream, counter.clone())));
                }
                tokio_naps().await
            })
        }
    };
    let rate = read.load(Ordering::Relaxed) as f64 / WATCH.as_secs_f64() / 1e6;
    flooder.kill().unwrap();
    flooder.wait().unwrap();
    let by_cpu: Vec<_> = naps.iter().map(|nap| nap.late_by_cpu).collect();
    let late: Vec<_> = naps.iter().map(|nap| nap.late).collect();
    report("latest-cpu", percentile(&by_cpu, 1.0));
    report("latest", percentile(&late, 1.0));
    report("late-99", percentile(&late, 0.99));
    report("late", percentile(&late, 0.5));
    report("sleeps", late.len() as f64);
    report("rate", rate);
}

fn greenwood_drain(mut stream: greenwood::net::TcpStream, read: &AtomicU64) {
    let mut buf = [0; CHUNK];
    while let Ok(n @ 1..) = stream.read(&mut buf) {
        read.fetch_add(n as u64, Ordering::Relaxed);
    }
}

fn greenwood_naps() -> Vec<Nap> {
    let (started, mut naps) = (Instant::now(), Vec::new());
    while started.elapsed() < WATCH {
        let nap = Begin::now();
        greenwood::sleep(NAP);
        naps.push(nap.end());
    }
    naps
}

async fn tokio_drain(mut stream: tokio::net::TcpStream, read: Arc<AtomicU64>) {
    let mut buf = [0; CHUNK];
    while let Ok(n @ 1..) = stream.read(&mut buf).await {
        read.fetch_add(n as u64, Ordering::Relaxed);
    }
}

async fn tokio_naps() -> Vec<Nap> {
    let (started, mut naps) = (Instant::now(), Vec::new());
    while started.elapsed() < WATCH {
        let nap = Begin::now();
        tokio::time::sleep(NAP).await;
        naps.push(nap.end());
    }
    naps
}

/// How late one sleep ended, in milliseconds.
struct Nap {
    /// By the clock on the wall, what other processes took from the worker included.
    late: f64,
    /// CPU time of the worker in excess of the sleep's length: what the runtime itself is answerable for.
    late_by_cpu: f64,
}

/// The clocks when a sleep begins.
struct Begin {
    wall: Instant,
    cpu: Duration,
}

impl Begin {
    fn now() -> Begin {
        Begin { wall: Instant::now(), cpu: thread_cpu_time() }
    }

    /// The one worker's clocks: the sleeper is on the same thread before and after.
    fn end(self) -> Nap {
        let excess = |spent: Duration| (spent.as_secs_f64() - NAP.as_secs_f64()) * 1e3;
        Nap {
            late: excess(self.wall.elapsed()),
            late_by_cpu: excess(thread_cpu_time() - self.cpu).max(0.0),
        }
    }
}

/// The other process: keeps every socket's buffer full until it is killed or the reader is gone.
pub fn write_for_ever(address: &str, sockets: usize) {
    let connect = |_| std::net::TcpStream::connect(address).unwrap();
    let mut streams: Vec<_> = (0..sockets).map(connect).collect();
    streams.iter().for_each(|stream| stream.set_nonblocking(true).unwrap());
    let bytes = [7; 4 * CHUNK];
    loop {
        for stream in &mut streams {
            match stream.write(&bytes) {
                Ok(_) => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                Err(_) => return,
            }
        }
    }
}
