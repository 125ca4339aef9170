//! sendfile, splice, tee and vmsplice between files, pipes and sockets.

mod common;

use std::fs::File;
use std::io::{self, PipeReader, PipeWriter, Read, Seek, Write};
use std::net::{TcpListener, TcpStream};
use std::os::fd::{AsFd, AsRawFd};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::ptr::null_mut;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use common::{Others, patched, until};
use greenwood_runtime::spawn;

const LARGE: usize = 8 << 20;

fn tcp() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    (client, listener.accept().unwrap().0)
}

fn pattern(len: usize) -> Vec<u8> {
    (0..len).map(|i| (i / 7) as u8).collect()
}

/// A file without a name, with these bytes, at its beginning.
fn file(bytes: &[u8]) -> File {
    static COUNT: AtomicUsize = AtomicUsize::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    let path: PathBuf =
        std::env::temp_dir().join(format!("greenwood-splice-{}-{count}", std::process::id()));
    let mut file = File::options().read(true).write(true).create_new(true).open(&path).unwrap();
    std::fs::remove_file(path).unwrap();
    file.write_all(bytes).unwrap();
    file.rewind().unwrap();
    file
}

fn result(n: isize) -> Result<usize, i32> {
    if n < 0 { Err(io::Error::last_os_error().raw_os_error().unwrap()) } else { Ok(n as usize) }
}

fn sendfile(
    to: impl AsFd,
    from: &File,
    offset: Option<&mut i64>,
    len: usize,
) -> Result<usize, i32> {
    let offset = offset.map_or(null_mut(), |offset| &raw mut *offset);
    // SAFETY: a number's address, or none.
    result(unsafe { libc::sendfile(to.as_fd().as_raw_fd(), from.as_raw_fd(), offset, len) })
}

fn splice(from: impl AsFd, to: impl AsFd, len: usize, flags: u32) -> Result<usize, i32> {
    let (from, to) = (from.as_fd().as_raw_fd(), to.as_fd().as_raw_fd());
    // SAFETY: takes numbers.
    result(unsafe { libc::splice(from, null_mut(), to, null_mut(), len, flags) })
}

fn fill(mut pipe: &PipeWriter) {
    // SAFETY: takes numbers.
    unsafe { libc::fcntl(pipe.as_raw_fd(), libc::F_SETFL, libc::O_NONBLOCK) };
    while pipe.write(&[0; 4096]).is_ok() {}
    // SAFETY: takes numbers.
    unsafe { libc::fcntl(pipe.as_raw_fd(), libc::F_SETFL, 0) };
}

fn drain(mut from: impl Read + Send + 'static) -> greenwood_runtime::JoinHandle<Vec<u8>> {
    spawn(move || {
        // Not before the other side has had to wait.
        greenwood_runtime::sleep(Duration::from_millis(5));
        let mut all = Vec::new();
        from.read_to_end(&mut all).unwrap();
        all
    })
}

#[test]
fn a_file_to_a_slow_tcp_peer() {
    patched(|| {
        let bytes = pattern(LARGE);
        let file = file(&bytes);
        let (a, b) = tcp();
        let reader = drain(b);
        let others = Others::new();
        // One call sends everything, as on a blocking socket it does.
        assert_eq!(others.run_during(|| sendfile(&a, &file, None, LARGE)), Ok(LARGE));
        assert_eq!((&file).stream_position().unwrap(), LARGE as u64);
        assert_eq!(sendfile(&a, &file, None, 1), Ok(0));
        // SAFETY: takes numbers.
        let flags = unsafe { libc::fcntl(a.as_raw_fd(), libc::F_GETFL) };
        assert_eq!(flags & libc::O_NONBLOCK, 0);
        drop(a);
        assert!(reader.join().unwrap() == bytes);
    });
}

