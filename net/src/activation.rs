//! Socket activation: listening sockets that a service manager passes to the process (sd_listen_fds(3)).
//!
//! The manager opens the sockets before the service starts, and keeps them open over its restarts, so that no connection is
//! refused meanwhile. It passes them as the descriptors from 3 on, and says so in the environment: `LISTEN_FDS` is how many, `LISTEN_PID`
//! for which process, `LISTEN_FDNAMES` what they are called.

use std::io::{self, ErrorKind};
use std::os::fd::{BorrowedFd, RawFd};

use parking_lot::Mutex;
use socket2::{Domain, SockRef, Type};

use crate::{TcpListener, UnixListener, sys};

/// The descriptor of the first socket (`SD_LISTEN_FDS_START`).
const FIRST: RawFd = 3;

/// A listening socket that was passed to the process.
#[derive(Debug)]
pub struct Inherited {
    /// What the manager calls it, `FileDescriptorName=` with systemd.
    pub name: Option<String>,
    /// The socket.
    pub listener: InheritedListener,
}

/// A listening socket of either family.
#[derive(Debug)]
pub enum InheritedListener {
    /// IPv4 or IPv6.
    Tcp(TcpListener),
    /// In the file system, or abstract.
    Unix(UnixListener),
}

/// The listening sockets that were passed to this process, in the manager's order; none if it was started without. Never suspends.
///
/// Each is closed on exec from here on. The environment stays as it is, since it cannot be changed safely once there are
/// threads: children see the variables, and a `LISTEN_PID` that is not theirs.
///
/// # Errors
///
/// `InvalidInput` when a variable makes no sense, or a descriptor is no listening stream socket: nothing is taken then.
/// `AlreadyExists` when they were taken before, here or by other code in this process.
///
/// # Examples
///
/// ```
/// use greenwood_net::TcpListener;
/// use greenwood_net::activation::{self, InheritedListener};
///
/// # fn main() -> std::io::Result<()> {
/// let listener = match activation::listeners()?.pop().map(|inherited| inherited.listener) {
///     Some(InheritedListener::Tcp(listener)) => listener,
///     _ => TcpListener::bind("127.0.0.1:0")?,
/// };
/// # Ok(())
/// # }
/// ```
pub fn listeners() -> io::Result<Vec<Inherited>> {
    static TAKEN: Mutex<bool> = Mutex::new(false);

    let variable = |name| std::env::var_os(name).map(|value| value.to_string_lossy().into_owned());
    let (pid, fds, names) =
        (variable("LISTEN_PID"), variable("LISTEN_FDS"), variable("LISTEN_FDNAMES"));
    let names = announced(std::process::id(), pid.as_deref(), fds.as_deref(), names.as_deref())?;
    if names.is_empty() {
        return Ok(Vec::new());
    }
    let mut taken = TAKEN.lock();
    if *taken {
        return Err(io::Error::new(
            ErrorKind::AlreadyExists,
            "the inherited sockets were taken before",
        ));
    }
    let domains = (FIRST..)
        .zip(&names)
        .map(|(fd, _)| sys::inherited(fd).and_then(listening).map_err(|error| at(fd, &error)))
        .collect::<io::Result<Vec<Domain>>>()?;
    *taken = true;
    (FIRST..)
        .zip(names)
        .zip(domains)
        .map(|((fd, name), domain)| {
            // SAFETY: the descriptor came with exec and was meant for this process, so that nobody else here owns it, and
            // `taken` lets nobody get to this line twice.
            let fd = unsafe { sys::adopt(fd) }.map_err(|error| at(fd, &error))?;
            let listener = match domain {
                Domain::UNIX => InheritedListener::Unix(fd.into()),
                _ => InheritedListener::Tcp(fd.into()),
            };
            Ok(Inherited { name, listener })
        })
        .collect()
}

