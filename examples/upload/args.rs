//! The command line.

use std::path::PathBuf;

use greenwood::http::Backend;

pub const USAGE: &str = "usage: upload [--addr HOST:PORT] [--workers N] [--backend green|threads] [--limit SIZE] \
                         [--overwrite] [--help] FOLDER";

pub const HELP: &str = "
Takes uploads (PUT /NAME, as `curl -T FILE` sends them) into FOLDER.

  --addr HOST:PORT   where to listen; port 0 chooses a free one (127.0.0.1:8080)
  --workers N        worker threads that run the coroutines (one per core)
  --backend NAME     green: a coroutine per connection; threads: an OS thread (green)
  --limit SIZE       the longest upload, in bytes or as 500M, 64G, 2T (1T)
  --overwrite        replace files that exist; otherwise they are refused with 409
  --help             print this

An upload has a temporary name, .upload-…, until it is complete and on the disk; one that breaks off is
removed. Ctrl-C lets uploads finish, a second one drops them.";

#[derive(Debug)]
pub struct Args {
    pub addr: String,
    pub workers: Option<usize>,
    pub backend: Backend,
    /// In bytes.
    pub limit: u64,
    pub overwrite: bool,
    pub folder: PathBuf,
}

/// `None` when help was asked for; the error is one line.
pub fn parse(mut args: impl Iterator<Item = String>) -> Result<Option<Args>, String> {
    let mut folder = None;
    let mut parsed = Args {
        addr: "127.0.0.1:8080".to_owned(),
        workers: None,
        backend: Backend::Green,
        limit: 1 << 40,
        overwrite: false,
        folder: PathBuf::new(),
    };
    while let Some(arg) = args.next() {
        if !arg.starts_with("--") && arg != "-h" {
            if folder.replace(PathBuf::from(&arg)).is_some() {
                return Err(format!("unknown argument {arg:?}"));
            }
            continue;
        }
        let (option, inline) = match arg.split_once('=') {
            Some((option, value)) => (option, Some(value.to_owned())),
            None => (&*arg, None),
        };
        let mut value =
            || inline.clone().or_else(|| args.next()).ok_or(format!("{option} needs a value"));
        match option {
            "--help" | "-h" if inline.is_none() => return Ok(None),
            "--overwrite" if inline.is_none() => parsed.overwrite = true,
            "--addr" => parsed.addr = value()?,
            "--workers" => parsed.workers = Some(workers(&value()?)?),
            "--backend" => parsed.backend = backend(&value()?)?,
            "--limit" => parsed.limit = size(&value()?)?,
            _ => return Err(format!("unknown argument {arg:?}")),
        }
    }
    parsed.folder = folder.ok_or("FOLDER is missing")?;
    Ok(Some(parsed))
}

fn workers(value: &str) -> Result<usize, String> {
    match digits(value) {
        Some(n @ 1..=1024) => Ok(n as usize),
        _ => Err(format!("--workers takes a number from 1 to 1024, not {value:?}")),
    }
}

fn backend(value: &str) -> Result<Backend, String> {
    match value {
        "green" => Ok(Backend::Green),
        "threads" => Ok(Backend::Threads),
        _ => Err(format!("--backend takes green or threads, not {value:?}")),
    }
}

fn size(value: &str) -> Result<u64, String> {
    let (number, shift) = match value.strip_suffix(['K', 'M', 'G', 'T']) {
        Some(number) if value.ends_with('K') => (number, 10),
        Some(number) if value.ends_with('M') => (number, 20),
        Some(number) if value.ends_with('G') => (number, 30),
        Some(number) => (number, 40),
        None => (value, 0),
    };
    digits(number)
        .and_then(|n| n.checked_mul(1 << shift))
        .ok_or_else(|| format!("--limit takes a size such as 1000000, 500M or 64G, not {value:?}"))
}

/// Digits only: `parse` alone would take a sign.
fn digits(s: &str) -> Option<u64> {
    s.bytes().all(|b| b.is_ascii_digit()).then(|| s.parse().ok()).flatten()
}
