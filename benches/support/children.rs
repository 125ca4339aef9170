//! Measurements in processes of their own: warm pools, allocators and process-wide settings of one contender do not
//! reach the next.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// What a child measured, by name.
pub type Samples = BTreeMap<String, f64>;

const MARK: &str = "--child";

/// Far above what a measurement takes: a contender that hangs fails its case instead of the whole run.
const LIMIT: Duration = Duration::from_secs(240);

/// The arguments after the mark if this process is such a child. Starts its watchdog.
pub fn is_child() -> Option<Vec<String>> {
    let mut args = std::env::args().skip(1);
    if args.next()? != MARK {
        return None;
    }
    std::thread::spawn(|| {
        std::thread::sleep(LIMIT);
        eprintln!("gave up after {LIMIT:?}");
        std::process::abort();
    });
    Some(args.collect())
}

/// Starts this program again as a child with `args`.
pub fn start(args: &[&str]) -> Child {
    start_program(Command::new(program()).arg(MARK).args(args))
}

/// The same by way of another program, such as a tracer: its name and arguments.
pub fn start_under(wrapper: &[&str], args: &[&str]) -> Child {
    let mut command = Command::new(wrapper[0]);
    start_program(command.args(&wrapper[1..]).arg(program()).arg(MARK).args(args))
}

fn program() -> PathBuf {
    std::env::current_exe().expect("the path of this program")
}

/// Starts any program that reports like a child.
pub fn start_program(command: &mut Command) -> Child {
    command
        // So that the last line on stderr is the panic's message.
        .env("RUST_BACKTRACE", "0")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("start a child process")
}

/// Runs a child to its end.
///
/// # Errors
/// Why it failed, in its own last words.
pub fn run(args: &[&str]) -> Result<Samples, String> {
    collect(start(args))
}

/// The samples of a child that was started.
///
/// # Errors
/// Why it failed, in its own last words.
pub fn collect(child: Child) -> Result<Samples, String> {
    let output = child.wait_with_output().expect("wait for a child process");
    if !output.status.success() {
        let words = String::from_utf8_lossy(&output.stderr);
        let last = words.lines().rfind(|l| !l.starts_with("note:") && !l.is_empty());
        return Err(format!("{}: {}", output.status, last.unwrap_or("(no message)")));
    }
    let text = String::from_utf8_lossy(&output.stdout);
    let sample = |line: &str| {
        let (name, value) = line.split_once(' ')?;
        Some((name.to_string(), value.parse().ok()?))
    };
    Ok(text.lines().filter_map(sample).collect())
}

/// Reports one sample to the parent.
pub fn report(name: &str, value: f64) {
    println!("{name} {value}");
}

/// Ends a child without running what its runtimes would do at their end: cancelling a million sleepers is not measured.
pub fn leave() -> ! {
    let _ = std::io::stdout().flush();
    std::process::exit(0)
}