#[test]
fn a_part_of_a_file_to_a_unix_socket() {
    patched(|| {
        let bytes = pattern(LARGE);
        let file = file(&bytes);
        let (a, b) = UnixStream::pair().unwrap();
        let reader = drain(b);
        let mut offset = 100;
        let others = Others::new();
        let sent = others.run_during(|| sendfile(&a, &file, Some(&mut offset), LARGE));
        assert_eq!((sent, offset), (Ok(LARGE - 100), LARGE as i64));
        assert_eq!((&file).stream_position().unwrap(), 0);
        drop(a);
        assert!(reader.join().unwrap() == bytes[100..]);
    });
}

#[test]
fn sendfile_as_the_user_has_set_it() {
    patched(|| {
        let file = file(&pattern(LARGE));
        let (a, _b) = tcp();
        a.set_nonblocking(true).unwrap();
        let mut sent = 0;
        let error = loop {
            match sendfile(&a, &file, Some(&mut 0), LARGE) {
                Ok(n) => sent += n,
                Err(error) => break error,
            }
        };
        assert_eq!(error, libc::EAGAIN);
        assert!(sent > 0);
        a.set_nonblocking(false).unwrap();
        a.set_write_timeout(Some(Duration::from_millis(5))).unwrap();
        let others = Others::new();
        // Until now there was no room; now there may be a little, for a while.
        while others.run_during(|| sendfile(&a, &file, Some(&mut 0), LARGE)) != Err(libc::EAGAIN) {}
    });
}

#[test]
fn a_cancelled_sendfile_fails() {
    patched(|| {
        let file = file(&pattern(LARGE));
        let (a, _b) = tcp();
        let sender = spawn(move || sendfile(&a, &file, None, LARGE));
        until(|| sender.coroutine().waits_for() == Some("write"));
        sender.cancel();
        assert_eq!(sender.join().unwrap(), Err(libc::ECANCELED));
    });
}

#[test]
fn a_file_to_a_pipe() {
    patched(|| {
        let bytes = pattern(LARGE);
        let file = file(&bytes);
        let (reader, writer) = io::pipe().unwrap();
        let reader = drain(reader);
        let others = Others::new();
        others.run_during(|| {
            let mut sent = 0;
            while sent < LARGE {
                sent += sendfile(&writer, &file, None, LARGE - sent).unwrap();
            }
        });
        drop(writer);
        assert!(reader.join().unwrap() == bytes);
    });
}

/// Waits for bytes from a socket, then for room in a pipe.
#[test]
fn a_socket_to_a_pipe() {
    patched(|| {
        for (mut a, b) in [pair(tcp()), pair(UnixStream::pair().unwrap())] {
            let (mut reader, writer) = io::pipe().unwrap();
            let others = Others::new();
            let mover = spawn(move || (splice(&b, &writer, 100, 0), splice(&b, &writer, 100, 0)));
            others.run_during(|| greenwood_runtime::sleep(Duration::from_millis(3)));
            a.write_all(b"hello").unwrap();
            let mut word = [0; 5];
            reader.read_exact(&mut word).unwrap();
            drop(a);
            assert_eq!((&word, mover.join().unwrap()), (b"hello", (Ok(5), Ok(0))));
        }
    });
}

trait Stream: Read + Write + AsFd + Send {}
impl<T: Read + Write + AsFd + Send> Stream for T {}

fn pair<T: Stream + 'static>((a, b): (T, T)) -> (Box<dyn Stream>, std::os::fd::OwnedFd) {
    let b = b.as_fd().try_clone_to_owned().unwrap();
    (Box::new(a), b)
}

#[test]
fn a_pipe_to_a_full_socket() {
    patched(|| {
        for (mut b, a) in [pair(tcp()), pair(UnixStream::pair().unwrap())] {
            let (reader, writer) = io::pipe().unwrap();
            let others = Others::new();
            let bytes = pattern(LARGE);
            let expected = bytes.clone();
            let feeder = spawn(move || (&writer).write_all(&bytes).unwrap());
            let mover = spawn(move || {
                let mut moved = 0;
                while let Ok(n @ 1..) = splice(&reader, &a, LARGE, libc::SPLICE_F_MOVE) {
                    moved += n;
                }
                moved
            });
            others.run_during(|| greenwood_runtime::sleep(Duration::from_millis(5)));
            assert!(!mover.is_finished());
            let mut all = vec![0; LARGE];
            b.read_exact(&mut all).unwrap();
            feeder.join().unwrap();
            assert!(mover.join().unwrap() == LARGE && all == expected);
        }
    });
}

