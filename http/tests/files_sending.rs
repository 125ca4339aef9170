//! Files on their way: long ones, ones that change meanwhile, and clients that do not read.

mod support;

use std::fs;
use std::io::{Read, Write};
use std::ops::Range;
use std::time::Duration;

use greenwood_http::files::{Dir, File, FilePath};
use greenwood_http::{IntoResponse, Limits, Request, Response, Server};
use support::folder::{Folder, noise};
use support::{BACKENDS, Client, TestServer, refused};

/// More than the kernel takes for one connection.
const LONG: u64 = 64 << 20;

fn serve(dir: Dir) -> impl Fn(&mut Request<'_>) -> Response + Send + Sync + 'static {
    move |request: &mut Request<'_>| match FilePath::decode(request.path()) {
        Ok(path) => dir.respond(request, &path),
        Err(invalid) => invalid.into_response(),
    }
}

fn get(path: &str, fields: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: h\r\n{fields}\r\n")
}

/// Reads an answer: its head as text, and its body by the announced length.
fn answer(client: &mut Client) -> (String, Vec<u8>) {
    let head = client.until("\r\n\r\n");
    let length = head.split("content-length: ").nth(1).unwrap().split("\r\n").next().unwrap();
    let body = client.exactly(length.parse().unwrap());
    (head, body)
}

/// As one would have it: whole, every range, several, one behind the other on one connection.
#[test]
fn long_files_arrive_whole() {
    let folder = Folder::new();
    // At, below and above the sizes at which the way of sending changes.
    let sizes = [0, 1, 32 << 10, (32 << 10) + 1, 64 << 10, 256 << 10, (256 << 10) + 1, 9_000_001];
    let files: Vec<_> = sizes.iter().map(|&size| noise(size)).collect();
    for (bytes, size) in files.iter().zip(sizes) {
        folder.write(&size.to_string(), bytes);
    }
    for backend in BACKENDS {
        let handler = serve(Dir::new(folder.path()).unwrap());
        let server = TestServer::with(Server::builder().backend(backend), handler);
        let mut client = server.connect();
        client.send(sizes.map(|size| get(&format!("/{size}"), "")).concat());
        for bytes in &files {
            let (head, body) = answer(&mut client);
            assert!(head.starts_with("HTTP/1.1 200 OK\r\n") && body == *bytes, "{}", bytes.len());
        }
        let long = files.last().unwrap();
        let ranges: [Range<usize>; 5] =
            [0..1, 4095..300_001, 32_768..65_537, 9_000_000..9_000_001, 1..9_000_001];
        for range in ranges {
            let field = format!("Range: bytes={}-{}\r\n", range.start, range.end - 1);
            client.send(get("/9000001", &field));
            let (head, body) = answer(&mut client);
            assert!(head.starts_with("HTTP/1.1 206 ") && body == long[range.clone()], "{range:?}");
        }
        // Long and short parts by turns, and an ordinary answer behind them.
        let list = "Range: bytes=5000000-8999998,0-9,1000000-4000000,-1\r\n";
        client.send(get("/9000001", list) + &get("/1", ""));
        let (_, mut body) = answer(&mut client);
        for range in [5_000_000..8_999_999, 0..10, 1_000_000..4_000_001, 9_000_000..9_000_001] {
            let at = body.windows(4).position(|w| w == b"\r\n\r\n").unwrap() + 4;
            let head = String::from_utf8(body[..at].to_vec()).unwrap();
            let expected = format!("bytes {}-{}/9000001\r\n", range.start, range.end - 1);
            assert!(head.contains(&expected), "{head}");
            assert!(body[at..].starts_with(&long[range.clone()]), "{range:?}");
            body.drain(..at + range.len());
        }
        assert!(body.starts_with(b"\r\n--") && body.ends_with(b"--\r\n"));
        assert_eq!(answer(&mut client).1, files[1]);
    }
}

