//! std's pipes, unchanged, on one worker.

mod common;

use std::io::{self, Read, Write};
use std::os::fd::AsRawFd;

use common::{Others, patched, until};
use greenwood_runtime::spawn;

#[test]
fn reading_waits_for_the_writer() {
    patched(|| {
        let (mut from, mut to) = io::pipe().unwrap();
        let others = Others::new();
        let reader = spawn(move || {
            let mut all = String::new();
            from.read_to_string(&mut all).unwrap();
            all
        });
        until(|| reader.coroutine().waits_for() == Some("read"));
        others.run_during(|| greenwood_runtime::sleep(std::time::Duration::from_millis(2)));
        to.write_all(b"through ").unwrap();
        to.write_all(b"a pipe").unwrap();
        drop(to);
        assert_eq!(reader.join().unwrap(), "through a pipe");
    });
}

#[test]
fn one_write_is_all_of_it() {
    patched(|| {
        const LEN: usize = 1 << 20;
        let (mut from, mut to) = io::pipe().unwrap();
        let writer = spawn(move || {
            let bytes: Vec<u8> = (0..LEN).map(|i| i as u8).collect();
            to.write(&bytes).unwrap()
        });
        until(|| writer.coroutine().waits_for() == Some("write"));
        let mut all = Vec::new();
        from.read_to_end(&mut all).unwrap();
        assert_eq!((writer.join().unwrap(), all.len()), (LEN, LEN));
        assert!(all.iter().enumerate().all(|(i, byte)| *byte == i as u8));
    });
}

#[test]
fn several_buffers_at_once() {
    patched(|| {
        let (mut from, mut to) = io::pipe().unwrap();
        let (a, b) = (vec![1; 100_000], vec![2; 100_000]);
        let writer = spawn(move || {
            to.write_vectored(&[io::IoSlice::new(&a), io::IoSlice::new(&b)]).unwrap()
        });
        let mut all = Vec::new();
        let (mut c, mut d) = ([0; 3000], [0; 5000]);
        loop {
            let mut into = [io::IoSliceMut::new(&mut c), io::IoSliceMut::new(&mut d)];
            match from.read_vectored(&mut into).unwrap() {
                0 => break,
                n => {
                    all.extend_from_slice(&c[..n.min(c.len())]);
                    all.extend_from_slice(&d[..n.saturating_sub(c.len())]);
                }
            }
        }
        assert_eq!((writer.join().unwrap(), all.len()), (200_000, 200_000));
        assert!(all[..100_000].iter().all(|b| *b == 1) && all[100_000..].iter().all(|b| *b == 2));
    });
}

#[test]
fn the_mode_is_the_users() {
    patched(|| {
        let (mut from, to) = io::pipe().unwrap();
        let flags = |fd: i32| {
            // SAFETY: takes numbers, returns one.
            unsafe { libc::fcntl(fd, libc::F_GETFL) }
        };
        let fd = from.as_raw_fd();
        let before = flags(fd);
        let reader = spawn(move || (from.read(&mut [0]).unwrap(), from));
        until(|| reader.coroutine().waits_for() == Some("read"));
        assert_eq!(flags(fd), before);
        drop(to);
        let (n, mut from) = reader.join().unwrap();
        assert_eq!(n, 0);

        // SAFETY: takes numbers.
        unsafe { libc::fcntl(fd, libc::F_SETFL, before | libc::O_NONBLOCK) };
        let (mut other, _to) = io::pipe().unwrap();
        // SAFETY: as above.
        unsafe { libc::fcntl(other.as_raw_fd(), libc::F_SETFL, libc::O_NONBLOCK) };
        assert_eq!(other.read(&mut [0]).unwrap_err().kind(), io::ErrorKind::WouldBlock);
        assert_eq!(from.read(&mut [0]).unwrap(), 0);
    });
}
