//! Redis.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use super::process::{Process, installed};

/// A Redis server that keeps nothing.
#[derive(Debug)]
pub struct Redis {
    process: Process,
}

/// The program's server; None, said so, where there is none.
pub fn redis() -> Option<&'static Redis> {
    static SERVER: OnceLock<Option<Redis>> = OnceLock::new();
    SERVER.get_or_init(Redis::start).as_ref()
}

impl Redis {
    fn start() -> Option<Redis> {
        let redis = installed("redis-server", &["/usr/bin/redis-server".into()])?;
        let process = Process::start(
            "redis",
            libc::SIGKILL,
            |scratch, port| {
                let mut server = Command::new(&redis);
                server.args(["--bind", "127.0.0.1", "--save", "", "--port", &port.to_string()]);
                server.arg("--dir").arg(scratch).current_dir(scratch);
                server.stdout(fs::File::create(scratch.join("log")).unwrap()).stderr(Stdio::null());
                server
            },
            |port| {
                let mut pong = [0; 7];
                TcpStream::connect(("127.0.0.1", port)).is_ok_and(|mut stream| {
                    stream.write_all(b"PING\r\n").is_ok()
                        && stream.read_exact(&mut pong).is_ok()
                        && &pong == b"+PONG\r\n"
                })
            },
        );
        Some(Redis { process })
    }

    /// How to connect to one of its databases, 0 to 15.
    pub fn url(&self, database: u8) -> String {
        format!("redis://127.0.0.1:{}/{database}", self.process.port)
    }
}
