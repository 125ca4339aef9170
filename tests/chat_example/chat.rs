//! The program under test.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

/// Turns a hang into a failure; nothing depends on its length.
pub const WATCHDOG: Duration = Duration::from_secs(60);

pub const BACKENDS: [&str; 2] = ["green", "threads"];

/// Cargo builds examples for `cargo test`, beside the folder of the tests, but names no path.
fn example() -> Command {
    let mut path: PathBuf = std::env::current_exe().unwrap();
    path.pop();
    path.pop();
    Command::new(path.join("examples").join("chat"))
}

pub fn output(args: &[&str]) -> Output {
    example().args(args).output().unwrap()
}

pub struct Chat {
    child: Child,
    /// Host and port.
    pub address: String,
}

impl Chat {
    pub fn start(args: &[&str]) -> Chat {
        let command = &mut example();
        let mut child = command
            .args(["--addr", "127.0.0.1:0"])
            .args(args)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let address = line.trim_end().strip_prefix("listening on http://").unwrap().to_owned();
        Chat { child, address }
    }

    /// Sends a request, and returns the connection to read the answer from.
    pub fn open(&self, request: &str, fields: &str, body: &str) -> TcpStream {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        stream.set_read_timeout(Some(WATCHDOG)).unwrap();
        let (host, length) = (&self.address, body.len());
        write!(
            stream,
            "{request} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\nContent-Length: {length}\r\n{fields}\r\n{body}"
        )
        .unwrap();
        stream
    }

    /// An answer's status, and its body.
    pub fn ask(&self, request: &str, fields: &str, body: &str) -> (u16, String) {
        let mut answer = String::new();
        self.open(request, fields, body).read_to_string(&mut answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        (head[9..12].parse().unwrap(), body.to_owned())
    }

    pub fn post(&self, words: &Value) -> (u16, String) {
        self.ask("POST /messages", "Content-Type: application/json\r\n", &words.to_string())
    }

    pub fn say(&self, name: &str, text: &str) {
        assert_eq!(self.post(&json!({ "name": name, "text": text })), (204, String::new()));
    }

    pub fn interrupt(&self) {
        let status = Command::new("kill").args(["-INT", &self.child.id().to_string()]).status();
        assert!(status.unwrap().success());
    }

    pub fn exit(mut self) -> ExitStatus {
        let deadline = Instant::now() + WATCHDOG;
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            assert!(Instant::now() < deadline, "the chat does not end");
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

impl Drop for Chat {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
