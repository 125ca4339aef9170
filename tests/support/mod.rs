//! An example that serves, run as a program, and curl as its user.
#![allow(dead_code, reason = "each test file uses its own part of this")]

use std::ffi::OsStr;
use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, ExitStatus, Output, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

/// Turns a hang into a failure; nothing depends on its length.
pub const WATCHDOG: Duration = Duration::from_secs(120);

/// Cargo builds examples for `cargo test`, beside the folder of the tests, but names no path.
pub fn example(name: &str) -> Command {
    let mut path: PathBuf = std::env::current_exe().unwrap();
    path.pop();
    path.pop();
    Command::new(path.join("examples").join(name))
}

pub struct Server {
    child: Child,
    stdout: BufReader<ChildStdout>,
    pub address: String,
}

impl Server {
    pub fn spawn(command: &mut Command) -> Server {
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        stdout.read_line(&mut line).unwrap();
        let address = line.trim_end().strip_prefix("listening on http://").unwrap().to_owned();
        Server { child, stdout, address }
    }

    pub fn id(&self) -> u32 {
        self.child.id()
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// Runs `curl`, which prints the status behind what it receives.
    pub fn curl<S: AsRef<OsStr>>(&self, path: &str, args: impl IntoIterator<Item = S>) -> Answer {
        let output = curl(&self.url(path), args).output().unwrap();
        answer(&output)
    }

    /// The next line that it prints.
    pub fn line(&mut self) -> String {
        let mut line = String::new();
        self.stdout.read_line(&mut line).unwrap();
        line
    }

    /// The first line that it prints to standard error, which must be a pipe.
    pub fn error_line(&mut self) -> String {
        let mut line = String::new();
        BufReader::new(self.child.stderr.take().unwrap()).read_line(&mut line).unwrap();
        line
    }

    pub fn signal(&self, signal: &str) {
        let status = Command::new("kill").args([signal, &self.id().to_string()]).status();
        assert!(status.unwrap().success());
    }

    /// Waits for the end; what it has printed since.
    pub fn exit(mut self) -> (ExitStatus, String) {
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
        (status, rest)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[derive(Debug, PartialEq, Eq)]
pub struct Answer {
    pub status: u32,
    /// Head, if it was asked for, and body.
    pub text: String,
}

pub fn curl<S: AsRef<OsStr>>(url: &str, args: impl IntoIterator<Item = S>) -> Command {
    let mut command = Command::new("curl");
    let watchdog = WATCHDOG.as_secs().to_string();
    command.args(["--silent", "--show-error", "--noproxy", "*", "--max-time", &watchdog]);
    command.args(["--write-out", "\n%{http_code}", url]).args(args).stdin(Stdio::null());
    command
}

pub fn answer(output: &Output) -> Answer {
    let text = String::from_utf8_lossy(&output.stdout);
    let stderr = String::from_utf8_lossy(&output.stderr);
    let (text, status) = text.rsplit_once('\n').unwrap_or_else(|| panic!("{stderr}"));
    Answer { status: status.parse().unwrap(), text: text.to_owned() }
}

/// A folder for one test.
pub struct Folder(PathBuf);

impl Folder {
    pub fn new() -> Folder {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let n = COUNT.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("greenwood-{}-{n}", std::process::id()));
        fs::create_dir(&path).unwrap();
        Folder(path)
    }

    pub fn path(&self) -> &Path {
        &self.0
    }

    pub fn join(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    pub fn write(&self, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
        let path = self.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, bytes).unwrap();
        path
    }

    /// What is in it.
    pub fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(&self.0).unwrap();
        let mut names: Vec<_> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// How much of the pattern is made at a time.
pub const BLOCK: usize = 1 << 20;

/// The begin of the block of a long file that is its `number`th: noise, and the number.
pub fn pattern(number: u64, into: &mut [u8]) {
    static NOISE: OnceLock<Vec<u8>> = OnceLock::new();
    let noise = NOISE.get_or_init(|| {
        let words = (1..=BLOCK as u64 / 8).map(|n| n.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        words.flat_map(u64::to_le_bytes).collect()
    });
    into.copy_from_slice(&noise[..into.len()]);
    for (byte, digit) in into.iter_mut().zip(number.to_le_bytes()) {
        *byte ^= digit;
    }
}

/// Whether `path` holds the first `length` bytes of the pattern, and nothing else.
pub fn holds_pattern(path: &Path, length: u64) -> bool {
    let mut file = fs::File::open(path).unwrap();
    let (mut found, mut expected) = (vec![0; BLOCK], vec![0; BLOCK]);
    let mut left = length;
    for number in 0.. {
        let n = left.min(BLOCK as u64) as usize;
        if file.read_exact(&mut found[..n]).is_err() {
            return false;
        }
        pattern(number, &mut expected[..n]);
        if found[..n] != expected[..n] {
            return false;
        }
        left -= n as u64;
        if left == 0 {
            break;
        }
    }
    file.read(&mut found).unwrap() == 0
}
