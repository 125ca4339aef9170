//! A writer that outruns its reader is suspended, and nothing is lost or held in memory.

use std::io::{Read, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use greenwood::net::{TcpListener, TcpStream};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::harness::compare;

const CHUNK: usize = 64 * 1024;

/// Well above what the kernel's buffers for a connection grow to by themselves, tcp_rmem and tcp_wmem in tcp(7): 10 MiB by
/// default, 36 MiB where the receiver's share has been raised to 32 MiB, as some distributions do.
const TOTAL: usize = 64 << 20;

#[test]
fn the_writer_waits_for_the_reader() {
    let expected = Seen { complete_before_reading: false, written: TOTAL, read: TOTAL };
    compare(expected, greenwood, tokio);
}

#[derive(Debug, PartialEq, Clone, Copy)]
struct Seen {
    complete_before_reading: bool,
    written: usize,
    read: usize,
}

fn greenwood() -> Seen {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut writer = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let (mut reader, _) = listener.accept().unwrap();
    let written = Arc::new(AtomicUsize::new(0));
    let count = written.clone();
    let writing = greenwood::spawn(move || {
        let chunk = vec![1; CHUNK];
        while count.load(Ordering::Relaxed) < TOTAL {
            writer.write_all(&chunk).unwrap();
            count.fetch_add(CHUNK, Ordering::Relaxed);
        }
    });
    // With one worker the writer must have given way for this to go on.
    while written.load(Ordering::Relaxed) == 0 {
        greenwood::sleep(Duration::from_millis(10));
    }
    let complete_before_reading = writing.is_finished();
    let (mut buf, mut read) = (vec![0; CHUNK], 0);
    while let n @ 1.. = reader.read(&mut buf).unwrap() {
        read += n;
    }
    writing.join().unwrap();
    Seen { complete_before_reading, written: written.load(Ordering::Relaxed), read }
}

async fn tokio() -> Seen {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let mut writer = tokio::net::TcpStream::connect(address).await.unwrap();
    let (mut reader, _) = listener.accept().await.unwrap();
    let written = Arc::new(AtomicUsize::new(0));
    let count = written.clone();
    let writing = tokio::spawn(async move {
        let chunk = vec![1; CHUNK];
        while count.load(Ordering::Relaxed) < TOTAL {
            writer.write_all(&chunk).await.unwrap();
            count.fetch_add(CHUNK, Ordering::Relaxed);
        }
    });
    while written.load(Ordering::Relaxed) == 0 {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let complete_before_reading = writing.is_finished();
    let (mut buf, mut read) = (vec![0; CHUNK], 0);
    while let n @ 1.. = reader.read(&mut buf).await.unwrap() {
        read += n;
    }
    writing.await.unwrap();
    Seen { complete_before_reading, written: written.load(Ordering::Relaxed), read }
}
