//! Who is compared.

use std::process::{Command, Stdio};

use crate::servers;

/// A server under test.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Contender {
    /// A loop of epoll_wait, recv and send: what any server pays.
    Bare,
    /// Greenwood, each coroutine with its own thread-locals.
    Own,
    /// Greenwood, coroutines sharing their worker's thread-locals.
    Shared,
    /// hyper on tokio.
    Hyper,
    /// may_minihttp.
    May,
    /// The nginx that is installed.
    Nginx,
    /// Go's net/http.
    Go,
}

impl Contender {
    pub const ALL: [Contender; 7] = [
        Contender::Bare,
        Contender::Own,
        Contender::Shared,
        Contender::Hyper,
        Contender::May,
        Contender::Nginx,
        Contender::Go,
    ];

    /// The column's head, and the name on a command line.
    pub fn name(self) -> &'static str {
        match self {
            Contender::Bare => "bare",
            Contender::Own => "own",
            Contender::Shared => "shared",
            Contender::Hyper => "hyper",
            Contender::May => "may",
            Contender::Nginx => "nginx",
            Contender::Go => "go",
        }
    }

    pub fn parse(name: &str) -> Option<Contender> {
        Contender::ALL.into_iter().find(|contender| contender.name() == name)
    }

    /// Whether it is part of this program.
    pub fn is_built_in(self) -> bool {
        !matches!(self, Contender::Nginx | Contender::Go)
    }

    /// Makes it ready to be started.
    ///
    /// # Errors
    /// Why it cannot be.
    pub fn prepare(self) -> Result<(), &'static str> {
        match self {
            Contender::Nginx if !is_installed("nginx", "-v") => Err("no nginx here"),
            Contender::Go => servers::go::build(),
            _ => Ok(()),
        }
    }
}

/// Whether a program can be started: `flag` is what makes it end at once.
pub fn is_installed(program: &str, flag: &str) -> bool {
    let quiet = Command::new(program)
        .arg(flag)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    quiet.is_ok_and(|status| status.success())
}
