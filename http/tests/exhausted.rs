//! A server whose process has no descriptor left: who is connected is served, who is not waits, and gets in when others leave.

mod support;

use std::io::{self, BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::process::{Command, Stdio};
use std::time::Duration;

use greenwood_http::{Backend, Server};
use support::{Client, TestServer, echo, text};

/// Names the backend in the child process, whose own limit the server meets: it would fell the other tests.
const CHILD: &str = "GREENWOOD_HTTP_EXHAUSTED";
const DESCRIPTORS: &str = "64";
/// More than there are descriptors, by fewer than the kernel queues before it lets clients wait for their connection too.
const CLIENTS: usize = 150;

#[test]
fn a_server_without_descriptors_recovers() {
    match std::env::var(CHILD).as_deref() {
        Ok("green") => serve(Backend::Green),
        Ok(_) => serve(Backend::Threads),
        Err(_) => ["green", "threads"].into_iter().for_each(scenario),
    }
}

/// Says where it serves, until its standard input ends.
fn serve(backend: Backend) {
    let server = TestServer::with(Server::builder().backend(backend), echo);
    println!("\nserving {}", server.address);
    io::stdin().read_to_end(&mut Vec::new()).unwrap();
    server.shutdown.shutdown();
    server.join();
}

fn scenario(backend: &str) {
    let mut child = Command::new("sh")
        .args(["-c", "ulimit -n $0 && exec \"$@\"", DESCRIPTORS])
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", "a_server_without_descriptors_recovers", "--nocapture"])
        .env(CHILD, backend)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut log = BufReader::new(child.stderr.take().unwrap()).lines().map(Result::unwrap);
    let mut output = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
    let address: SocketAddr =
        output.find_map(|line| line.strip_prefix("serving ")?.parse().ok()).unwrap();

    // The kernel takes all of them, the server as many as it can.
    let mut clients: Vec<Client> = (0..CLIENTS).map(|_| Client::connect(address)).collect();
    for client in &mut clients {
        client.send("GET /a HTTP/1.1\r\nHost: h\r\n\r\n");
    }
    let failure = log.find(|line| line.contains("cannot accept")).unwrap();
    assert!(failure.contains("Too many open files"), "{failure}");

    // The first are in, and are served as ever; also when they were idle for longer than a connection keeps its memory.
    let (served, waiting) = clients.split_at_mut(10);
    for pause in [0, 0, 1500] {
        std::thread::sleep(Duration::from_millis(pause));
        for client in &mut *served {
            assert_eq!(client.until("GET /a "), text("200 OK", "GET /a "));
            client.send("GET /a HTTP/1.1\r\nHost: h\r\n\r\n");
        }
    }
    // The last is not, and is as soon as there is room.
    let last = waiting.last_mut().unwrap();
    last.stream.set_nonblocking(true).unwrap();
    assert_eq!(last.stream.peek(&mut [0]).unwrap_err().kind(), io::ErrorKind::WouldBlock);
    last.stream.set_nonblocking(false).unwrap();
    for mut client in clients.drain(..) {
        client.until("GET /a ");
    }

    let again = &mut Client::connect(address);
    again.send("GET /a HTTP/1.1\r\nHost: h\r\n\r\n");
    again.until("GET /a ");
    drop(child.stdin.take());
    assert!(child.wait().unwrap().success());
    let lines = log.filter(|line| line.contains("cannot accept")).count();
    assert!(lines < CLIENTS, "a line for each failure");
}
