//! recvmsg, sendmsg, recvmmsg, sendmmsg: ancillary data, flags, and messages in numbers.

mod common;

use std::io::{self, IoSlice, IoSliceMut, Read, Write};
use std::mem::{MaybeUninit, zeroed};
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::os::fd::{AsFd, AsRawFd, FromRawFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::ptr::null_mut;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use common::{Others, patched, until};
use greenwood_runtime::{JoinHandle, spawn};
use libc::{MSG_PEEK, MSG_WAITALL, c_int, iovec, mmsghdr, msghdr, timespec};

fn tcp() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    (client, listener.accept().unwrap().0)
}

fn udp() -> (UdpSocket, UdpSocket) {
    let (a, b) = (UdpSocket::bind("127.0.0.1:0").unwrap(), UdpSocket::bind("127.0.0.1:0").unwrap());
    a.connect(b.local_addr().unwrap()).unwrap();
    b.connect(a.local_addr().unwrap()).unwrap();
    (a, b)
}

fn result(n: isize) -> Result<usize, i32> {
    if n < 0 { Err(io::Error::last_os_error().raw_os_error().unwrap()) } else { Ok(n as usize) }
}

fn recv(socket: impl AsFd, buf: &mut [u8], flags: c_int) -> Result<usize, i32> {
    let fd = socket.as_fd().as_raw_fd();
    // SAFETY: a buffer and its length.
    result(unsafe { libc::recv(fd, buf.as_mut_ptr().cast(), buf.len(), flags) })
}

fn message(iov: &mut [iovec]) -> msghdr {
    // SAFETY: all zeros are a message with nothing in it.
    let mut message: msghdr = unsafe { zeroed() };
    (message.msg_iov, message.msg_iovlen) = (iov.as_mut_ptr(), iov.len());
    message
}

fn buffer(bytes: &mut [u8]) -> iovec {
    iovec { iov_base: bytes.as_mut_ptr().cast(), iov_len: bytes.len() }
}

/// Room for one descriptor, aligned as the headers in it.
type Control = [u64; 3];

fn control(message: &mut msghdr, control: &mut Control) {
    message.msg_control = control.as_mut_ptr().cast();
    message.msg_controllen = size_of::<Control>();
}

fn send_with(socket: impl AsFd, bytes: &[u8], passed: &impl AsRawFd) {
    let mut bytes = bytes.to_vec();
    let mut iov = [buffer(&mut bytes)];
    let mut message = message(&mut iov);
    let mut room = Control::default();
    control(&mut message, &mut room);
    // SAFETY: the buffer has room for the header and one number.
    let sent = unsafe {
        let header = libc::CMSG_FIRSTHDR(&raw const message);
        (*header).cmsg_level = libc::SOL_SOCKET;
        (*header).cmsg_type = libc::SCM_RIGHTS;
        (*header).cmsg_len = libc::CMSG_LEN(size_of::<c_int>() as u32) as usize;
        libc::CMSG_DATA(header).cast::<c_int>().write_unaligned(passed.as_raw_fd());
        libc::sendmsg(socket.as_fd().as_raw_fd(), &raw const message, 0)
    };
    assert_eq!(result(sent), Ok(bytes.len()));
}

/// The number of bytes, and the descriptor that came with them.
fn receive_with(socket: impl AsFd, bytes: &mut [u8], flags: c_int) -> (usize, Option<OwnedFd>) {
    let mut iov = [buffer(bytes)];
    let mut message = message(&mut iov);
    let mut room = Control::default();
    control(&mut message, &mut room);
    let fd = socket.as_fd().as_raw_fd();
    // SAFETY: a message with buffers that live as long as it.
    let n = result(unsafe { libc::recvmsg(fd, &raw mut message, flags) }).unwrap();
    // SAFETY: the kernel has filled the buffer, and the descriptor is nobody else's.
    let passed = unsafe {
        let header = libc::CMSG_FIRSTHDR(&raw const message);
        (!header.is_null() && (*header).cmsg_type == libc::SCM_RIGHTS)
            .then(|| OwnedFd::from_raw_fd(libc::CMSG_DATA(header).cast::<c_int>().read_unaligned()))
    };
    (n, passed)
}