#[test]
fn between_pipes() {
    patched(|| {
        let (from, mut feed) = io::pipe().unwrap();
        let (mut out, to): (PipeReader, PipeWriter) = io::pipe().unwrap();
        assert_eq!(splice(&from, &to, 1, libc::SPLICE_F_NONBLOCK), Err(libc::EAGAIN));
        let mover = spawn(move || {
            // SAFETY: takes numbers.
            let copied = result(unsafe { libc::tee(from.as_raw_fd(), to.as_raw_fd(), 10, 0) });
            let moved = splice(&from, &to, 10, 0);
            fill(&to);
            // The source has bytes now and then; what it waits for is room.
            let late = splice(&from, &to, 10, 0);
            drop(to);
            (copied, moved, late)
        });
        let others = Others::new();
        others.run_during(|| greenwood_runtime::sleep(Duration::from_millis(3)));
        feed.write_all(b"twice").unwrap();
        let mut buf = [0; 10];
        out.read_exact(&mut buf).unwrap();
        assert_eq!(&buf, b"twicetwice");
        feed.write_all(b"late").unwrap();
        others.run_during(|| greenwood_runtime::sleep(Duration::from_millis(3)));
        let mut all = Vec::new();
        out.read_to_end(&mut all).unwrap();
        assert!(all.ends_with(b"late"));
        assert_eq!(mover.join().unwrap(), (Ok(5), Ok(5), Ok(4)));
    });
}

#[test]
fn a_pipe_to_a_file() {
    patched(|| {
        let (from, mut feed) = io::pipe().unwrap();
        let target = file(&[]);
        let copy = target.try_clone().unwrap();
        let mover = spawn(move || splice(&from, &target, 100, 0));
        let others = Others::new();
        others.run_during(|| greenwood_runtime::sleep(Duration::from_millis(3)));
        feed.write_all(b"hello").unwrap();
        assert_eq!(mover.join().unwrap(), Ok(5));
        assert_eq!(copy.metadata().unwrap().len(), 5);
    });
}

#[test]
fn memory_to_a_full_pipe() {
    patched(|| {
        let (mut reader, writer) = io::pipe().unwrap();
        fill(&writer);
        let mover = spawn(move || {
            // The pipe has the buffer's pages, not a copy.
            static WORD: [u8; 5] = *b"hello";
            let iov = libc::iovec { iov_base: WORD.as_ptr().cast_mut().cast(), iov_len: 5 };
            // SAFETY: a buffer that outlives the pipe's use of it.
            result(unsafe { libc::vmsplice(writer.as_raw_fd(), &raw const iov, 1, 0) })
        });
        let others = Others::new();
        others.run_during(|| greenwood_runtime::sleep(Duration::from_millis(3)));
        assert!(!mover.is_finished());
        let mut all = Vec::new();
        reader.read_to_end(&mut all).unwrap();
        assert!(all.ends_with(b"hello"));
        assert_eq!(mover.join().unwrap(), Ok(5));
    });
}

#[test]
fn what_the_kernel_refuses() {
    patched(|| {
        let (a, b) = tcp();
        assert_eq!(splice(&a, &b, 1, 0), Err(libc::EINVAL));
        assert_eq!(sendfile(&a, &File::open("/").unwrap(), None, 1), Err(libc::EINVAL));
        let (reader, writer) = io::pipe().unwrap();
        assert_eq!(splice(&writer, &reader, 1, 0), Err(libc::EBADF));
        assert_eq!(splice(&reader, &a, 0, 0), Ok(0));
        drop(writer);
        assert_eq!(splice(&reader, &a, 1, 0), Ok(0));
    });
}
