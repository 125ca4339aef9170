//! A server on sockets that were opened before its process was: nobody who came earlier is refused.
#![cfg(target_os = "linux")]

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::process::{Command, Stdio};

use greenwood_http::{Listener, Request, Server};

const CHILD: &str = "GREENWOOD_INHERITED_CHILD";

/// Serves what it was given, until it is asked for `/end`.
fn child() {
    let listeners = Listener::inherited().unwrap();
    let names: Vec<_> = listeners.iter().map(|l| l.name().unwrap().to_owned()).collect();
    assert_eq!(names, ["first", "second"]);
    let mut listeners = listeners.into_iter();
    let server = Server::builder().listen(listeners.next().unwrap()).unwrap();
    let server = listeners.try_fold(server, Server::listen_also).unwrap();
    let shutdown = server.shutdown_handle();
    let handler = move |request: &mut Request<'_>| {
        if request.path() == "/end" {
            shutdown.shutdown();
        }
        request.path().to_owned()
    };
    greenwood_runtime::run(|| server.serve(handler)).unwrap();
}

#[test]
fn both_are_served_to_clients_that_came_before() {
    if std::env::var_os(CHILD).is_some() {
        return child();
    }
    let listeners = [0, 1].map(|_| TcpListener::bind("127.0.0.1:0").unwrap());
    let mut clients =
        listeners.each_ref().map(|l| TcpStream::connect(l.local_addr().unwrap()).unwrap());
    for (client, path) in clients.iter_mut().zip(["/early", "/end"]) {
        write!(client, "GET {path} HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n").unwrap();
    }
    let [first, second] = listeners.map(OwnedFd::from);
    let script = "exec 3<&0 4<&1 </dev/null >&2; \
                  LISTEN_PID=$$ LISTEN_FDS=2 LISTEN_FDNAMES=first:second exec \"$0\" \"$@\"";
    let output = Command::new("sh")
        .args(["-c", script])
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", "both_are_served_to_clients_that_came_before", "--nocapture"])
        .env(CHILD, "1")
        .stdin(Stdio::from(first))
        .stdout(Stdio::from(second))
        .stderr(Stdio::piped())
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && text.contains("1 passed"), "{text}");
    for (client, path) in clients.iter_mut().zip(["/early", "/end"]) {
        let mut answer = String::new();
        client.read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
        assert!(answer.ends_with(&format!("\r\n\r\n{path}")), "{answer}");
    }
}
