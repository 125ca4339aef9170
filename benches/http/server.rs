//! A contender's process, as the measurements see it.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::process::Child;

use crate::contender::Contender;
use crate::servers::Setup;
use crate::support::children::{self, Samples};

/// A server that has been started; it is killed when dropped.
pub struct Server {
    /// None once it has been waited for.
    child: Option<Child>,
    pub address: SocketAddr,
}

impl Server {
    pub fn start(contender: Contender, setup: Setup) -> Result<Server, String> {
        Server::start_under(&[], contender, setup)
    }

    /// Starts it by way of another program, if any, such as a tracer.
    ///
    /// # Errors
    /// Why it did not come to listen.
    pub fn start_under(
        wrapper: &[&str],
        contender: Contender,
        setup: Setup,
    ) -> Result<Server, String> {
        let args = setup.args(contender);
        let args = args.each_ref().map(String::as_str);
        let mut child = match wrapper {
            [] => children::start(&args),
            wrapper => children::start_under(wrapper, &args),
        };
        let mut line = String::new();
        let read = BufReader::new(child.stdout.as_mut().expect("a pipe")).read_line(&mut line);
        match (read, line.trim_end().parse()) {
            (Ok(_), Ok(address)) => Ok(Server { child: Some(child), address }),
            _ => Err(children::collect(child).err().unwrap_or("it does not listen".into())),
        }
    }

    /// Ends it in order and returns what it has counted.
    ///
    /// # Errors
    /// Why it failed, in its own last words.
    pub fn stop(mut self) -> Result<Samples, String> {
        let child = self.child.take().expect("it is stopped once");
        // SAFETY: the process has not been waited for, so its id is its own.
        unsafe { libc::kill(child.id() as libc::pid_t, libc::SIGTERM) };
        children::collect(child)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(child) = &mut self.child {
            // It may have ended by itself.
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}
