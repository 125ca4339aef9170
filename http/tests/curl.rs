//! A client that others wrote, in its many modes. Skipped where it is not installed, but for CI.

mod support;

use std::io::{self, ErrorKind, Read, Write};
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use std::sync::LazyLock;
use std::sync::mpsc::{self, Receiver};

use greenwood_http::files::File;
use greenwood_http::http::StatusCode;
use greenwood_http::{IntoResponse, Limits, Request, Response, ResponseBody, Server};
use support::{BACKENDS, TestServer};

/// More than any buffer holds, and nowhere the same.
static LARGE: LazyLock<&[u8]> = LazyLock::new(|| {
    let mut state = 1u64;
    let word = |_| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        state.to_be_bytes()
    };
    (0..4 << 20).flat_map(word).collect::<Vec<u8>>().leak()
});

/// A file with a part of `LARGE` in it, which goes when this does.
struct Temporary(PathBuf);

impl Temporary {
    fn new(name: &str, length: usize) -> Temporary {
        let path =
            std::env::temp_dir().join(format!("greenwood-curl-{}-{name}", std::process::id()));
        std::fs::write(&path, &LARGE[..length]).unwrap();
        Temporary(path)
    }

    fn as_str(&self) -> &str {
        self.0.to_str().unwrap()
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

struct Curl {
    server: TestServer,
    /// What became of the bodies that `/upload` was sent.
    uploads: Receiver<io::Result<usize>>,
    file: Temporary,
}

impl Curl {
    /// One for each backend, if curl is installed.
    fn each(name: &str) -> impl Iterator<Item = Curl> {
        let found = Command::new("curl").arg("--version").output().is_ok();
        assert!(found || std::env::var_os("CI").is_none(), "curl is not installed");
        if !found {
            eprintln!("skipped: curl is not installed");
        }
        let name = name.to_owned();
        BACKENDS.into_iter().filter(move |_| found).map(move |backend| {
            let mut limits = Limits::default();
            limits.body = u64::MAX;
            let file = Temporary::new(&format!("{name}-{backend:?}"), 100_000);
            let path = file.0.clone();
            let (outcome, uploads) = mpsc::channel();
            let server = TestServer::with(
                Server::builder().backend(backend).limits(limits),
                move |request: &mut Request<'_>| -> io::Result<Response> {
                    Ok(match request.path() {
                        "/large" => (*LARGE).into_response(),
                        "/stream" => ResponseBody::from_reader(*LARGE).into_response(),
                        "/file" => File::open(&path)?.respond(request),
                        "/forbidden" => StatusCode::FORBIDDEN.into_response(),
                        "/peer" => request.peer_addr().unwrap().to_string().into_response(),
                        "/upload" => {
                            let mut body = Vec::new();
                            let result = request.body().read_to_end(&mut body);
                            let same = LARGE.starts_with(&body);
                            outcome.send(result).unwrap();
                            format!("{} {same}", body.len()).into_response()
                        }
                        _ => echo(request)?.into_response(),
                    })
                },
            );
            Curl { server, uploads, file }
        })
    }

    fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.server.address)
    }

    /// Without what a user has configured.
    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new("curl");
        command.args(["--disable", "--silent", "--show-error", "--globoff", "--max-time", "60"]);
        command.args(args).stdin(Stdio::null()).env_remove("http_proxy").env_remove("all_proxy");
        command
    }

    fn output(&self, args: &[&str]) -> Output {
        self.command(args).output().unwrap()
    }

    /// The body of the answer to `args`, which end in a URL. Whatever its status is.
    fn body(&self, args: &[&str]) -> Vec<u8> {
        let output = self.output(args);
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{args:?}: {errors}");
        output.stdout
    }

    fn text(&self, args: &[&str], path: &str) -> String {
        let url = self.url(path);
        let args = [args, &[&*url]].concat();
        String::from_utf8(self.body(&args)).unwrap()
    }
}

fn echo(request: &mut Request<'_>) -> io::Result<String> {
    let mut body = String::new();
    request.body().read_to_string(&mut body)?;
    Ok(format!("{} {} {body}", request.method(), request.target()))
}

#[test]
fn methods_and_bodies() {
    for curl in Curl::each("methods") {
        for (args, path, answer) in [
            (&[][..], "/a", "GET /a "),
            (&["--http1.1"], "/a?b=c", "GET /a?b=c "),
            (&["--http1.0"], "/a", "GET /a "),
            (&["--http2"], "/a", "GET /a "),
            (&["--header", "Connection: close"], "/a", "GET /a "),
            (&["--header", "Connection: close, TE", "--header", "TE: trailers"], "/a", "GET /a "),
            (&["--header", "Connection: keep-alive", "--http1.0"], "/a", "GET /a "),
            (&["--data", "x=1&y"], "/a", "POST /a x=1&y"),
            (&["--data", ""], "/a", "POST /a "),
            (&["--data", "x", "--http1.0"], "/a", "POST /a x"),
            (&["--data", "x", "--header", "Expect: 100-continue"], "/a", "POST /a x"),
            (&["--data", "x", "--header", "Transfer-Encoding: chunked"], "/a", "POST /a x"),
            (
                &[
                    "--data",
                    "x",
                    "--header",
                    "Transfer-Encoding: chunked",
                    "--header",
                    "Expect: 100-continue",
                ],
                "/a",
                "POST /a x",
            ),
            (&["--get", "--data", "x=1"], "/a", "GET /a?x=1 "),
            (&["--get", "--data-urlencode", "x=a&b"], "/a", "GET /a?x=a%26b "),
            (&["--request", "DELETE"], "/a", "DELETE /a "),
            (&["--request", "PATCH", "--data", "x"], "/a", "PATCH /a x"),
            (&["--request", "PURGE"], "/a", "PURGE /a "),
            (&["--request", "M-SEARCH"], "/a", "M-SEARCH /a "),
            (&["--request", "get"], "/a", "get /a "),
            (&["--request", "GET", "--data", "x"], "/a", "GET /a x"),
            (&["--request", "OPTIONS", "--request-target", "*"], "/a", "OPTIONS * "),
            (&["--request", "CONNECT"], "/a", "Not Implemented"),
            (&["--request", "G(T"], "/a", "Bad Request"),
            (&["--request", "GET /b"], "/a", "Bad Request"),
        ] {
            assert_eq!(curl.text(args, path), answer, "{args:?}");
        }
    }
}

