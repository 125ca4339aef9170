//! How the program is started and ended.

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::sync::mpsc::channel;

use crate::harness::{Program, example, parts, says, server};

#[test]
fn help_and_mistakes() {
    let output = example("proxy").arg("--help").output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success() && text.starts_with("usage: proxy --listen ADDR "), "{text}");
    for (args, error) in [
        (&["--listen", "127.0.0.1:0"][..], "proxy: --to is missing"),
        (&["--what"], "proxy: unknown argument \"--what\""),
    ] {
        let output = example("proxy").args(args).output().unwrap();
        let text = String::from_utf8(output.stderr).unwrap();
        assert_eq!((output.status.code(), text.lines().next()), (Some(2), Some(error)));
    }
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let output = example("proxy").args(["--listen", &address, "--to", "h:1"]).output().unwrap();
    let text = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(text.starts_with(&format!("proxy: cannot listen on {address}: ")), "{text}");
    assert_eq!(text.lines().count(), 1);
}

#[test]
fn on_a_unix_socket() {
    let path = std::env::temp_dir().join(format!("greenwood-proxy-{}.sock", std::process::id()));
    let to = server(|mut peer, _| {
        let head = peer.head();
        peer.answer(&head);
    });
    let listen = format!("unix:{}", path.display());
    let program =
        Program::start(example("proxy").args(["--listen", &listen, "--to", &to.to_string()]));
    assert_eq!(program.address, listen);
    let mut client = UnixStream::connect(&path).unwrap();
    client.write_all(b"GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    client.read_to_string(&mut answer).unwrap();
    assert!(answer.contains("\r\nx-forwarded-for: unknown\r\n"), "{answer}");
    program.signal("-TERM");
    assert!(program.exit().success());
    assert!(!path.exists());
}

#[test]
fn what_is_under_way_is_finished() {
    let ((tell, told), (go, may_go)) = (channel(), channel::<()>());
    let may_go = std::sync::Mutex::new(may_go);
    let to = server(move |mut peer, _| {
        peer.head();
        tell.send(()).unwrap();
        may_go.lock().unwrap().recv().unwrap();
        peer.answer("done");
    });
    let proxy = Program::proxy(to, &[]);
    let mut client = proxy.connect();
    client.write_all(b"GET / HTTP/1.1\r\nHost: h\r\n\r\n").unwrap();
    told.recv().unwrap();
    proxy.signal("-INT");
    // It listens no more.
    while std::net::TcpStream::connect(&proxy.address).is_ok() {
        std::thread::yield_now();
    }
    go.send(()).unwrap();
    let mut answer = String::new();
    client.read_to_string(&mut answer).unwrap();
    assert!(answer.contains("\r\nconnection: close\r\n"), "{answer}");
    assert_eq!(parts(&answer).2, "done");
    assert!(proxy.exit().success());
}

#[test]
fn names_are_looked_up() {
    let to = says("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi");
    let proxy = Program::proxy(format!("localhost:{}", to.port()), &[]);
    assert_eq!(parts(&proxy.get("/")).2, "hi");
}

#[cfg(feature = "tls")]
#[test]
fn https_for_its_clients() {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let folder = std::env::temp_dir().join(format!("greenwood-proxy-tls-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let (certificate, key) = (folder.join("cert.pem"), folder.join("key.pem"));
    std::fs::write(&certificate, made.cert.pem()).unwrap();
    std::fs::write(&key, made.signing_key.serialize_pem()).unwrap();
    let (certificate, key) = (certificate.to_str().unwrap(), key.to_str().unwrap());
    let to = server(|mut peer, _| {
        let head = peer.head();
        peer.answer(&head);
    });
    let proxy = Program::proxy(to, &["--cert", certificate, "--key", key]);
    let port = proxy.address.rsplit(':').next().unwrap();
    let resolve = format!("localhost:{port}:127.0.0.1");
    let url = format!("https://localhost:{port}/");
    let output = crate::harness::curl(&url, &["--cacert", certificate, "--resolve", &resolve]);
    let head = crate::harness::stdout(&output);
    assert!(head.contains("\r\nx-forwarded-proto: https\r\n"), "{head}");
    let output = example("proxy")
        .args(["--listen", "127.0.0.1:0", "--to", "h:1", "--cert", key, "--key", key])
        .output()
        .unwrap();
    let error = String::from_utf8(output.stderr).unwrap();
    assert_eq!(error, format!("proxy: {key}: no certificate in it\n"));
    std::fs::remove_dir_all(&folder).unwrap();
}
