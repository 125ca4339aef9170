//! The echo servers under test.

use std::io::{Read, Write};
use std::time::{Duration, Instant};

use greenwood::net::TcpListener;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::support::Contender;
use crate::support::children::report;
use crate::support::contender::{go, on_may};
use crate::support::process::{cpu_time, nanos_each};

/// What a message may be read into.
const BUFFER: usize = 4096;

/// The clocks when the last connection has been accepted.
struct Start {
    cpu: Duration,
    wall: Instant,
}

impl Start {
    fn now() -> Start {
        Start { cpu: cpu_time(), wall: Instant::now() }
    }

    fn report(self, messages: usize) {
        report("cpu", nanos_each(messages, self.cpu));
        report("rate", messages as f64 / 1e3 / self.wall.elapsed().as_secs_f64());
    }
}

/// Serves until all connections have closed. Tells its address first.
pub fn measure(contender: Contender, workers: usize, connections: usize, messages: usize) {
    let start = match contender {
        Contender::Own | Contender::Shared => {
            contender.on_greenwood(workers, move || greenwood_serve(connections))
        }
        Contender::TokioCurrent | Contender::Tokio => {
            contender.on_tokio(workers, tokio_serve(connections))
        }
        Contender::May => on_may(workers, move || may_serve(connections)),
    };
    start.report(messages);
}

fn greenwood_serve(connections: usize) -> Start {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    println!("{}", listener.local_addr().unwrap());
    let serve = |_| {
        let (mut stream, _) = listener.accept().unwrap();
        stream.set_nodelay(true).unwrap();
        greenwood::spawn(move || {
            let mut buf = [0; BUFFER];
            while let n @ 1.. = stream.read(&mut buf).unwrap() {
                stream.write_all(&buf[..n]).unwrap();
            }
        })
    };
    let tasks: Vec<_> = (0..connections).map(serve).collect();
    let start = Start::now();
    tasks.into_iter().for_each(|task| task.join().unwrap());
    start
}

async fn tokio_serve(connections: usize) -> Start {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    println!("{}", listener.local_addr().unwrap());
    let mut tasks = Vec::new();
    for _ in 0..connections {
        let (mut stream, _) = listener.accept().await.unwrap();
        stream.set_nodelay(true).unwrap();
        tasks.push(tokio::spawn(async move {
            let mut buf = [0; BUFFER];
            while let n @ 1.. = stream.read(&mut buf).await.unwrap() {
                stream.write_all(&buf[..n]).await.unwrap();
            }
        }));
    }
    let start = Start::now();
    for task in tasks {
        task.await.unwrap();
    }
    start
}

fn may_serve(connections: usize) -> Start {
    let listener = may::net::TcpListener::bind("127.0.0.1:0").unwrap();
    println!("{}", listener.local_addr().unwrap());
    let serve = |_| {
        let (mut stream, _) = listener.accept().unwrap();
        stream.set_nodelay(true).unwrap();
        go(move || {
            let mut buf = [0; BUFFER];
            while let n @ 1.. = stream.read(&mut buf).unwrap() {
                stream.write_all(&buf[..n]).unwrap();
            }
        })
    };
    let tasks: Vec<_> = (0..connections).map(serve).collect();
    let start = Start::now();
    tasks.into_iter().for_each(|task| task.join().unwrap());
    start
}
