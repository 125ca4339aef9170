//! MariaDB, which speaks MySQL's protocol.

use std::fs;
use std::io::Read;
use std::net::TcpStream;
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use super::process::{Process, installed, run};

/// A MariaDB server whose root needs no password.
#[derive(Debug)]
pub struct MariaDb {
    process: Process,
}

/// The program's server; None, said so, where there is none.
pub fn mariadb() -> Option<&'static MariaDb> {
    static SERVER: OnceLock<Option<MariaDb>> = OnceLock::new();
    SERVER.get_or_init(MariaDb::start).as_ref()
}

impl MariaDb {
    fn start() -> Option<MariaDb> {
        let mariadb = installed("mariadb-server", &["/usr/sbin/mariadbd".into()])?;
        let process = Process::start(
            "mariadb",
            libc::SIGKILL,
            |scratch, port| {
                let data = format!("--datadir={}", scratch.join("data").display());
                let mut install = Command::new("/usr/bin/mariadb-install-db");
                install.args(["--no-defaults", "--skip-test-db", "--skip-name-resolve"]);
                install.args(["--auth-root-authentication-method=normal", &data]);
                install.current_dir(scratch);
                run(install);
                let mut server = Command::new(&mariadb);
                server.args([
                    "--no-defaults",
                    "--bind-address=127.0.0.1",
                    "--skip-name-resolve",
                    &data,
                ]);
                server.arg(format!("--port={port}")).args(["--max-connections=500"]);
                server.arg(format!("--socket={}", scratch.join("socket").display()));
                server.args(["--innodb-buffer-pool-size=8M", "--innodb-flush-method=nosync"]);
                server.current_dir(scratch);
                server.stdout(Stdio::null()).stderr(fs::File::create(scratch.join("log")).unwrap());
                server
            },
            // The server speaks first: the packet's length and number, and the protocol's version.
            |port| {
                let mut greeting = [0; 5];
                TcpStream::connect(("127.0.0.1", port)).is_ok_and(|mut stream| {
                    stream.read_exact(&mut greeting).is_ok() && greeting[4] == 10
                })
            },
        );
        Some(MariaDb { process })
    }

    /// How to connect.
    pub fn url(&self) -> String {
        format!("mysql://root@127.0.0.1:{}/mysql?prefer_socket=false", self.process.port)
    }
}