#[test]
fn targets() {
    for curl in Curl::each("targets") {
        for (args, path, answer) in [
            (&[][..], "/a/../b/./c", "GET /b/c "),
            (&["--path-as-is"], "/a/../b/./c", "GET /a/../b/./c "),
            (&["--path-as-is"], "/../../etc/passwd", "GET /../../etc/passwd "),
            (&[], "/caf%C3%A9", "GET /caf%C3%A9 "),
            (&["--request-target", "/caf\u{e9}"], "/", "Bad Request"),
            (&[], "//a//b", "GET //a//b "),
            (&[], "/a[b]{c}|\\", "GET /a[b]{c}|\\ "),
            (&[], "/a?b?c#d", "GET /a?b?c "),
            (&["--request-target", "/a#b"], "/", "Bad Request"),
            (&["--request-target", "a"], "/", "Bad Request"),
            (&["--request-target", "http://h/a?b"], "/", "GET http://h/a?b "),
        ] {
            assert_eq!(curl.text(args, path), answer, "{args:?} {path}");
        }
        // It encodes by itself what no target may hold, in either case.
        assert_eq!(curl.text(&[], "/caf\u{e9}").to_lowercase(), "get /caf%c3%a9 ");
        let long = format!("/{}", "a".repeat(8 * 1024));
        assert_eq!(curl.text(&[], &long), "URI Too Long");

        // As a proxy would be asked: in absolute-form, or for a tunnel.
        let proxy = curl.url("");
        let answer = curl.body(&["--proxy", &proxy, "http://example.test/a?b"]);
        assert_eq!(answer, b"GET http://example.test/a?b ");
        let args = [
            "--proxy",
            &*proxy,
            "--proxytunnel",
            "--write-out",
            "%{http_connect}",
            "http://example.test/",
        ];
        let tunnel = curl.output(&args);
        assert!(!tunnel.status.success());
        assert_eq!(tunnel.stdout, b"501");
    }
}

#[test]
fn malformed_fields() {
    for curl in Curl::each("fields") {
        let long = format!("A: {}", "b".repeat(40_000));
        for (field, answer) in [
            ("A: b", "GET /a "),
            ("A;", "GET /a "),
            ("Host: example.test:1", "GET /a "),
            ("Host:", "Bad Request"),
            ("Host;", "Bad Request"),
            ("Host: a b", "Bad Request"),
            ("Host: u@h", "Bad Request"),
            ("A B: c", "Bad Request"),
            ("A : b", "Bad Request"),
            ("\u{e9}: b", "Bad Request"),
            ("A: b\x01", "Bad Request"),
            ("A: b\nC: d", "Bad Request"),
            ("A: b\rC: d", "Bad Request"),
            ("A: b\r\n c", "Bad Request"),
            ("Content-Length: +0", "Bad Request"),
            ("Content-Length: 0, 0", "Bad Request"),
            ("Transfer-Encoding: gzip", "Not Implemented"),
            ("Transfer-Encoding: chunked, chunked", "Bad Request"),
            ("Expect: tea", "Expectation Failed"),
            (&long, "Request Header Fields Too Large"),
        ] {
            assert_eq!(curl.text(&["--header", field], "/a"), answer, "{field:.50}");
        }
    }
}

#[test]
fn head_and_reuse() {
    for curl in Curl::each("head") {
        let (large, stream, missing) =
            (curl.url("/large"), curl.url("/stream"), curl.url("/forbidden"));
        let heads = curl.body(&["--head", &large, &stream, &missing]);
        let heads = String::from_utf8(heads).unwrap();
        let heads: Vec<&str> = heads.split_terminator("\r\n\r\n").collect();
        let [large, stream, missing] = heads[..] else { panic!("{heads:?}") };
        assert!(large.contains(&format!("content-length: {}", LARGE.len())), "{large}");
        assert!(stream.contains("transfer-encoding: chunked"), "{stream}");
        assert!(missing.starts_with("HTTP/1.1 403 Forbidden\r\n"), "{missing}");
        assert!(heads.iter().all(|head| head.contains("\r\ndate: ")), "{heads:?}");

        // The port of the client's side says whether a connection served both.
        let peer = curl.url("/peer");
        let peers = |args: &[&str]| {
            let output =
                curl.output(&[args, &["--verbose", "--write-out", "\n", &peer, &peer]].concat());
            let text = String::from_utf8(output.stdout).unwrap();
            let (first, second) = text.trim_end().split_once('\n').unwrap();
            let says = String::from_utf8_lossy(&output.stderr).to_lowercase();
            let reused = says.contains("re-using existing") || says.contains("reusing existing");
            assert_eq!(reused, first == second, "{says}");
            reused
        };
        assert!(peers(&[]));
        assert!(peers(&["--http1.0", "--header", "Connection: keep-alive"]));
        assert!(peers(&["--data", "not read"]));
        assert!(!peers(&["--http1.0"]));
        assert!(!peers(&["--header", "Connection: close"]));
    }
}

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
