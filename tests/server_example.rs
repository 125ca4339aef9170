//! `examples/server.rs`, run as a program and driven over sockets.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::{Child, ChildStdout, Command, ExitStatus, Output, Stdio};
use std::time::{Duration, Instant};

use greenwood::signal::{SIGINT, SIGTERM};

const WATCHDOG: Duration = Duration::from_secs(20);

/// Cargo builds examples for `cargo test`, beside the folder of the tests, but names no path.
fn example() -> Command {
    let mut path: PathBuf = std::env::current_exe().unwrap();
    path.pop();
    path.pop();
    Command::new(path.join("examples").join("server"))
}

fn output(args: &[&str]) -> Output {
    example().args(args).output().unwrap()
}

struct Server {
    child: Child,
    stdout: BufReader<ChildStdout>,
    address: String,
}

impl Server {
    fn start(args: &[&str]) -> Server {
        Server::spawn(example().args(args))
    }

    fn spawn(command: &mut Command) -> Server {
        let command = command.args(["--addr", "127.0.0.1:0"]).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        stdout.read_line(&mut line).unwrap();
        let address = line.trim_end().strip_prefix("listening on http://").unwrap().to_owned();
        Server { child, stdout, address }
    }

    fn open(&self, request: &str) -> TcpStream {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        stream.set_read_timeout(Some(WATCHDOG)).unwrap();
        write!(stream, "{request} HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n").unwrap();
        stream
    }

    /// Status line, head and body.
    fn ask(&self, request: &str) -> (String, String, String) {
        answer(self.open(request))
    }

    fn signal(&self, signal: &str) {
        let status = Command::new("kill").args([signal, &self.child.id().to_string()]).status();
        assert!(status.unwrap().success());
    }

    /// Waits for the end; no further line may have come.
    fn exit(mut self) -> ExitStatus {
        let deadline = Instant::now() + WATCHDOG;
        let status = loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                break status;
            }
            assert!(Instant::now() < deadline, "the server does not end");
            std::thread::sleep(Duration::from_millis(5));
        };
        let mut rest = String::new();
        self.stdout.read_to_string(&mut rest).unwrap();
        assert_eq!(rest, "");
        status
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn answer(mut stream: TcpStream) -> (String, String, String) {
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    let (head, body) = text.split_once("\r\n\r\n").unwrap();
    let (status, head) = head.split_once("\r\n").unwrap();
    let status = status.strip_prefix("HTTP/1.1 ").unwrap();
    (status.to_owned(), head.to_owned(), body.to_owned())
}

