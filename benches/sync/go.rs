//! The same cases in Go: a program beside this one, built when the benchmark starts.

use std::path::PathBuf;
use std::process::Command;

use crate::support::children::{self, Samples};

const SOURCE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/sync/go");

/// The program that was built.
pub struct Go {
    program: PathBuf,
}

impl Go {
    /// Builds it.
    ///
    /// # Errors
    /// What stands in the column instead, if there is no `go` or it does not build.
    pub fn build() -> Result<Go, &'static str> {
        let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR"));
        let program = folder.join("sync-go");
        let built = Command::new("go")
            .args(["build", "-o"])
            .arg(&program)
            .current_dir(SOURCE)
            .env("CGO_ENABLED", "0")
            .env("GO111MODULE", "off")
            .env("GOTOOLCHAIN", "local")
            .env("GOCACHE", folder.join("go-cache"))
            .status();
        match built {
            Ok(status) if status.success() => Ok(Go { program }),
            Ok(_) => Err("does not build"),
            Err(_) => Err("no go here"),
        }
    }

    /// Measures the case that has this name there.
    pub fn run(&self, case: &str, workers: usize, count: usize) -> Result<Samples, String> {
        let args = [case.to_string(), workers.to_string(), count.to_string()];
        children::collect(children::start_program(Command::new(&self.program).args(args)))
    }
}
