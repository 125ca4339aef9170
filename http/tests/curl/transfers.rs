//! What is sent: much, in parts, slowly, and not to the end.

use std::io::{ErrorKind, Read, Write};
use std::process::{Child, Stdio};

use crate::client::{Curl, LARGE, Temporary};
use crate::support;

#[test]
fn uploads() {
    for curl in Curl::each("uploads") {
        let large = Temporary::new(&format!("upload-{}", curl.server.address.port()), LARGE.len());
        let whole = format!("{} true", LARGE.len());
        let data = format!("@{}", large.as_str());
        let expect = "Expect: 100-continue";
        for args in [
            &["--upload-file", large.as_str()][..],
            &["--upload-file", large.as_str(), "--http1.0"],
            &["--upload-file", large.as_str(), "--header", "Expect:"],
            &["--upload-file", large.as_str(), "--header", "Transfer-Encoding: chunked"],
            &["--data-binary", &data, "--header", expect],
            &["--data-binary", &data, "--header", expect, "--header", "Transfer-Encoding: chunked"],
        ] {
            assert_eq!(curl.text(args, "/upload"), whole, "{args:?}");
        }
        // From a pipe, whose length is not known.
        let input = std::fs::File::open(&large.0).unwrap();
        let args = ["--upload-file", "-", &curl.url("/upload")];
        let output = curl.command(&args).stdin(input).output().unwrap();
        assert_eq!(output.stdout, whole.as_bytes());
        assert_eq!(
            curl.text(&["--upload-file", curl.file.as_str(), "--limit-rate", "200k"], "/upload"),
            "100000 true"
        );

        // It waits for leave, and gets it or an answer at once.
        let sent =
            ["--upload-file", large.as_str(), "--header", expect, "--write-out", " %{size_upload}"];
        assert_eq!(curl.text(&sent, "/upload"), format!("{whole} {}", LARGE.len()));
        assert_eq!(curl.text(&sent, "/forbidden"), "Forbidden 0");
        assert!(curl.uploads.try_iter().all(|outcome| outcome.is_ok()));
    }
}

#[test]
fn downloads() {
    for curl in Curl::each("downloads") {
        for args in [
            &[][..],
            &["--http1.0"],
            &["--header", "Connection: close"],
            &["--ignore-content-length"],
        ] {
            for path in ["/large", "/stream"] {
                if args == ["--ignore-content-length"] && path == "/large" {
                    // Reads to the end of a connection that stays open.
                    continue;
                }
                let body = curl.body(&[args, &[&*curl.url(path)]].concat());
                assert!(body == *LARGE, "{args:?} {path}");
            }
        }
        let slow = curl.body(&["--limit-rate", "200k", &curl.url("/file")]);
        assert!(slow == LARGE[..100_000]);
    }
}

#[test]
fn parts() {
    for curl in Curl::each("parts") {
        let part = |range| curl.body(&["--range", range, &curl.url("/file")]);
        assert_eq!(part("0-9"), &LARGE[..10]);
        assert_eq!(part("99990-"), &LARGE[99_990..100_000]);
        assert_eq!(part("-5"), &LARGE[99_995..100_000]);
        assert_eq!(part("5-2"), &LARGE[..100_000]);
        let several = part("0-1,50000-50001");
        assert!(several.windows(2).any(|w| w == &LARGE[50_000..50_002]) && several.len() < 1000);
        let args = ["--range", "100000-", "--output", "/dev/null", "--write-out", "%{http_code}"];
        assert_eq!(curl.text(&args, "/file"), "416");

        // What is there already is not sent again.
        let partly = Temporary::new(&format!("partly-{}", curl.server.address.port()), 60_000);
        let args =
            ["--continue-at", "-", "--output", partly.as_str(), "--write-out", "%{size_download}"];
        assert_eq!(curl.text(&args, "/file"), "40000");
        assert!(std::fs::read(&partly.0).unwrap() == LARGE[..100_000]);
    }
}

#[cfg(feature = "compression")]
#[test]
fn compressed() {
    use crate::support::TestServer;
    use greenwood_http::Server;
    use greenwood_http::middleware::{Compression, wrap};

    for curl in Curl::each("compressed") {
        let text = || "tree ".repeat(100_000);
        let server = TestServer::serving(Server::builder(), wrap(text, Compression::new()));
        let url = format!("http://{}/", server.address);
        let plain = curl.body(&["--write-out", " %{size_download}", &url]);
        assert!(plain == format!("{} 500000", text()).as_bytes());
        let args =
            ["--compressed", "--output", "/dev/null", "--write-out", "%{size_download}", &url];
        let size: u64 = String::from_utf8(curl.body(&args)).unwrap().parse().unwrap();
        assert!(size < 50_000, "{size}");
        assert!(curl.body(&["--compressed", &url]) == text().as_bytes());
        assert!(curl.body(&["--compressed", "--http1.0", &url]) == text().as_bytes());
    }
}

fn cut(mut child: Child) {
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn who_goes_away_in_the_middle() {
    for curl in Curl::each("away") {
        // By itself, at the sight of a head.
        let output = curl.output(&["--max-filesize", "1000", &curl.url("/large")]);
        assert_eq!(output.status.code(), Some(63));

        // Killed within an answer,
        for path in ["/large", "/stream"] {
            let mut child =
                curl.command(&[&curl.url(path)]).stdout(Stdio::piped()).spawn().unwrap();
            let mut some = vec![0; 1 << 20];
            child.stdout.as_mut().unwrap().read_exact(&mut some).unwrap();
            assert!(some == LARGE[..some.len()]);
            cut(child);
        }

        // and within a request: the handler does not take what has come for the whole.
        // Of a body whose length is told, and one that comes in chunks.
        let (url, length) = (curl.url("/upload"), format!("Content-Length: {}", 2 << 20));
        for args in [
            &["--upload-file", "-"][..],
            &["--upload-file", "-", "--header", "Transfer-Encoding:", "--header", &length],
        ] {
            let args = [args, &[&*url]].concat();
            let mut child = curl.command(&args).stdin(Stdio::piped()).spawn().unwrap();
            child.stdin.as_mut().unwrap().write_all(&LARGE[..1 << 20]).unwrap();
            cut(child);
            let error = curl.uploads.recv_timeout(support::WATCHDOG).unwrap().unwrap_err();
            assert!(
                matches!(error.kind(), ErrorKind::UnexpectedEof | ErrorKind::ConnectionReset),
                "{error}"
            );
        }
        assert_eq!(curl.text(&[], "/a"), "GET /a ");
    }
}