/// Starts `f`, and lets it come to its wait.
fn waiting<T: Send + 'static>(f: impl FnOnce() -> T + Send + 'static) -> JoinHandle<T> {
    let handle = spawn(f);
    until(|| handle.is_finished() || handle.coroutine().waits_for() == Some("read"));
    assert!(!handle.is_finished());
    handle
}

#[test]
fn a_descriptor_comes_with_a_message() {
    patched(|| {
        let (a, b) = UnixStream::pair().unwrap();
        let (mut reader, writer) = io::pipe().unwrap();
        let receiver = waiting(move || {
            let mut buf = [0; 10];
            let (n, passed) = receive_with(&b, &mut buf, 0);
            (buf[..n].to_vec(), passed)
        });
        send_with(&a, b"take", &writer);
        drop(writer);
        let (bytes, passed) = receiver.join().unwrap();
        assert_eq!(bytes, b"take");
        // It works, and yields, under whatever number.
        let reading = waiting(move || {
            let mut all = Vec::new();
            reader.read_to_end(&mut all).unwrap();
            all
        });
        let mut passed = std::fs::File::from(passed.unwrap());
        passed.write_all(b"through").unwrap();
        drop(passed);
        assert_eq!(reading.join().unwrap(), b"through");
    });
}

/// As in the kernel: nothing is lost, and a descriptor ends the message that it came with.
#[test]
fn descriptors_and_waitall() {
    patched(|| {
        let (mut a, b) = UnixStream::pair().unwrap();
        let (_reader, writer) = io::pipe().unwrap();
        let receiver = waiting(move || {
            let mut buf = [0; 100];
            let first = receive_with(&b, &mut buf, MSG_WAITALL);
            let second = receive_with(&b, &mut buf[..4], MSG_WAITALL);
            (first, second)
        });
        a.write_all(b"plain").unwrap();
        until(|| receiver.coroutine().waits_for() == Some("read"));
        greenwood_runtime::sleep(Duration::from_millis(2));
        send_with(&a, b"with", &writer);
        greenwood_runtime::sleep(Duration::from_millis(2));
        a.write_all(b"more").unwrap();
        let ((first, passed), (second, none)) = receiver.join().unwrap();
        assert_eq!((first, second), (9, 4));
        assert!(passed.is_some() && none.is_none());
    });
}

#[test]
fn waitall_waits_for_all() {
    patched(|| {
        let (mut a, b) = tcp();
        let others = Others::new();
        let receiver = waiting(move || {
            let mut buf = [0; 6];
            (recv(&b, &mut buf, MSG_WAITALL), buf, recv(&b, &mut buf, MSG_WAITALL))
        });
        a.write_all(b"abc").unwrap();
        others.run_during(|| greenwood_runtime::sleep(Duration::from_millis(2)));
        assert!(!receiver.is_finished());
        a.write_all(b"defg").unwrap();
        drop(a);
        // What comes before the end is less than asked for.
        assert_eq!(receiver.join().unwrap(), (Ok(6), *b"abcdef", Ok(1)));
    });
}

#[test]
fn peeking_takes_nothing() {
    patched(|| {
        let (mut a, b) = tcp();
        let has_peeked = Arc::new(AtomicBool::new(false));
        let step = has_peeked.clone();
        let receiver = waiting(move || {
            let mut buf = [0; 4];
            let peeked = recv(&b, &mut buf, MSG_PEEK);
            step.store(true, Ordering::Relaxed);
            let all = recv(&b, &mut buf, MSG_PEEK | MSG_WAITALL);
            let taken = recv(&b, &mut buf, 0);
            (peeked, all, taken, buf, recv(&b, &mut [0; 4], MSG_PEEK | MSG_WAITALL))
        });
        let others = Others::new();
        a.write_all(b"ab").unwrap();
        until(|| has_peeked.load(Ordering::Relaxed));
        others.run_during(|| greenwood_runtime::sleep(Duration::from_millis(2)));
        assert!(!receiver.is_finished());
        a.write_all(b"cde").unwrap();
        drop(a);
        assert_eq!(receiver.join().unwrap(), (Ok(2), Ok(4), Ok(4), *b"abcd", Ok(1)));
    });
}

