//! The programs under test, clients, and servers that speak bytes.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, ChildStderr, ChildStdout, Command, ExitStatus, Output, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Turns a hang into a failure; nothing depends on its length.
pub const WATCHDOG: Duration = Duration::from_secs(30);

/// Cargo builds examples for `cargo test`, beside the folder of the tests, but names no path.
pub fn example(name: &str) -> Command {
    let mut path: PathBuf = std::env::current_exe().unwrap();
    path.pop();
    path.pop();
    Command::new(path.join("examples").join(name))
}

/// A running example, whose first line says where it listens.
pub struct Program {
    pub child: Child,
    stdout: BufReader<ChildStdout>,
    stderr: BufReader<ChildStderr>,
    /// Without the scheme.
    pub address: String,
}

impl Program {
    pub fn start(command: &mut Command) -> Program {
        let command = command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let stderr = BufReader::new(child.stderr.take().unwrap());
        let mut line = String::new();
        stdout.read_line(&mut line).unwrap();
        let address = line.trim_end().strip_prefix("listening on ").expect("the address");
        let address = address.rsplit("://").next().unwrap().to_owned();
        Program { child, stdout, stderr, address }
    }

    pub fn proxy(to: impl ToString, args: &[&str]) -> Program {
        let to = to.to_string();
        Program::start(example("proxy").args(["--listen", "127.0.0.1:0", "--to", &to]).args(args))
    }

    pub fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(&self.address).unwrap();
        stream.set_read_timeout(Some(WATCHDOG)).unwrap();
        stream.set_nodelay(true).unwrap();
        stream
    }

    /// Sends `request` and reads to the end.
    pub fn exchange(&self, request: &str) -> String {
        let mut stream = self.connect();
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }

    /// The answer to a GET whose connection closes then.
    pub fn get(&self, path: &str) -> String {
        self.exchange(&format!("GET {path} HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"))
    }

    pub fn curl(&self, path: &str, args: &[&str]) -> Output {
        curl(&format!("http://{}{path}", self.address), args)
    }

    /// The next line on standard error.
    pub fn complaint(&mut self) -> String {
        let mut line = String::new();
        self.stderr.read_line(&mut line).unwrap();
        line.trim_end().to_owned()
    }

    /// The most memory that it ever had resident, in MiB.
    pub fn peak(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
        line.trim().strip_suffix(" kB").unwrap().parse::<u64>().unwrap() / 1024
    }

    pub fn signal(&self, signal: &str) {
        let status = Command::new("kill").args([signal, &self.child.id().to_string()]).status();
        assert!(status.unwrap().success());
    }

    /// Waits for the end; no further line may have come.
    pub fn exit(mut self) -> ExitStatus {
        let deadline = Instant::now() + WATCHDOG;
        let status = loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                break status;
            }
            assert!(Instant::now() < deadline, "the program does not end");
            std::thread::sleep(Duration::from_millis(5));
        };
        let mut rest = String::new();
        self.stdout.read_to_string(&mut rest).unwrap();
        assert_eq!(rest, "");
        status
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub fn curl(url: &str, args: &[&str]) -> Output {
    Command::new("curl")
        .args(["--silent", "--show-error", "--max-time", "60"])
        .args(args)
        .arg(url)
        .output()
        .expect("curl is installed")
}

pub fn stdout(output: &Output) -> String {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout.clone()).unwrap()
}

/// A server that calls a function for each connection, with how many there have been before. It ends with the test program.
pub fn server<F>(serve: F) -> SocketAddr
where
    F: Fn(Peer, usize) + Send + Sync + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let (address, serve) = (listener.local_addr().unwrap(), Arc::new(serve));
    std::thread::spawn(move || {
        for (n, stream) in listener.incoming().enumerate() {
            let (serve, stream) = (serve.clone(), stream.unwrap());
            stream.set_read_timeout(Some(WATCHDOG)).unwrap();
            stream.set_nodelay(true).unwrap();
            std::thread::spawn(move || serve(Peer(BufReader::new(stream)), n));
        }
    });
    address
}

/// A server that answers each connection's first request with these bytes, and closes.
pub fn says(answer: &str) -> SocketAddr {
    let answer = answer.to_owned();
    server(move |mut peer, _| {
        peer.head();
        peer.send(&answer);
    })
}

/// The proxy, as a server sees it.
pub struct Peer(pub BufReader<TcpStream>);

impl Peer {
    /// The next head; empty at the end of the connection.
    pub fn head(&mut self) -> String {
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            if self.0.read_line(&mut head).unwrap_or(0) == 0 {
                return String::new();
            }
        }
        head
    }

    pub fn read(&mut self, len: usize) -> String {
        let mut bytes = vec![0; len];
        self.0.read_exact(&mut bytes).unwrap();
        String::from_utf8(bytes).unwrap()
    }

    /// Whether it sends nothing more.
    pub fn is_at_end(&mut self) -> bool {
        matches!(self.0.fill_buf(), Ok([]) | Err(_))
    }

    pub fn send(&mut self, text: impl AsRef<[u8]>) {
        // The proxy may have given up, which is for the test to notice.
        let _ = self.0.get_mut().write_all(text.as_ref());
    }

    /// A 200 with this body.
    pub fn answer(&mut self, body: &str) {
        self.send(format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len()));
    }
}

/// Status line, head and body of an answer.
pub fn parts(answer: &str) -> (&str, &str, &str) {
    let (head, body) = answer.split_once("\r\n\r\n").expect("a head");
    let (status, fields) = head.split_once("\r\n").unwrap();
    (status.strip_prefix("HTTP/1.1 ").unwrap(), fields, body)
}
