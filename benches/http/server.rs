//! A contender's processes, as the measurements see them.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::process::Child;
use std::time::Duration;

use crate::contender::Contender;
use crate::process;
use crate::servers::{Setup, go, nginx};
use crate::support::children::{self, Samples};

/// A server that has been started; it ends when dropped.
pub struct Server {
    /// None once it has been waited for.
    child: Option<Child>,
    pub address: SocketAddr,
    /// Those that serve.
    pub pids: Vec<libc::pid_t>,
}

impl Server {
    /// Starts it.
    ///
    /// # Errors
    /// Why it did not come to listen.
    pub fn start(contender: Contender, setup: Setup) -> Result<Server, String> {
        match contender {
            Contender::Nginx => {
                let (child, address) = nginx::start(setup.workers)?;
                let pids = process::children(child.id() as libc::pid_t);
                Ok(Server { child: Some(child), address, pids })
            }
            Contender::Go => Server::told(go::start(setup.workers)),
            _ => Server::start_under(&[], contender, setup),
        }
    }

    /// Starts one that is part of this program by way of another, such as a tracer.
    ///
    /// # Errors
    /// Why it did not come to listen.
    pub fn start_under(
        wrapper: &[&str],
        contender: Contender,
        setup: Setup,
    ) -> Result<Server, String> {
        let args = setup.args(contender);
        let args: Vec<_> = args.iter().map(String::as_str).collect();
        Server::told(match wrapper {
            [] => children::start(&args),
            wrapper => children::start_under(wrapper, &args),
        })
    }

    /// A server that tells its address.
    fn told(mut child: Child) -> Result<Server, String> {
        let mut line = String::new();
        let read = BufReader::new(child.stdout.as_mut().expect("a pipe")).read_line(&mut line);
        match (read, line.trim_end().parse()) {
            (Ok(_), Ok(address)) => {
                let pids = vec![child.id() as libc::pid_t];
                Ok(Server { child: Some(child), address, pids })
            }
            _ => {
                let _ = child.kill();
                Err(children::collect(child).err().unwrap_or("it does not listen".into()))
            }
        }
    }

    /// CPU time, user and system, so far.
    pub fn cpu(&self) -> Duration {
        self.pids.iter().map(|&pid| process::cpu_time(pid)).sum()
    }

    /// The user's part of it. The kernel shares it out by what it finds at each of its ticks, so this takes seconds to be
    /// of use.
    pub fn user(&self) -> Duration {
        self.pids.iter().map(|&pid| process::user_time(pid)).sum()
    }

    /// The resident set, in bytes.
    pub fn resident(&self) -> u64 {
        self.pids.iter().map(|&pid| process::resident(pid)).sum()
    }

    /// Ends it in order and returns what it has counted.
    ///
    /// # Errors
    /// Why it failed, in its own last words.
    pub fn stop(mut self) -> Result<Samples, String> {
        let child = self.child.take().expect("it is stopped once");
        process::terminate(&child);
        children::collect(child)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(child) = &mut self.child {
            // nginx's first process ends its workers, unless it is killed.
            process::terminate(child);
            let _ = child.wait();
        }
    }
}
