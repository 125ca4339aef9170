//! Starts each server, puts it under load, and prints what it takes.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use greenwood::net::TcpStream;

const HELP: &str = "usage: threads_to_green [--connections N] [--seconds N]
       threads_to_green serve threads|green

Without `serve`, runs both servers one after the other under the same load and compares them.

  --connections N   clients, each with a connection of its own (5000)
  --seconds N       how long each server is measured (5)
  --help            print this

`serve` tells its address and runs until it is killed; it answers each line with how often it has had it.";

struct Args {
    connections: usize,
    seconds: u64,
}

/// The comparison, with the command line's arguments.
pub fn main(args: impl Iterator<Item = String>) -> io::Result<()> {
    let Some(args) = parse(args)? else {
        println!("{HELP}");
        return Ok(());
    };
    raise_descriptor_limit()?;
    println!("{} connections, one line each way at a time, {} s", args.connections, args.seconds);
    println!(
        "{:<10}{:>10}{:>12}{:>14}{:>18}",
        "server", "threads", "RSS, MB", "requests/s", "CPU µs/request"
    );
    for how in ["threads", "green"] {
        let figures = measure(how, &args)?;
        println!(
            "{how:<10}{:>10}{:>12.1}{:>14.0}{:>18.2}",
            figures.threads, figures.resident_mb, figures.rate, figures.cpu_micros
        );
    }
    Ok(())
}

fn parse(mut args: impl Iterator<Item = String>) -> io::Result<Option<Args>> {
    let mut parsed = Args { connections: 5000, seconds: 5 };
    while let Some(arg) = args.next() {
        let mut number = |range: std::ops::RangeInclusive<u64>| {
            let value = args.next().and_then(|v| v.parse().ok()).filter(|n| range.contains(n));
            value.ok_or_else(|| {
                let (from, to) = range.into_inner();
                io::Error::other(format!("{arg} takes a number from {from} to {to}"))
            })
        };
        match &*arg {
            "--help" | "-h" => return Ok(None),
            "--connections" => parsed.connections = number(1..=100_000)? as usize,
            "--seconds" => parsed.seconds = number(1..=3600)?,
            _ => return Err(io::Error::other(format!("unknown argument {arg:?}, see --help"))),
        }
    }
    Ok(Some(parsed))
}

struct Figures {
    threads: u64,
    resident_mb: f64,
    rate: f64,
    cpu_micros: f64,
}

/// A server in a process of its own, killed when this goes.
struct Server {
    child: Child,
    address: SocketAddr,
}

impl Server {
    fn start(how: &str) -> io::Result<Server> {
        let program = std::env::current_exe()?;
        let mut child =
            Command::new(program).args(["serve", how]).stdout(Stdio::piped()).spawn()?;
        let mut line = String::new();
        BufReader::new(child.stdout.as_mut().expect("a pipe")).read_line(&mut line)?;
        match line.trim_end().parse() {
            Ok(address) => Ok(Server { child, address }),
            Err(_) => Err(io::Error::other(format!("the server ended: {}", child.wait()?))),
        }
    }

    fn proc_file(&self, name: &str) -> io::Result<String> {
        std::fs::read_to_string(format!("/proc/{}/{name}", self.child.id()))
    }

    /// A number of proc_pid_status(5).
    fn status(&self, field: &str) -> io::Result<u64> {
        let text = self.proc_file("status")?;
        let line = text.lines().find_map(|line| line.strip_prefix(field));
        let number = line.and_then(|rest| rest.split_whitespace().next()?.parse().ok());
        number.ok_or_else(|| io::Error::other(format!("/proc/…/status has no {field}")))
    }

    /// CPU time so far, by proc_pid_stat(5), whose unit is nearly always 10 ms.
    fn cpu_time(&self) -> io::Result<Duration> {
        let text = self.proc_file("stat")?;
        // After the name, which may hold anything.
        let fields = text.rsplit(')').next().unwrap_or_default().split_whitespace();
        let ticks: u64 = fields.skip(11).take(2).filter_map(|f| f.parse::<u64>().ok()).sum();
        Ok(Duration::from_millis(ticks * 10))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn measure(how: &str, args: &Args) -> io::Result<Figures> {
    let server = Server::start(how)?;
    let (address, connections) = (server.address, args.connections);
    let duration = Duration::from_secs(args.seconds);
    greenwood::run(move || {
        let done = Arc::new(AtomicU64::new(0));
        let streams = (0..connections).map(|_| TcpStream::connect(address));
        let streams = streams.collect::<io::Result<Vec<_>>>()?;
        for (i, stream) in streams.into_iter().enumerate() {
            let done = done.clone();
            greenwood::spawn(move || ask(stream, i, &done));
        }
        // All have had an answer, so all are served.
        while done.load(Ordering::Relaxed) < connections as u64 * 2 {
            greenwood::sleep(Duration::from_millis(20));
        }
        let (start, cpu, before) =
            (Instant::now(), server.cpu_time()?, done.load(Ordering::Relaxed));
        greenwood::sleep(duration);
        let requests = (done.load(Ordering::Relaxed) - before) as f64;
        Ok(Figures {
            threads: server.status("Threads:")?,
            resident_mb: server.status("VmRSS:")? as f64 / 1024.0,
            rate: requests / start.elapsed().as_secs_f64(),
            cpu_micros: (server.cpu_time()? - cpu).as_secs_f64() * 1e6 / requests,
        })
    })
}

/// Asks until the server ends, or the comparison.
fn ask(mut stream: TcpStream, client: usize, done: &AtomicU64) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let question = format!("{client}\n");
    let mut answer = [0; 32];
    loop {
        stream.write_all(question.as_bytes())?;
        let mut len = 0;
        while answer[..len].last() != Some(&b'\n') {
            match stream.read(&mut answer[len..])? {
                0 => return Ok(()),
                n => len += n,
            }
        }
        done.fetch_add(1, Ordering::Relaxed);
    }
}

/// As many descriptors as the system lets the process have.
pub fn raise_descriptor_limit() -> io::Result<()> {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: fills, then reads, a structure that lives over the calls.
    let failed = unsafe {
        libc::getrlimit(libc::RLIMIT_NOFILE, &raw mut limit) != 0 || {
            limit.rlim_cur = limit.rlim_max;
            libc::setrlimit(libc::RLIMIT_NOFILE, &raw const limit) != 0
        }
    };
    if failed { Err(io::Error::last_os_error()) } else { Ok(()) }
}
