//! A Unix socket with a path: more clients than accepts at a time, and what is left after the end.

use std::io::{Read, Write};
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};

use greenwood::net::{UnixListener, UnixStream};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::harness::compare;

const CLIENTS: usize = 50;

#[test]
fn clients_talk_by_path_until_the_listener_is_gone() {
    let answers = (0..CLIENTS).map(|i| format!("hello {i}")).collect::<Vec<_>>();
    let refused = std::io::ErrorKind::ConnectionRefused;
    compare((answers, refused), greenwood, tokio);
}

/// A path of its own in the directory for temporary files; removed on drop.
struct Path(PathBuf);

impl Path {
    fn new() -> Path {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("greenwood-compare-{}-{number}", std::process::id());
        Path(std::env::temp_dir().join(name))
    }
}

impl Drop for Path {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

fn greenwood() -> (Vec<String>, std::io::ErrorKind) {
    let path = Path::new();
    let listener = UnixListener::bind(&path.0).unwrap();
    let client = |i| {
        let path = path.0.clone();
        greenwood::spawn(move || {
            let mut stream = UnixStream::connect(path).unwrap();
            stream.write_all(format!("{i}").as_bytes()).unwrap();
            stream.shutdown(std::net::Shutdown::Write).unwrap();
            let mut answer = String::new();
            stream.read_to_string(&mut answer).unwrap();
            answer
        })
    };
    let clients: Vec<_> = (0..CLIENTS).map(client).collect();
    for _ in 0..CLIENTS {
        let (mut stream, _) = listener.accept().unwrap();
        let mut number = String::new();
        stream.read_to_string(&mut number).unwrap();
        write!(stream, "hello {number}").unwrap();
    }
    let answers = clients.into_iter().map(|client| client.join().unwrap()).collect();
    drop(listener);
    (answers, UnixStream::connect(&path.0).unwrap_err().kind())
}

async fn tokio() -> (Vec<String>, std::io::ErrorKind) {
    let path = Path::new();
    let listener = tokio::net::UnixListener::bind(&path.0).unwrap();
    let client = |i| {
        let path = path.0.clone();
        tokio::spawn(async move {
            let mut stream = tokio::net::UnixStream::connect(path).await.unwrap();
            stream.write_all(format!("{i}").as_bytes()).await.unwrap();
            stream.shutdown().await.unwrap();
            let mut answer = String::new();
            stream.read_to_string(&mut answer).await.unwrap();
            answer
        })
    };
    let clients: Vec<_> = (0..CLIENTS).map(client).collect();
    for _ in 0..CLIENTS {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut number = String::new();
        stream.read_to_string(&mut number).await.unwrap();
        stream.write_all(format!("hello {number}").as_bytes()).await.unwrap();
    }
    let mut answers = Vec::new();
    for client in clients {
        answers.push(client.await.unwrap());
    }
    drop(listener);
    (answers, tokio::net::UnixStream::connect(&path.0).await.unwrap_err().kind())
}
