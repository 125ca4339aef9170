//! Files, which no system call can encrypt: they are read and written.

use std::fs;
use std::io::{ErrorKind, Read, Write};

use greenwood_http::Request;
use greenwood_http::files::File;

use crate::client::Identity;
use crate::support::folder::{Folder, noise};
use crate::support::{BACKENDS, TestServer};

#[test]
fn long_files_arrive_whole() {
    let identity = Identity::new("localhost");
    let folder = Folder::new();
    let bytes = noise(5_000_001);
    let path = folder.write("f", &bytes);
    for backend in BACKENDS {
        let path = path.clone();
        let server =
            TestServer::with(identity.server(backend), move |request: &mut Request<'_>| {
                File::open(&path).map(|file| file.respond(request))
            });
        let mut client = identity.connect(server.address);
        for (range, sent) in [("0-", &bytes[..]), ("3-4000000", &bytes[3..4_000_001])] {
            write!(client, "GET / HTTP/1.1\r\nHost: h\r\nRange: bytes={range}\r\n\r\n").unwrap();
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") {
                let mut byte = [0];
                client.read_exact(&mut byte).unwrap();
                head.extend(byte);
            }
            let mut body = vec![0; sent.len()];
            client.read_exact(&mut body).unwrap();
            assert!(body == sent, "{range}");
        }
    }
}

#[test]
fn a_file_that_shrinks_breaks_off() {
    const LONG: u64 = 64 << 20;
    let identity = Identity::new("localhost");
    let folder = Folder::new();
    for backend in BACKENDS {
        let path = folder.write("f", "");
        let file = fs::File::options().write(true).open(&path).unwrap();
        file.set_len(LONG).unwrap();
        let server =
            TestServer::with(identity.server(backend), move |request: &mut Request<'_>| {
                File::open(&path).map(|file| file.respond(request))
            });
        let mut client = identity.connect(server.address);
        client.write_all(b"GET / HTTP/1.1\r\nHost: h\r\n\r\n").unwrap();
        client.read_exact(&mut [0; 15]).unwrap();
        file.set_len(1).unwrap();
        let mut rest = Vec::new();
        // No close_notify: TLS says as well that this is not the end.
        let error = client.read_to_end(&mut rest).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::UnexpectedEof);
        assert!((rest.len() as u64) < LONG, "{}", rest.len());
    }
}
