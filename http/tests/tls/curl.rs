//! Clients that others wrote. They are skipped where they are not installed, but for CI.

use std::io::Write;
use std::net::SocketAddr;
use std::process::{Command, Output, Stdio};

use crate::client::{Files, Identity};
use crate::support::{TestServer, echo};

fn installed(program: &str, version: &str) -> bool {
    let found = Command::new(program).arg(version).output().is_ok();
    assert!(found || std::env::var_os("CI").is_none(), "{program} is not installed");
    found
}

fn curl(files: &Files, address: SocketAddr, args: &[&str]) -> Output {
    Command::new("curl")
        .args(["--silent", "--show-error", "--max-time", "20", "--cacert"])
        .arg(&files.certificate)
        .args(["--resolve", &format!("localhost:{}:127.0.0.1", address.port())])
        .args(args)
        .arg(format!("https://localhost:{}/a", address.port()))
        .output()
        .unwrap()
}

#[test]
fn curl_in_its_modes() {
    if !installed("curl", "--version") {
        return;
    }
    let identity = Identity::new("localhost");
    let files = identity.files();
    let server = TestServer::with(identity.server(crate::support::BACKENDS[0]), echo);
    let body = "x".repeat(500_000);
    let file = files.key.with_file_name("body");
    std::fs::write(&file, &body).unwrap();
    let upload = format!("@{}", file.display());
    let whole = format!("POST /a {body}");
    for (args, answer) in [
        (&[][..], "GET /a "),
        (&["--tlsv1.2", "--tls-max", "1.2"], "GET /a "),
        (&["--tlsv1.3"], "GET /a "),
        (&["--http1.1"], "GET /a "),
        (&["--http1.0"], "GET /a "),
        (&["--http2"], "GET /a "),
        (&["--no-alpn"], "GET /a "),
        (&["--ciphers", "ECDHE-ECDSA-AES128-GCM-SHA256", "--tls-max", "1.2"], "GET /a "),
        (&["--data-binary", &upload], &whole),
        (&["--data-binary", &upload, "--header", "Transfer-Encoding: chunked"], &whole),
        (&["--data-binary", &upload, "--header", "Expect: 100-continue"], &whole),
    ] {
        let output = curl(&files, server.address, args);
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{args:?}: {errors}");
        assert!(output.stdout == answer.as_bytes(), "{args:?}");
    }
    let output = curl(&files, server.address, &["--tls-max", "1.1"]);
    assert_eq!(output.status.code(), Some(35), "an old version");
    let output = curl(&files, server.address, &["--head", "--write-out", "%{http_version}"]);
    assert!(output.stdout.starts_with(b"HTTP/1.1 200 OK\r\n") && output.stdout.ends_with(b"1.1"));
}

#[test]
fn openssl_in_its_modes() {
    if !installed("openssl", "version") {
        return;
    }
    let identity = Identity::new("localhost");
    let files = identity.files();
    let server = TestServer::with(identity.server(crate::support::BACKENDS[0]), echo);
    for (args, served) in [
        (&["-tls1_2"][..], true),
        (&["-tls1_3"], true),
        (&["-alpn", "http/1.1"], true),
        (&["-alpn", "h2"], false),
        (&["-tls1_1", "-cipher", "DEFAULT:@SECLEVEL=0"], false),
        (&["-tls1_3", "-groups", "P-384"], true),
    ] {
        let mut child = Command::new("openssl")
            .args(["s_client", "-quiet", "-no_ign_eof", "-verify_return_error", "-CAfile"])
            .arg(&files.certificate)
            .args(["-servername", "localhost", "-connect", &server.address.to_string()])
            .args(args)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stdin = child.stdin.take().unwrap();
        // It may have given up before.
        let _ = stdin.write_all(b"GET /a HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
        let output = child.wait_with_output().unwrap();
        drop(stdin);
        let (text, errors) =
            (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert_eq!(text.ends_with("\r\n\r\nGET /a "), served, "{args:?}: {text}{errors}");
    }
}