#[test]
fn a_peek_for_all_heeds_the_time_out() {
    patched(|| {
        let (mut a, b) = UnixStream::pair().unwrap();
        b.set_read_timeout(Some(Duration::from_millis(5))).unwrap();
        a.write_all(b"ab").unwrap();
        let others = Others::new();
        let peeked = others.run_during(|| recv(&b, &mut [0; 4], MSG_PEEK | MSG_WAITALL));
        assert_eq!(peeked, Ok(2));
        b.set_nonblocking(true).unwrap();
        assert_eq!(recv(&b, &mut [0; 4], MSG_PEEK | MSG_WAITALL), Ok(2));
        assert_eq!(recv(&b, &mut [0; 4], 0), Ok(2));
        assert_eq!(recv(&b, &mut [0; 4], MSG_PEEK | MSG_WAITALL), Err(libc::EAGAIN));
    });
}

#[test]
fn vectored_with_partial_progress() {
    patched(|| {
        const LEN: usize = 5 << 20;
        let (mut a, mut b) = tcp();
        let writer = spawn(move || {
            let bytes: Vec<u8> = (0..LEN).map(|i| (i / 3) as u8).collect();
            let parts: Vec<_> = bytes.chunks(700_001).map(IoSlice::new).collect();
            (a.write_vectored(&parts).unwrap(), bytes)
        });
        until(|| writer.coroutine().waits_for() == Some("write"));
        let mut back = vec![0; LEN];
        let mut done = 0;
        while done < LEN {
            let middle = done + (LEN - done) / 2;
            let (left, right) = back[done..].split_at_mut(middle - done);
            done += b.read_vectored(&mut [IoSliceMut::new(left), IoSliceMut::new(right)]).unwrap();
        }
        let (written, bytes) = writer.join().unwrap();
        assert!(written == LEN && back == bytes);
    });
}

/// sendmsg of more than there is room for sends what goes with it once, and all of the bytes.
#[test]
fn a_large_message_on_a_stream() {
    patched(|| {
        const LEN: usize = 4 << 20;
        let (a, mut b) = UnixStream::pair().unwrap();
        let (_reader, writer) = io::pipe().unwrap();
        let sender = spawn(move || send_with(&a, &vec![5; LEN], &writer));
        until(|| sender.coroutine().waits_for() == Some("write"));
        let mut buf = vec![0; LEN];
        let (n, passed) = receive_with(&b, &mut buf, 0);
        assert!(passed.is_some());
        b.read_exact(&mut buf[n..]).unwrap();
        sender.join().unwrap();
        assert!(buf.iter().all(|&byte| byte == 5));
    });
}

/// Several messages of four bytes each.
struct Messages {
    bytes: Vec<[u8; 4]>,
    _iov: Vec<iovec>,
    headers: Vec<mmsghdr>,
}

impl Messages {
    fn new(count: usize) -> Messages {
        let mut bytes: Vec<_> = (0..count).map(|i| (i as u32).to_be_bytes()).collect();
        let mut iov: Vec<_> = bytes.iter_mut().map(|one| buffer(one)).collect();
        let header = |one| mmsghdr { msg_hdr: message(std::slice::from_mut(one)), msg_len: 0 };
        let headers = iov.iter_mut().map(header).collect();
        Messages { bytes, _iov: iov, headers }
    }

    fn receive(
        &mut self,
        socket: impl AsFd,
        flags: c_int,
        timeout: Option<&mut timespec>,
    ) -> Result<usize, i32> {
        let timeout = timeout.map_or(null_mut(), |timeout| &raw mut *timeout);
        let (list, count) = (self.headers.as_mut_ptr(), self.headers.len() as u32);
        // SAFETY: as many messages, whose buffers live as long.
        let n =
            unsafe { libc::recvmmsg(socket.as_fd().as_raw_fd(), list, count, flags as _, timeout) };
        result(n as isize)
    }

    fn send(&mut self, socket: impl AsFd) -> Result<usize, i32> {
        let (list, count) = (self.headers.as_mut_ptr(), self.headers.len() as u32);
        // SAFETY: as above.
        let n = unsafe { libc::sendmmsg(socket.as_fd().as_raw_fd(), list, count, 0) };
        result(n as isize)
    }
}

