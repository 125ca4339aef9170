//! Programs in Go beside a benchmark, built when it starts.

use std::path::PathBuf;
use std::process::Command;

/// Builds the program in this folder of `benches`, under a name of its own.
///
/// # Errors
/// What stands in place of its figures, if there is no `go` or it does not build.
pub fn build(source: &str, name: &str) -> Result<PathBuf, &'static str> {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR"));
    let program = folder.join(name);
    let built = Command::new("go")
        .args(["build", "-o"])
        .arg(&program)
        .current_dir(PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("benches").join(source))
        .env("CGO_ENABLED", "0")
        .env("GO111MODULE", "off")
        .env("GOTOOLCHAIN", "local")
        .env("GOCACHE", folder.join("go-cache"))
        .status();
    match built {
        Ok(status) if status.success() => Ok(program),
        Ok(_) => Err("does not build"),
        Err(_) => Err("no go here"),
    }
}
