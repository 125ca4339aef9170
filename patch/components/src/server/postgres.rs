//! PostgreSQL.

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use super::process::{Process, installed, run};

/// A PostgreSQL server that trusts everybody.
#[derive(Debug)]
pub struct Postgres {
    process: Process,
}

/// The program's server; None, said so, where there is none.
pub fn postgres() -> Option<&'static Postgres> {
    static SERVER: OnceLock<Option<Postgres>> = OnceLock::new();
    SERVER.get_or_init(Postgres::start).as_ref()
}

impl Postgres {
    fn start() -> Option<Postgres> {
        let postgres = installed("postgresql", &candidates())?;
        let tool = |name: &str| postgres.with_file_name(name);
        let process = Process::start(
            "postgres",
            // Ends the sessions at once, and leaves nothing behind.
            libc::SIGQUIT,
            |scratch, port| {
                let data = scratch.join("data");
                let mut initdb = Command::new(tool("initdb"));
                initdb.args([
                    "-U",
                    "postgres",
                    "-A",
                    "trust",
                    "-E",
                    "UTF8",
                    "--no-locale",
                    "--no-sync",
                    "-D",
                ]);
                initdb.arg(&data).current_dir(scratch);
                run(initdb);
                let mut server = Command::new(&postgres);
                server.arg("-D").arg(&data).args(["-h", "127.0.0.1", "-F", "-N", "500", "-p"]);
                server.arg(port.to_string()).arg("-k").arg(scratch).current_dir(scratch);
                server.stdout(Stdio::null()).stderr(fs::File::create(scratch.join("log")).unwrap());
                server
            },
            |port| {
                let mut ready = Command::new(tool("pg_isready"));
                ready.args(["-q", "-h", "127.0.0.1", "-p", &port.to_string()]);
                ready.status().is_ok_and(|status| status.success())
            },
        );
        Some(Postgres { process })
    }

    /// How to connect, as libpq and its imitators take it.
    pub fn conninfo(&self) -> String {
        format!(
            "host=127.0.0.1 port={} user=postgres dbname=postgres sslmode=disable gssencmode=disable",
            self.process.port
        )
    }

    /// The same for those that do not know all words of it.
    pub fn url(&self) -> String {
        format!("postgres://postgres@127.0.0.1:{}/postgres", self.process.port)
    }
}

fn candidates() -> Vec<PathBuf> {
    let versions = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let mut found: Vec<_> = versions.map(|version| version.path().join("bin/postgres")).collect();
    found.push("/usr/lib/postgresql/bin/postgres".into());
    found
}