/// The head has announced a length by the time the file changes; the kernel has taken only part of the file then.
#[test]
fn a_file_that_changes_is_never_answered_wrongly() {
    let folder = Folder::new();
    for backend in BACKENDS {
        let handler = serve(Dir::new(folder.path()).unwrap());
        let server = TestServer::with(Server::builder().backend(backend), handler);
        let path = folder.join("f");
        let make = |length| fs::File::create(&path).unwrap().set_len(length).unwrap();
        let announced = format!("content-length: {LONG}\r\n");

        make(LONG);
        let mut client = server.connect();
        client.send(get("/f", "") + &get("/f", ""));
        assert!(client.until("\r\n\r\n").contains(&announced));
        fs::File::options().write(true).open(&path).unwrap().set_len(1).unwrap();
        let rest = client.raw_rest();
        assert!((rest.len() as u64) < LONG && rest.iter().all(|&b| b == 0), "{}", rest.len());

        make(LONG);
        let mut client = server.connect();
        client.send(get("/f", "") + &get("/f", "Range: bytes=0-0\r\n"));
        assert!(client.until("\r\n\r\n").contains(&announced));
        let mut file = fs::File::options().append(true).open(&path).unwrap();
        file.write_all(b"more").unwrap();
        assert!(client.exactly(LONG as usize).iter().all(|&b| b == 0));
        let (head, body) = answer(&mut client);
        assert!(head.contains(&format!("content-range: bytes 0-0/{}\r\n", LONG + 4)), "{head}");
        assert_eq!(body, [0]);

        // Replaced by renaming: what was opened is sent.
        make(LONG);
        let mut client = server.connect();
        client.send(get("/f", "") + &get("/f", ""));
        assert!(client.until("\r\n\r\n").contains(&announced));
        folder.write("new", "new");
        fs::rename(folder.join("new"), &path).unwrap();
        assert!(client.exactly(LONG as usize).iter().all(|&b| b == 0));
        assert_eq!(answer(&mut client).1, b"new");
    }
}

/// A short file goes out with its head, so that there can be another answer; what came before must get through as well.
#[test]
fn a_short_file_that_shrinks_is_an_error_after_earlier_answers() {
    let folder = Folder::new();
    let path = folder.write("f", "0123456789");
    for backend in BACKENDS {
        let path = path.clone();
        folder.write("f", "0123456789");
        let server = TestServer::with(
            Server::builder().backend(backend),
            move |request: &mut Request<'_>| {
                let file = File::open(&path)?;
                if request.path() == "/shrinks" {
                    fs::write(&path, "0123")?;
                }
                std::io::Result::Ok(file.respond(request))
            },
        );
        let mut client = server.connect();
        client.send(get("/", "") + &get("/shrinks", "") + &get("/", ""));
        assert_eq!(answer(&mut client).1, b"0123456789");
        assert_eq!(client.rest(), refused("500 Internal Server Error"));
    }
}

/// With all workers' attention on clients that do not read, others would not be served.
#[test]
fn clients_that_do_not_read_hold_nothing_but_their_connection() {
    let folder = Folder::new();
    fs::File::create(folder.join("long")).unwrap().set_len(LONG).unwrap();
    folder.write("short", "short");
    for backend in BACKENDS {
        let handler = serve(Dir::new(folder.path()).unwrap());
        let mut limits = Limits::default();
        limits.write_progress = Duration::from_secs(3600);
        let server = TestServer::with(Server::builder().backend(backend).limits(limits), handler);
        let lazy: Vec<_> = (0..64)
            .map(|_| {
                let mut client = server.connect();
                client.send(get("/long", ""));
                // The answer has begun.
                client.stream.peek(&mut [0]).unwrap();
                client
            })
            .collect();
        let mut client = server.connect();
        for _ in 0..10 {
            client.send(get("/short", ""));
            assert_eq!(answer(&mut client).1, b"short");
        }
        drop(lazy);
    }
}

/// The only connection that the server allows is given to the next client once the first is cut.
#[test]
fn clients_that_do_not_read_are_cut() {
    let folder = Folder::new();
    fs::File::create(folder.join("long")).unwrap().set_len(LONG).unwrap();
    for backend in BACKENDS {
        let handler = serve(Dir::new(folder.path()).unwrap());
        let mut limits = Limits::default();
        limits.write_progress = Duration::from_millis(50);
        limits.connections = 1;
        let server = TestServer::with(Server::builder().backend(backend).limits(limits), handler);
        let mut lazy = server.connect();
        lazy.send(get("/long", ""));
        let mut next = server.connect();
        next.send(get("/long", "Range: bytes=0-0\r\n"));
        assert_eq!(answer(&mut next).1, [0]);
        let mut received = 0;
        let mut bytes = vec![0; 1 << 20];
        // The end, or a reset: the kernel throws away what it has not sent.
        while let Ok(n @ 1..) = lazy.stream.read(&mut bytes) {
            received += n as u64;
        }
        assert!(received < LONG);
    }
}

/// A client that goes away in the middle is no more than an error.
#[test]
fn clients_that_go_away_do_no_harm() {
    let folder = Folder::new();
    fs::File::create(folder.join("long")).unwrap().set_len(LONG).unwrap();
    for backend in BACKENDS {
        let handler = serve(Dir::new(folder.path()).unwrap());
        let server = TestServer::with(Server::builder().backend(backend), handler);
        for _ in 0..20 {
            let mut client = server.connect();
            client.send(get("/long", ""));
            client.until("\r\n\r\n");
        }
        let mut client = server.connect();
        client.send(get("/long", "Range: bytes=-1\r\n"));
        assert_eq!(answer(&mut client).1, [0]);
    }
}