/// A name, if there is one, for each descriptor that was passed to process `me`.
fn announced(
    me: u32,
    pid: Option<&str>,
    fds: Option<&str>,
    names: Option<&str>,
) -> io::Result<Vec<Option<String>>> {
    let (Some(pid), Some(fds)) = (pid, fds) else { return Ok(Vec::new()) };
    if number("LISTEN_PID", pid)? != me {
        return Ok(Vec::new());
    }
    let count = number("LISTEN_FDS", fds)? as usize;
    // More than can be open: each would get a name before the first is looked at.
    if count > 1 << 20 {
        return Err(invalid(format!("LISTEN_FDS is {count}, which no process has")));
    }
    let Some(names) = names else { return Ok(vec![None; count]) };
    let names: Vec<_> = names.split(':').map(|name| Some(name.to_owned())).collect();
    match names.len() {
        n if n == count => Ok(names),
        _ if count == 0 => Ok(Vec::new()),
        n => Err(invalid(format!("LISTEN_FDNAMES has {n} names for {count} descriptors"))),
    }
}

/// Digits only: `parse` alone would take a sign.
fn number(variable: &str, value: &str) -> io::Result<u32> {
    let digits = !value.is_empty() && value.bytes().all(|b| b.is_ascii_digit());
    digits
        .then(|| value.parse().ok())
        .flatten()
        .ok_or_else(|| invalid(format!("{variable} is {value:?}, which is not a number")))
}

/// The family of a listening stream socket that a listener can be made of.
fn listening(fd: BorrowedFd<'_>) -> io::Result<Domain> {
    let socket = SockRef::from(&fd);
    let not_listening = || invalid("not a listening stream socket");
    // Fails for what is no socket at all.
    if socket.r#type().ok() != Some(Type::STREAM) || !socket.is_listener()? {
        return Err(not_listening());
    }
    match socket.domain()? {
        domain @ (Domain::UNIX | Domain::IPV4 | Domain::IPV6) => Ok(domain),
        _ => Err(not_listening()),
    }
}

fn at(fd: RawFd, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("descriptor {fd} of LISTEN_FDS: {error}"))
}

fn invalid(message: impl Into<String>) -> io::Error {
    io::Error::new(ErrorKind::InvalidInput, message.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_for_this_process() {
        let names = |pid, fds, names| announced(7, pid, fds, names).map_err(|e| e.to_string());
        let named = |names: &[&str]| Ok(names.iter().map(|n| Some(n.to_string())).collect());
        assert_eq!(names(None, Some("1"), None), Ok(vec![]));
        assert_eq!(names(Some("7"), None, None), Ok(vec![]));
        assert_eq!(names(Some("8"), Some("x"), None), Ok(vec![]));
        assert_eq!(names(Some("7"), Some("0"), None), Ok(vec![]));
        assert_eq!(names(Some("7"), Some("0"), Some("")), Ok(vec![]));
        assert_eq!(names(Some("7"), Some("2"), None), Ok(vec![None, None]));
        assert_eq!(names(Some("7"), Some("1"), Some("web")), named(&["web"]));
        assert_eq!(names(Some("7"), Some("2"), Some("a:")), named(&["a", ""]));
    }

    #[test]
    fn nonsense_names_the_variable() {
        for (pid, fds, names, variable) in [
            ("", "1", None, "LISTEN_PID"),
            ("+7", "1", None, "LISTEN_PID"),
            ("7", "-1", None, "LISTEN_FDS"),
            ("7", "+1", None, "LISTEN_FDS"),
            ("7", " 1", None, "LISTEN_FDS"),
            ("7", "99999999999", None, "LISTEN_FDS"),
            ("7", "2000000", None, "LISTEN_FDS"),
            ("7", "2", Some("a"), "LISTEN_FDNAMES"),
            ("7", "1", Some("a:b"), "LISTEN_FDNAMES"),
        ] {
            let error = announced(7, Some(pid), Some(fds), names).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidInput);
            assert!(error.to_string().starts_with(variable), "{error}");
        }
    }
}
