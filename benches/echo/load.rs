//! The echo servers' load: one thread, one poll(2) for all connections.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::fd::AsRawFd;

/// Sends `messages` over so many connections, the next on each when the echo of the last has come.
pub fn run(address: &str, connections: usize, messages: usize) {
    let connect = |_| {
        let stream = TcpStream::connect(address).unwrap();
        stream.set_nodelay(true).unwrap();
        stream
    };
    let mut streams: Vec<_> = (0..connections).map(connect).collect();
    let entry =
        |s: &TcpStream| libc::pollfd { fd: s.as_raw_fd(), events: libc::POLLIN, revents: 0 };
    let mut entries: Vec<_> = streams.iter().map(entry).collect();
    let mut left = vec![messages / connections; connections];
    let message = [b'e'; 64];
    streams.iter_mut().for_each(|stream| stream.write_all(&message).unwrap());
    let mut running = connections;
    while running > 0 {
        // SAFETY: the pointer and the length are those of `entries`.
        let ready = unsafe { libc::poll(entries.as_mut_ptr(), entries.len() as libc::nfds_t, -1) };
        assert!(ready > 0, "poll: {}", std::io::Error::last_os_error());
        for (i, entry) in entries.iter_mut().enumerate().filter(|(_, entry)| entry.revents != 0) {
            let mut echo = [0; 64];
            streams[i].read_exact(&mut echo).unwrap();
            assert_eq!(echo, message);
            left[i] -= 1;
            if left[i] > 0 {
                streams[i].write_all(&message).unwrap();
            } else {
                // poll(2) ignores descriptors below 0.
                entry.fd = -1;
                running -= 1;
            }
        }
    }
}
