//! A server's process: started, awaited, and ended with the test.

use std::fs;
use std::io::{self, Write};
use std::net::TcpListener;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Mutex, Once, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use libc::c_int;

/// How the names of scratch directories begin.
const SCRATCH: &str = "greenwood-scratch-";

/// What runs, for the end of the program.
static RUNNING: Mutex<Vec<Running>> = Mutex::new(Vec::new());

struct Running {
    child: Child,
    /// Ends it at once, and in order.
    signal: c_int,
    scratch: PathBuf,
}

/// A server that accepts connections.
#[derive(Debug)]
pub(super) struct Process {
    pub(super) port: u16,
}

impl Process {
    /// Starts what `command` says, given a scratch directory and a port, and waits until it is `ready`. Ends it by `signal`.
    pub(super) fn start(
        name: &str,
        signal: c_int,
        command: impl Fn(&Path, u16) -> Command,
        ready: impl Fn(u16) -> bool,
    ) -> Process {
        // Between the choice of a port and its use somebody else may take it.
        for _ in 0..5 {
            let port = free_port();
            let scratch = scratch(name, port).unwrap();
            let mut child = start(as_user(command(&scratch, port)), signal);
            if is_up(&mut child, || ready(port)) {
                RUNNING.lock().unwrap().push(Running { child, signal, scratch });
                return Process { port };
            }
            eprintln!("{}", fs::read_to_string(scratch.join("log")).unwrap_or_default());
            let _ = end(Running { child, signal, scratch });
        }
        panic!("{name} does not start");
    }
}

/// The first of `paths` that is there, else None, after word of what is missing.
pub(super) fn installed(package: &str, paths: &[PathBuf]) -> Option<PathBuf> {
    let found = paths.iter().find(|path| path.exists());
    if found.is_none() {
        let missing =
            format!("{} not found: install Debian's package {package}", paths[0].display());
        assert!(std::env::var_os("CI").is_none_or(|ci| ci != "true"), "{missing}");
        // Not by `println!`, whose words the harness keeps to itself.
        let _ = writeln!(io::stderr(), "skipped: {missing}");
    }
    found.cloned()
}

/// Runs a tool to its end.
pub(super) fn run(command: Command) {
    let output = as_user(command).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// Database servers refuse to run as root.
fn as_user(mut command: Command) -> Command {
    command.stdin(Stdio::null());
    if let Some(nobody) = nobody() {
        command.uid(nobody).gid(nobody);
    }
    command
}

/// The user for the servers of a test that runs as root.
fn nobody() -> Option<u32> {
    // SAFETY: returns a number.
    (unsafe { libc::geteuid() } == 0).then_some(65534)
}

fn scratch(name: &str, port: u16) -> io::Result<PathBuf> {
    sweep()?;
    let path = std::env::temp_dir().join(format!("{SCRATCH}{name}-{}-{port}", std::process::id()));
    fs::create_dir(&path)?;
    if let Some(nobody) = nobody() {
        std::os::unix::fs::chown(&path, Some(nobody), Some(nobody))?;
    }
    Ok(path)
}

/// Removes what was left by programs that did not come to their end.
fn sweep() -> io::Result<()> {
    for entry in fs::read_dir(std::env::temp_dir())?.flatten() {
        let name = entry.file_name();
        let Some(rest) = name.to_str().and_then(|name| name.strip_prefix(SCRATCH)) else {
            continue;
        };
        let process = rest.split('-').nth(1).and_then(|id| id.parse::<u32>().ok());
        if process.is_some_and(|id| !Path::new(&format!("/proc/{id}")).exists()) {
            let _ = fs::remove_dir_all(entry.path());
        }
    }
    Ok(())
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// A child that dies with this process, of whatever cause. The kernel sends the signal when the *thread* ends that started it: so that is one
/// that never does.
fn start(mut command: Command, signal: c_int) -> Child {
    type Job = (Command, mpsc::Sender<io::Result<Child>>);
    static STARTER: Mutex<Option<mpsc::Sender<Job>>> = Mutex::new(None);
    let parent = std::process::id();
    // SAFETY: system calls only.
    unsafe {
        command.pre_exec(move || {
            libc::prctl(libc::PR_SET_PDEATHSIG, signal);
            if libc::getppid() as u32 == parent { Ok(()) } else { Err(io::ErrorKind::Other.into()) }
        });
    }
    let mut starter = STARTER.lock().unwrap();
    let starter = starter.get_or_insert_with(|| {
        let (sender, jobs) = mpsc::channel::<Job>();
        thread::spawn(move || {
            for (mut command, reply) in jobs {
                let _ = reply.send(command.spawn());
            }
        });
        at_exit();
        sender
    });
    let (reply, child) = mpsc::channel();
    starter.send((command, reply)).unwrap();
    child.recv().unwrap().unwrap()
}

fn is_up(child: &mut Child, ready: impl Fn() -> bool) -> bool {
    let deadline = Instant::now() + Duration::from_secs(60);
    while Instant::now() < deadline {
        if let Ok(Some(_)) = child.try_wait() {
            return false;
        }
        if ready() {
            return true;
        }
        thread::sleep(Duration::from_millis(20));
    }
    false
}

/// Servers are shared by a program's tests, so they end with the program.
fn at_exit() {
    static ONCE: Once = Once::new();
    extern "C" fn end_all() {
        let Ok(mut running) = RUNNING.lock() else { return };
        running.drain(..).for_each(|one| drop(end(one)));
    }
    ONCE.call_once(|| {
        // SAFETY: the function unwinds for nothing but a bug, which then aborts.
        unsafe { libc::atexit(end_all) };
    });
}

fn end(mut running: Running) -> io::Result<ExitStatus> {
    // SAFETY: a child that nobody has waited for.
    unsafe { libc::kill(running.child.id() as c_int, running.signal) };
    let status = running.child.wait();
    let _ = fs::remove_dir_all(&running.scratch);
    status
}