#[test]
fn routes() {
    for backend in ["green", "threads"] {
        let server = Server::start(&["--delay", "1ms", "--backend", backend]);
        for (request, status, body) in [
            ("GET /", "200 OK", "Hello, World!"),
            ("GET /?a=b", "200 OK", "Hello, World!"),
            ("HEAD /", "200 OK", ""),
            ("GET /resource/7", "200 OK", r#""dummy_result_id_7""#),
            ("GET /resource/a%22%5C%2F%0A%C3%A9+", "200 OK", r#""dummy_result_id_a\"\\/\u000aé+""#),
            ("GET /resource/%", "400 Bad Request", "invalid percent-encoding"),
            ("GET /resource/%ff", "400 Bad Request", "invalid percent-encoding"),
            ("GET /resource/", "404 Not Found", "Not Found"),
            ("GET /resource/1/2", "404 Not Found", "Not Found"),
            ("GET /other", "404 Not Found", "Not Found"),
            ("POST /other", "404 Not Found", "Not Found"),
            ("POST /resources", "405 Method Not Allowed", "Method Not Allowed"),
            ("DELETE /resource/1", "405 Method Not Allowed", "Method Not Allowed"),
        ] {
            let (found, head, answered) = server.ask(request);
            assert_eq!((&*found, &*answered), (status, body), "{backend} {request}");
            assert_eq!(head.contains("allow: GET, HEAD"), status.starts_with("405"), "{head}");
        }
        let (status, head, body) = server.ask("GET /resources");
        let array: Vec<_> = (1..=5).map(|id| format!("\"dummy_result_id_{id}\"")).collect();
        assert_eq!((&*status, body), ("200 OK", format!("[{}]", array.join(","))));
        assert!(head.contains("content-type: application/json"), "{head}");
    }
}

/// With one worker, whoever asks while others sleep is answered before them.
#[test]
fn sleeping_requests_do_not_hold_the_worker() {
    let server = Server::start(&["--delay", "1s", "--workers", "1"]);
    let waiting = ["GET /resource/1", "GET /resource/2", "GET /resource/3"]
        .map(|request| server.open(request));
    assert_eq!(server.ask("GET /").2, "Hello, World!");
    assert!(waiting.iter().all(|stream| !is_answered(stream)));
    for (stream, id) in waiting.into_iter().zip(1..) {
        assert_eq!(answer(stream).2, format!("\"dummy_result_id_{id}\""));
    }
}

/// Five delays pass as one: two in a row that begin later are not over before.
#[test]
fn resources_are_fetched_at_once() {
    let server = Server::start(&["--delay", "500ms", "--workers", "1"]);
    let five = server.open("GET /resources");
    server.ask("GET /");
    server.ask("GET /resource/1");
    server.ask("GET /resource/2");
    assert!(is_answered(&five));
}

fn is_answered(stream: &TcpStream) -> bool {
    stream.set_nonblocking(true).unwrap();
    let peeked = stream.peek(&mut [0]);
    stream.set_nonblocking(false).unwrap();
    peeked.is_ok()
}

#[test]
fn signals_let_requests_in_flight_finish() {
    for (signal, backend) in [("-INT", "green"), ("-TERM", "green"), ("-INT", "threads")] {
        let server = Server::start(&["--delay", "300ms", "--backend", backend]);
        let idle = TcpStream::connect(&server.address).unwrap();
        idle.set_read_timeout(Some(WATCHDOG)).unwrap();
        let waiting = server.open("GET /resource/1");
        // Answered after the request above was sent; that one is read by now or in the kernel.
        server.ask("GET /");
        server.signal(signal);
        assert_eq!((&idle).read(&mut [0]).unwrap(), 0);
        assert_eq!(answer(waiting).2, r#""dummy_result_id_1""#);
        assert_eq!(server.exit().code(), Some(0), "{signal} {backend}");
    }
}

#[test]
fn a_second_signal_ends_the_server_at_once() {
    for signal in [SIGINT, SIGTERM] {
        let server = Server::start(&["--delay", "1000s"]);
        let mut idle = TcpStream::connect(&server.address).unwrap();
        idle.set_read_timeout(Some(WATCHDOG)).unwrap();
        let _waiting = server.open("GET /resource/1");
        server.ask("GET /");
        let option = format!("-{}", signal.as_raw());
        server.signal(&option);
        // The first one has been received: idle connections are closed.
        assert_eq!(idle.read(&mut [0]).unwrap(), 0);
        server.signal(&option);
        assert_eq!(server.exit().signal(), Some(signal.as_raw()));
    }
}

#[test]
fn running_out_of_descriptors_passes() {
    let limited = "ulimit -n 48; exec \"$0\" \"$@\"";
    let mut command = Command::new("sh");
    command.args(["-c", limited]).arg(example().get_program());
    let mut server = Server::spawn(command.args(["--workers", "1"]).stderr(Stdio::piped()));
    let clients: Vec<_> = (0..64).map(|_| server.open("GET /resources")).collect();
    let mut line = String::new();
    BufReader::new(server.child.stderr.take().unwrap()).read_line(&mut line).unwrap();
    assert!(line.contains("cannot accept"), "{line}");
    drop(clients);
    assert_eq!(server.ask("GET /").2, "Hello, World!");
}

/// The last lines too: the end of the server waits for them.
#[test]
fn the_access_log_has_a_line_for_each_request() {
    for backend in ["green", "threads"] {
        let mut command = example();
        let command = command.args(["--access-log", "--delay", "1ms", "--backend", backend]);
        let mut server = Server::spawn(command.stderr(Stdio::piped()));
        server.ask("GET /resource/1");
        server.ask("GET /other?a=b");
        let mut stderr = server.child.stderr.take().unwrap();
        server.signal("-INT");
        assert_eq!(server.exit().code(), Some(0));
        let mut log = String::new();
        stderr.read_to_string(&mut log).unwrap();
        let [first, second] = log.lines().collect::<Vec<_>>().try_into().unwrap();
        assert!(first.contains("] \"GET /resource/1 HTTP/1.1\" 200 19 "), "{log}");
        assert!(second.contains("] \"GET /other?a=b HTTP/1.1\" 404 9 "), "{log}");
    }
}

#[test]
fn help_goes_to_stdout() {
    let help = output(&["--help"]);
    assert_eq!(help.status.code(), Some(0));
    assert!(String::from_utf8(help.stdout).unwrap().starts_with("usage: server "));
    assert_eq!(help.stderr, b"");
}

#[test]
fn bad_arguments_get_the_usage() {
    for args in [
        &["--delay", "5"][..],
        &["--delay", "-5s"],
        &["--delay", "+5s"],
        &["--delay", "5m"],
        &["--delay", "s"],
        &["--delay", ""],
        &["--delay", "18446744073709551615s"],
        &["--delay"],
        &["--workers", "0"],
        &["--workers", "two"],
        &["--workers=+1"],
        &["--access-log=file"],
        &["--backend", "blue"],
        &["--port", "80"],
        &["extra"],
    ] {
        let refused = output(args);
        assert_eq!(refused.status.code(), Some(2), "{args:?}");
        let stderr = String::from_utf8(refused.stderr).unwrap();
        assert!(stderr.lines().any(|line| line.starts_with("usage: ")), "{args:?}: {stderr}");
        assert_eq!(refused.stdout, b"", "{args:?}");
    }
}

#[test]
fn a_taken_port_is_one_clear_line() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let failed = output(&["--addr", &address]);
    assert_eq!(failed.status.code(), Some(1));
    let stderr = String::from_utf8(failed.stderr).unwrap();
    assert_eq!(stderr.lines().count(), 1, "{stderr}");
    assert!(stderr.contains(&address), "{stderr}");
}
