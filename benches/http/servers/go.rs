//! Go's net/http: a program beside this one.

use std::path::Path;
use std::process::{Child, Command};

use crate::support::{children, go};

const NAME: &str = "http-go";

/// Builds it.
///
/// # Errors
/// Why it cannot be built.
pub fn build() -> Result<(), &'static str> {
    go::build("http/servers/go", NAME).map(drop)
}

/// Starts it.
pub fn start(workers: usize) -> Child {
    let program = Path::new(env!("CARGO_TARGET_TMPDIR")).join(NAME);
    children::start_program(Command::new(program).arg(workers.to_string()))
}