#[test]
fn many_messages_at_once() {
    patched(|| {
        let (a, b) = udp();
        let others = Others::new();
        let receiver = waiting(move || {
            let mut messages = Messages::new(5);
            messages.bytes.fill([0; 4]);
            let n = messages.receive(&b, 0, None);
            let lengths: Vec<_> = messages.headers.iter().map(|m| m.msg_len).collect();
            (n, messages.bytes, lengths)
        });
        assert_eq!(Messages::new(3).send(&a), Ok(3));
        others.run_during(|| greenwood_runtime::sleep(Duration::from_millis(2)));
        // It waits until all five are there.
        assert!(!receiver.is_finished());
        assert_eq!(Messages::new(2).send(&a), Ok(2));
        let expected = [0, 1, 2, 0, 1].map(u32::to_be_bytes).to_vec();
        assert_eq!(receiver.join().unwrap(), (Ok(5), expected, vec![4; 5]));
    });
}

#[test]
fn one_message_is_enough_where_it_is_said() {
    patched(|| {
        let (a, b) = udp();
        let receiver = waiting(move || Messages::new(5).receive(&b, libc::MSG_WAITFORONE, None));
        assert_eq!(Messages::new(1).send(&a), Ok(1));
        assert_eq!(receiver.join().unwrap(), Ok(1));
    });
}

#[test]
fn time_outs_of_many_messages() {
    patched(|| {
        let (a, b) = udp();
        let others = Others::new();
        let mut messages = Messages::new(5);
        let mut timeout = timespec { tv_sec: 0, tv_nsec: 5_000_000 };
        assert_eq!(Messages::new(2).send(&a), Ok(2));
        let received = others.run_during(|| messages.receive(&b, 0, Some(&mut timeout)));
        assert_eq!((received, timeout.tv_nsec), (Ok(2), 0));
        // What is left is told.
        let mut timeout = timespec { tv_sec: 100, tv_nsec: 0 };
        assert_eq!(Messages::new(5).send(&a), Ok(5));
        assert_eq!(messages.receive(&b, 0, Some(&mut timeout)), Ok(5));
        assert!(timeout.tv_sec <= 100 && timeout.tv_sec > 0);
        let mut wrong = timespec { tv_sec: 0, tv_nsec: 1_000_000_000 };
        assert_eq!(messages.receive(&b, 0, Some(&mut wrong)), Err(libc::EINVAL));
    });
}

#[test]
fn messages_to_a_stream_that_is_full() {
    patched(|| {
        const COUNT: usize = 400;
        let (a, mut b) = UnixStream::pair().unwrap();
        let sender = spawn(move || {
            let mut bytes = vec![9u8; 10_000];
            let mut iov = [buffer(&mut bytes)];
            let header = mmsghdr { msg_hdr: message(&mut iov), msg_len: 0 };
            let mut list = vec![header; COUNT];
            // SAFETY: as many messages, whose buffer lives as long.
            let n = unsafe { libc::sendmmsg(a.as_raw_fd(), list.as_mut_ptr(), COUNT as u32, 0) };
            (n, list.iter().all(|m| m.msg_len == 10_000))
        });
        until(|| sender.coroutine().waits_for() == Some("write"));
        let mut all = vec![0; COUNT * 10_000];
        b.read_exact(&mut all).unwrap();
        assert_eq!(sender.join().unwrap(), (COUNT as c_int, true));
    });
}

#[test]
fn the_address_of_a_datagram() {
    patched(|| {
        let (a, b) = udp();
        let from = a.local_addr().unwrap().port();
        let receiver = waiting(move || {
            let mut bytes = [0; 4];
            let mut iov = [buffer(&mut bytes)];
            let mut message = message(&mut iov);
            let mut address = MaybeUninit::<libc::sockaddr_in>::zeroed();
            message.msg_name = address.as_mut_ptr().cast();
            message.msg_namelen = size_of::<libc::sockaddr_in>() as u32;
            // SAFETY: a message with buffers that live as long as it.
            let n = result(unsafe { libc::recvmsg(b.as_raw_fd(), &raw mut message, 0) });
            // SAFETY: the kernel has filled it.
            (n, u16::from_be(unsafe { address.assume_init() }.sin_port))
        });
        a.send(b"four").unwrap();
        assert_eq!(receiver.join().unwrap(), (Ok(4), from));
    });
}
