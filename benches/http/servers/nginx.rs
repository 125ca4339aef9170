//! nginx, as Debian packages it: a program of its own, with settings in a folder of ours.

use std::fs;
use std::io;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use super::BODY;
use crate::process;
use crate::support::children;

/// Far above what it takes to start.
const PATIENCE: Duration = Duration::from_secs(10);

/// Starts it and waits until all of its workers are there.
///
/// # Errors
/// Why it did not come to listen, in its own last words.
pub fn start(workers: usize) -> Result<(Child, SocketAddr), String> {
    let free = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr());
    let address = free.map_err(|error| error.to_string())?;
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("nginx-{}", address.port()));
    let written = fs::create_dir_all(&folder)
        .and_then(|()| fs::write(folder.join("nginx.conf"), settings(address, workers)));
    written.map_err(|error| format!("{}: {error}", folder.display()))?;
    let mut command = Command::new("nginx");
    command.arg("-p").arg(&folder).args(["-c", "nginx.conf", "-e", "stderr"]);
    // SAFETY: between fork and exec there is one system call and nothing else.
    unsafe { command.pre_exec(end_with_parent) };
    let mut child = children::start_program(&mut command);
    let started = Instant::now();
    let is_up = |child: &Child| {
        let started = process::children(child.id() as libc::pid_t).len();
        started == workers && TcpStream::connect(address).is_ok()
    };
    while !is_up(&child) {
        if started.elapsed() > PATIENCE || !matches!(child.try_wait(), Ok(None)) {
            let _ = child.kill();
            return Err(children::collect(child).err().unwrap_or("it does not start".into()));
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    Ok((child, address))
}

/// A server that nobody stops would stay for ever.
fn end_with_parent() -> io::Result<()> {
    // SAFETY: no preconditions.
    match unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGTERM) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

fn settings(address: SocketAddr, workers: usize) -> String {
    format!(
        "daemon off;
worker_processes {workers};
worker_rlimit_nofile 65536;
pid nginx.pid;
error_log stderr crit;
events {{
    worker_connections 32768;
}}
http {{
    access_log off;
    server_tokens off;
    default_type text/plain;
    keepalive_requests 1000000000;
    keepalive_timeout 1h;
    client_body_temp_path body;
    proxy_temp_path proxy;
    fastcgi_temp_path fastcgi;
    uwsgi_temp_path uwsgi;
    scgi_temp_path scgi;
    server {{
        listen {address} backlog=4096;
        location / {{
            return 200 \"{BODY}\";
        }}
    }}
}}
"
    )
}
