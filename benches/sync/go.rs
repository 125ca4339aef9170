//! The same cases in Go: a program beside this one.

use std::path::PathBuf;
use std::process::Command;

use crate::support::children::{self, Samples};
use crate::support::go;

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
        go::build("sync/go", "sync-go").map(|program| Go { program })
    }

    /// Measures the case that has this name there.
    pub fn run(&self, case: &str, workers: usize, count: usize) -> Result<Samples, String> {
        let args = [case.to_string(), workers.to_string(), count.to_string()];
        children::collect(children::start_program(Command::new(&self.program).args(args)))
    }
}
