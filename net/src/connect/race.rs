//! Several connection attempts at once: carries out what the schedule says.

use std::io;
use std::net::SocketAddr;
use std::os::fd::AsFd;

use greenwood_runtime::readiness::{Interest, wait_any};

use super::Attempt;
use super::schedule::{Schedule, Step};

/// The first attempt that succeeds; the others are closed. If all fail, the error of the last address, which is the
/// one that a loop over the addresses, as in std, would end with.
pub(super) fn run(
    addrs: &[SocketAddr],
    open: impl Fn(&SocketAddr) -> io::Result<socket2::Socket>,
) -> io::Result<Attempt> {
    let mut schedule = Schedule::new(addrs);
    let mut running: Vec<(usize, Attempt)> = Vec::new();
    let mut failure: Option<(usize, io::Error)> = None;
    let mut note = |index: usize, error: io::Error| {
        if failure.as_ref().is_none_or(|(last, _)| *last < index) {
            failure = Some((index, error));
        }
    };
    loop {
        match schedule.step(greenwood_runtime::now()) {
            Step::Start(index) => {
                let addr = &addrs[index];
                match open(addr).and_then(|socket| Attempt::start(socket, addr)) {
                    Ok(attempt) => running.push((index, attempt)),
                    Err(error) => {
                        note(index, error);
                        schedule.failed();
                    }
                }
            }
            Step::Wait(delay) => {
                let fds: Vec<_> =
                    running.iter().map(|(_, attempt)| (attempt.as_fd(), Interest::Write)).collect();
                match wait_any(&fds, delay) {
                    Ok(_) => {}
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock && delay.is_some() => {
                        continue;
                    }
                    Err(error) => return Err(error),
                }
            }
            Step::Exhausted => {
                let (_, error) = failure.expect("every attempt that ended has left its error");
                return Err(error);
            }
        }
        // All of them, not the one that was reported: several may have ended together, and the earliest goes first.
        let mut at = 0;
        while let Some((index, attempt)) = running.get(at) {
            match attempt.is_connected() {
                Ok(true) => return Ok(running.swap_remove(at).1),
                Ok(false) => at += 1,
                Err(error) => {
                    note(*index, error);
                    running.remove(at);
                    schedule.failed();
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpListener;

    fn open(addr: &SocketAddr) -> io::Result<socket2::Socket> {
        socket2::Socket::new(socket2::Domain::for_address(*addr), socket2::Type::STREAM, None)
    }

    /// An address that refuses: a socket holds its port and does not listen.
    fn refusing() -> (socket2::Socket, SocketAddr) {
        let socket = open(&"127.0.0.1:0".parse().unwrap()).unwrap();
        socket.bind(&"127.0.0.1:0".parse::<SocketAddr>().unwrap().into()).unwrap();
        let addr = socket.local_addr().unwrap().as_socket().unwrap();
        (socket, addr)
    }

    /// An address that never answers: a listener whose queue is full drops further SYNs.
    fn silent() -> (Vec<socket2::Socket>, SocketAddr) {
        let (listener, addr) = refusing();
        listener.listen(0).unwrap();
        let mut held = vec![listener];
        for _ in 0..4 {
            let socket = open(&addr).unwrap();
            socket.set_nonblocking(true).unwrap();
            let _ = socket.connect(&addr.into());
            held.push(socket);
        }
        (held, addr)
    }

    #[test]
    fn a_refusal_leads_on_to_the_next_address() {
        let (_held, refuses) = refusing();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let accepts = listener.local_addr().unwrap();
        let stream = run(&[refuses, accepts], open).unwrap().into_std().unwrap();
        assert_eq!(stream.peer_addr().unwrap(), accepts);
    }

    #[test]
    fn a_silent_address_does_not_hold_up_the_next() {
        let (_held, silent) = silent();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let accepts = listener.local_addr().unwrap();
        let stream = run(&[silent, accepts], open).unwrap().into_std().unwrap();
        assert_eq!(stream.peer_addr().unwrap(), accepts);
    }

    #[test]
    fn the_last_addresss_error_is_returned() {
        let (_held, refuses) = refusing();
        let fails = |addr: &SocketAddr| {
            if addr.port() == refuses.port() {
                open(addr)
            } else {
                Err(io::Error::from_raw_os_error(libc::EMFILE))
            }
        };
        let other: SocketAddr = "127.0.0.1:1".parse().unwrap();
        let error = run(&[refuses, other], fails).unwrap_err();
        assert_eq!(error.raw_os_error(), Some(libc::EMFILE));
        let error = run(&[other, refuses], fails).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::ConnectionRefused);
    }
}
