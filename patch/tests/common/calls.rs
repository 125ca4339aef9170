//! Calls to make on a descriptor, and what there is to tell of each.

use std::mem::zeroed;
use std::os::fd::RawFd;
use std::ptr;

use libc::{c_int, c_void, iovec, mmsghdr, msghdr, size_t, sockaddr, sockaddr_in, socklen_t};

pub type Call = fn(RawFd) -> String;

unsafe extern "C" {
    fn __read_chk(fd: c_int, buf: *mut c_void, len: size_t, room: size_t) -> isize;
    fn __recv_chk(fd: c_int, buf: *mut c_void, len: size_t, room: size_t, flags: c_int) -> isize;
}

const BAD: *mut c_void = 16 as *mut c_void;

/// A result, with the error's number and the bytes that came.
fn tell(n: isize, bytes: &[u8]) -> String {
    if n < 0 {
        // SAFETY: the caller's own.
        format!("error {}", unsafe { *libc::__errno_location() })
    } else {
        format!("{n} {:?}", &bytes[..bytes.len().min(16)])
    }
}

/// As above for what returns a descriptor.
fn tell_new(fd: c_int) -> String {
    if fd < 0 {
        return tell(-1, &[]);
    }
    // SAFETY: ours; takes numbers.
    let flags = unsafe {
        let flags = (libc::fcntl(fd, libc::F_GETFL), libc::fcntl(fd, libc::F_GETFD));
        libc::close(fd);
        flags
    };
    format!("descriptor {flags:?}")
}

/// Whether a full buffer has room for a second call is a matter of the moment.
fn twice(first: String, again: impl Fn() -> String) -> String {
    if first == format!("error {}", libc::EAGAIN) { first } else { format!("{first}, {}", again()) }
}

fn read(fd: RawFd, len: usize) -> String {
    let mut buf = [0u8; 64];
    // SAFETY: room for 64.
    let n = unsafe { libc::read(fd, buf.as_mut_ptr().cast(), len) };
    tell(n, &buf)
}

fn readv(fd: RawFd, lens: &[usize], count: Option<c_int>) -> String {
    let mut buf = [0u8; 64];
    let mut at = buf.as_mut_ptr();
    let list: Vec<iovec> = lens
        .iter()
        .map(|&iov_len| {
            let iov_base = at.cast();
            at = at.wrapping_add(iov_len);
            iovec { iov_base, iov_len }
        })
        .collect();
    // SAFETY: together no more than there is.
    let n = unsafe { libc::readv(fd, list.as_ptr(), count.unwrap_or(list.len() as c_int)) };
    tell(n, &buf)
}

fn recv(fd: RawFd, len: usize, flags: c_int) -> String {
    let mut buf = [0u8; 64];
    // SAFETY: room for 64.
    let n = unsafe { libc::recv(fd, buf.as_mut_ptr().cast(), len, flags) };
    tell(n, &buf)
}

fn recvfrom(fd: RawFd, len: usize, flags: c_int) -> String {
    let mut buf = [0u8; 64];
    // SAFETY: room for 64, and for every address.
    unsafe {
        let mut from: libc::sockaddr_storage = zeroed();
        let mut from_len = size_of_val(&from) as socklen_t;
        let address = (&raw mut from).cast();
        let n = libc::recvfrom(fd, buf.as_mut_ptr().cast(), len, flags, address, &mut from_len);
        let of = if n < 0 { (0, 0) } else { (from_len, from.ss_family) };
        format!("{} from {of:?}", tell(n, &buf))
    }
}

fn recvmsg(fd: RawFd, lens: &[usize], flags: c_int) -> String {
    let mut buf = [0u8; 64];
    let mut at = buf.as_mut_ptr();
    // SAFETY: room for as much as the lists tell.
    unsafe {
        let mut list: Vec<iovec> = lens
            .iter()
            .map(|&iov_len| {
                let iov_base = at.cast();
                at = at.wrapping_add(iov_len);
                iovec { iov_base, iov_len }
            })
            .collect();
        let (mut from, mut control): (libc::sockaddr_storage, [u64; 16]) = (zeroed(), [0; 16]);
        let mut message: msghdr = zeroed();
        message.msg_name = (&raw mut from).cast();
        message.msg_namelen = size_of_val(&from) as socklen_t;
        message.msg_iov = list.as_mut_ptr();
        message.msg_iovlen = list.len();
        message.msg_control = control.as_mut_ptr().cast();
        message.msg_controllen = size_of_val(&control);
        let n = libc::recvmsg(fd, &mut message, flags);
        let head = (message.msg_namelen, message.msg_controllen, message.msg_flags);
        format!("{} {:?}", tell(n, &buf), (n >= 0).then_some(head))
    }
}

fn recvmmsg(fd: RawFd, count: u32, flags: c_int) -> String {
    let mut bufs = [[0u8; 8]; 4];
    // SAFETY: four messages of eight bytes, of which no more than that are asked for; a time-out of ours.
    unsafe {
        let mut lists: [iovec; 4] =
            std::array::from_fn(|i| iovec { iov_base: bufs[i].as_mut_ptr().cast(), iov_len: 8 });
        let mut messages: [mmsghdr; 4] = zeroed();
        for (message, list) in messages.iter_mut().zip(&mut lists) {
            message.msg_hdr.msg_iov = list;
            message.msg_hdr.msg_iovlen = 1;
        }
        let n = libc::recvmmsg(fd, messages.as_mut_ptr(), count, flags as _, ptr::null_mut());
        let lens: Vec<_> = messages.iter().take(n.max(0) as usize).map(|m| m.msg_len).collect();
        format!("{} {lens:?}", tell(n as isize, &bufs.concat()))
    }
}

fn write(fd: RawFd, len: usize) -> String {
    let bytes = vec![1u8; len];
    // SAFETY: a buffer of that length.
    tell(unsafe { libc::write(fd, bytes.as_ptr().cast(), len) }, &[])
}

fn writev(fd: RawFd, lens: &[usize], count: Option<c_int>) -> String {
    let bytes = vec![1u8; lens.iter().copied().max().unwrap_or(0)];
    let list: Vec<iovec> = lens
        .iter()
        .map(|&iov_len| iovec { iov_base: bytes.as_ptr().cast_mut().cast(), iov_len })
        .collect();
    // SAFETY: each is no longer than the buffer.
    let n = unsafe { libc::writev(fd, list.as_ptr(), count.unwrap_or(list.len() as c_int)) };
    tell(n, &[])
}

fn send(fd: RawFd, len: usize, flags: c_int) -> String {
    let bytes = vec![1u8; len];
    // SAFETY: a buffer of that length.
    tell(unsafe { libc::send(fd, bytes.as_ptr().cast(), len, flags) }, &[])
}

fn sendmsg(fd: RawFd, lens: &[usize], flags: c_int) -> String {
    let bytes = vec![1u8; lens.iter().copied().max().unwrap_or(0)];
    let mut list: Vec<iovec> = lens
        .iter()
        .map(|&iov_len| iovec { iov_base: bytes.as_ptr().cast_mut().cast(), iov_len })
        .collect();
    // SAFETY: each is no longer than the buffer; all zeros are a message with nothing in it.
    unsafe {
        let mut message: msghdr = zeroed();
        message.msg_iov = list.as_mut_ptr();
        message.msg_iovlen = list.len();
        tell(libc::sendmsg(fd, &message, flags), &[])
    }
}

fn sendmmsg(fd: RawFd, count: usize, flags: c_int) -> String {
    let bytes = [1u8; 8];
    let mut list = iovec { iov_base: bytes.as_ptr().cast_mut().cast(), iov_len: 8 };
    // SAFETY: as above, `count` times the same.
    unsafe {
        let mut messages = vec![zeroed::<mmsghdr>(); count];
        for message in &mut messages {
            message.msg_hdr.msg_iov = &mut list;
            message.msg_hdr.msg_iovlen = 1;
        }
        let n = libc::sendmmsg(fd, messages.as_mut_ptr(), count as u32, flags as _);
        let lens: Vec<_> = messages.iter().map(|m| m.msg_len).collect();
        format!("{} {lens:?}", tell(n as isize, &[]))
    }
}

fn loopback(port: u16) -> sockaddr_in {
    // SAFETY: all zeros are an address.
    let mut to: sockaddr_in = unsafe { zeroed() };
    to.sin_family = libc::AF_INET as libc::sa_family_t;
    to.sin_port = port.to_be();
    to.sin_addr.s_addr = u32::from_be_bytes([127, 0, 0, 1]).to_be();
    to
}

fn sendto(fd: RawFd, len: usize, flags: c_int) -> String {
    let (bytes, to) = (vec![1u8; len], loopback(9));
    let address: *const sockaddr = (&raw const to).cast();
    let to_len = size_of_val(&to) as socklen_t;
    // SAFETY: a buffer and an address of that length.
    tell(unsafe { libc::sendto(fd, bytes.as_ptr().cast(), len, flags, address, to_len) }, &[])
}

fn connect(fd: RawFd, to: sockaddr_in, len: usize) -> String {
    // SAFETY: an address with as many bytes at least.
    tell(unsafe { libc::connect(fd, (&raw const to).cast(), len as socklen_t) } as isize, &[])
}

/// To somebody who listens, and again.
fn connect_twice(fd: RawFd) -> String {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let to = loopback(listener.local_addr().unwrap().port());
    let len = size_of_val(&to);
    let first = connect(fd, to, len);
    // A handshake that nobody waited for has ended by then.
    std::thread::sleep(std::time::Duration::from_millis(1));
    format!("{first}, {}", connect(fd, to, len))
}

fn accept(fd: RawFd, flags: Option<c_int>, with_address: bool) -> String {
    // SAFETY: room for every address.
    unsafe {
        let mut from: libc::sockaddr_storage = zeroed();
        let mut len = size_of_val(&from) as socklen_t;
        let (address, len): (*mut sockaddr, *mut socklen_t) = match with_address {
            true => ((&raw mut from).cast(), &raw mut len),
            false => (ptr::null_mut(), ptr::null_mut()),
        };
        let new = match flags {
            Some(flags) => libc::accept4(fd, address, len, flags),
            None => libc::accept(fd, address, len),
        };
        format!("{} {}", tell_new(new), if new < 0 { 0 } else { from.ss_family })
    }
}

const LONG: usize = 300_000;

// SAFETY (all below): null and other addresses that the kernel refuses, with which nothing is done besides.
#[rustfmt::skip]
#[allow(clippy::undocumented_unsafe_blocks)]
pub fn calls() -> Vec<(&'static str, Call)> {
    vec![
        ("read 0", |fd| read(fd, 0)),
        ("read 2", |fd| read(fd, 2)),
        ("read 64", |fd| read(fd, 64)),
        ("read into null", |fd| tell(unsafe { libc::read(fd, ptr::null_mut(), 8) }, &[])),
        ("read into nowhere", |fd| tell(unsafe { libc::read(fd, BAD, 8) }, &[])),
        ("__read_chk", |fd| { let mut buf = [0u8; 16]; let n = unsafe { __read_chk(fd, buf.as_mut_ptr().cast(), 16, 16) }; tell(n, &buf) }),
        ("read twice", |fd| match is_pollable_only(fd) { true => read(fd, 64), false => format!("{}, {}", read(fd, 64), read(fd, 64)) }),
        ("readv of none", |fd| readv(fd, &[], None)),
        ("readv of nothing", |fd| readv(fd, &[0, 0], None)),
        ("readv 1+0+20", |fd| readv(fd, &[1, 0, 20], None)),
        ("readv of too many", |fd| readv(fd, &[0; 1025], None)),
        ("readv of as many as may be", |fd| readv(fd, &[0; 1024], None)),
        ("readv of −1", |fd| readv(fd, &[1], Some(-1))),
        ("readv of null", |fd| tell(unsafe { libc::readv(fd, ptr::null(), 1) }, &[])),
        ("readv into null", |fd| { let one = iovec { iov_base: ptr::null_mut(), iov_len: 8 }; tell(unsafe { libc::readv(fd, &one, 1) }, &[]) }),
        ("readv of more than all", |fd| { let two = [iovec { iov_base: BAD, iov_len: usize::MAX }, iovec { iov_base: BAD, iov_len: 1 }]; tell(unsafe { libc::readv(fd, two.as_ptr(), 2) }, &[]) }),
        ("recv 0", |fd| recv(fd, 0, 0)),
        ("recv 2", |fd| recv(fd, 2, 0)),
        ("recv 64", |fd| recv(fd, 64, 0)),
        ("recv into null", |fd| tell(unsafe { libc::recv(fd, ptr::null_mut(), 8, 0) }, &[])),
        ("recv DONTWAIT", |fd| recv(fd, 64, libc::MSG_DONTWAIT)),
        ("recv PEEK", |fd| format!("{}, {}", recv(fd, 64, libc::MSG_PEEK), recv(fd, 64, libc::MSG_DONTWAIT))),
        ("recv WAITALL", |fd| recv(fd, 10, libc::MSG_WAITALL)),
        ("recv WAITALL, met", |fd| recv(fd, 3, libc::MSG_WAITALL)),
        ("recv WAITALL PEEK", |fd| recv(fd, 10, libc::MSG_WAITALL | libc::MSG_PEEK)),
        ("recv WAITALL DONTWAIT", |fd| recv(fd, 10, libc::MSG_WAITALL | libc::MSG_DONTWAIT)),
        ("recv WAITALL twice", |fd| format!("{}, {}", recv(fd, 10, libc::MSG_WAITALL), recv(fd, 10, 0))),
        ("recv TRUNC", |fd| recv(fd, 2, libc::MSG_TRUNC)),
        ("recv OOB", |fd| recv(fd, 2, libc::MSG_OOB)),
        ("recv ERRQUEUE", |fd| recv(fd, 2, libc::MSG_ERRQUEUE)),
        ("recv thrice", |fd| format!("{}, {}, {}", recv(fd, 64, 0), recv(fd, 64, 0), recv(fd, 64, 0))),
        ("__recv_chk", |fd| { let mut buf = [0u8; 16]; let n = unsafe { __recv_chk(fd, buf.as_mut_ptr().cast(), 16, 16, 0) }; tell(n, &buf) }),
        ("recvfrom", |fd| recvfrom(fd, 64, 0)),
        ("recvfrom 0", |fd| recvfrom(fd, 0, 0)),
        ("recvfrom TRUNC", |fd| recvfrom(fd, 1, libc::MSG_TRUNC)),
        ("recvfrom WAITALL", |fd| recvfrom(fd, 10, libc::MSG_WAITALL)),
        ("recvmsg", |fd| recvmsg(fd, &[1, 0, 20], 0)),
        ("recvmsg of none", |fd| recvmsg(fd, &[], 0)),
        ("recvmsg of too many", |fd| recvmsg(fd, &[0; 1025], 0)),
        ("recvmsg WAITALL", |fd| recvmsg(fd, &[2, 8], libc::MSG_WAITALL)),
        ("recvmsg CMSG_CLOEXEC PEEK", |fd| recvmsg(fd, &[2], libc::MSG_PEEK | libc::MSG_CMSG_CLOEXEC)),
        ("recvmsg of null", |fd| tell(unsafe { libc::recvmsg(fd, ptr::null_mut(), 0) }, &[])),
        ("recvmsg of far too many", |fd| unsafe { let mut one = iovec { iov_base: BAD, iov_len: 1 }; let mut m: msghdr = zeroed(); m.msg_iov = &mut one; m.msg_iovlen = (1 << 32) + 1; tell(libc::recvmsg(fd, &mut m, 0), &[]) }),
        ("recvmsg of buffers at null", |fd| unsafe { let mut m: msghdr = zeroed(); m.msg_iovlen = 2; tell(libc::recvmsg(fd, &mut m, 0), &[]) }),
        ("recvmmsg", |fd| recvmmsg(fd, 1, 0)),
        ("recvmmsg WAITFORONE", |fd| recvmmsg(fd, 4, libc::MSG_WAITFORONE)),
        ("recvmmsg, some", |fd| recvmmsg(fd, 4, 0)),
        ("recvmmsg DONTWAIT", |fd| recvmmsg(fd, 4, libc::MSG_DONTWAIT)),
        ("recvmmsg of none", |fd| recvmmsg(fd, 0, 0)),
        ("recvmmsg of null", |fd| tell(unsafe { libc::recvmmsg(fd, ptr::null_mut(), 1, 0, ptr::null_mut()) } as isize, &[])),
        ("write 0", |fd| write(fd, 0)),
        ("write 3", |fd| write(fd, 3)),
        ("write 8", |fd| write(fd, 8)),
        ("write twice", |fd| twice(write(fd, 8), || write(fd, 8))),
        ("write from null", |fd| tell(unsafe { libc::write(fd, ptr::null(), 8) }, &[])),
        ("writev of none", |fd| writev(fd, &[], None)),
        ("writev of nothing", |fd| writev(fd, &[0, 0], None)),
        ("writev 1+0+7", |fd| writev(fd, &[1, 0, 7], None)),
        ("writev of too many", |fd| writev(fd, &[0; 1025], None)),
        ("writev of −1", |fd| writev(fd, &[1], Some(-1))),
        ("writev of null", |fd| tell(unsafe { libc::writev(fd, ptr::null(), 1) }, &[])),
        ("send 0", |fd| send(fd, 0, 0)),
        ("send 8", |fd| send(fd, 8, 0)),
        ("send DONTWAIT", |fd| send(fd, 8, libc::MSG_DONTWAIT)),
        ("send OOB", |fd| send(fd, 1, libc::MSG_OOB)),
        ("send from null", |fd| tell(unsafe { libc::send(fd, ptr::null(), 8, 0) }, &[])),
        ("send twice", |fd| twice(send(fd, 8, libc::MSG_NOSIGNAL), || send(fd, 8, libc::MSG_NOSIGNAL))),
        ("sendto", |fd| sendto(fd, 8, 0)),
        ("sendto FASTOPEN", |fd| sendto(fd, 8, libc::MSG_FASTOPEN)),
        ("sendmsg", |fd| sendmsg(fd, &[1, 0, 7], 0)),
        ("sendmsg of none", |fd| sendmsg(fd, &[], 0)),
        ("sendmsg of too many", |fd| sendmsg(fd, &[0; 1025], 0)),
        ("sendmsg of null", |fd| tell(unsafe { libc::sendmsg(fd, ptr::null(), 0) }, &[])),
        ("sendmmsg", |fd| sendmmsg(fd, 3, 0)),
        ("sendmmsg of none", |fd| sendmmsg(fd, 0, 0)),
        ("sendmmsg of null", |fd| tell(unsafe { libc::sendmmsg(fd, ptr::null_mut(), 1, 0) } as isize, &[])),
        ("accept", |fd| accept(fd, None, true)),
        ("accept without an address", |fd| accept(fd, None, false)),
        ("accept4", |fd| accept(fd, Some(libc::SOCK_NONBLOCK | libc::SOCK_CLOEXEC), true)),
        ("accept4, bad flags", |fd| accept(fd, Some(1), true)),
        ("accept, bad address", |fd| tell_new(unsafe { libc::accept(fd, BAD.cast(), BAD.cast()) })),
        ("connect", |fd| { let to = loopback(1); connect(fd, to, size_of_val(&to)) }),
        ("connect, short address", |fd| connect(fd, loopback(1), 1)),
        ("connect, long address", |fd| tell(unsafe { libc::connect(fd, [0u64; 64].as_ptr().cast(), 512) } as isize, &[])),
        ("connect to null", |fd| tell(unsafe { libc::connect(fd, ptr::null(), 16) } as isize, &[])),
        ("connect twice", connect_twice),
        ("write all", |fd| match is_stream(fd) { true => format!("{}, {}", count_all(fd), fate(write(fd, 8))), false => write(fd, if is_pollable_only(fd) { 8 } else { LONG }) }),
    ]
}

/// A stream socket takes an amount that depends on the moment at which its peer goes.
fn count_all(fd: RawFd) -> String {
    // There from the beginning: the peer does not wait for it to be made.
    static BYTES: [u8; 8 << 20] = [1; 8 << 20];
    // SAFETY: a buffer of that length.
    match unsafe { libc::write(fd, BYTES.as_ptr().cast(), BYTES.len()) } {
        n if n > 0 => format!("all: {}", n == BYTES.len() as isize),
        n => tell(n, &[]),
    }
}

/// As above: whether there is room again.
fn fate(result: String) -> String {
    let closed = [libc::ECONNRESET, libc::EPIPE].map(|code| format!("error {code}"));
    if closed.contains(&result) { result } else { "open".into() }
}

fn is_stream(fd: RawFd) -> bool {
    let (mut kind, mut len) = (0, size_of::<c_int>() as socklen_t);
    let place = (&raw mut kind).cast::<c_void>();
    // SAFETY: room for a number.
    let found = unsafe { libc::getsockopt(fd, libc::SOL_SOCKET, libc::SO_TYPE, place, &mut len) };
    found == 0 && kind == libc::SOCK_STREAM
}

/// A terminal, an eventfd or the like, which has no end: what waits there more than once waits for ever.
fn is_pollable_only(fd: RawFd) -> bool {
    // SAFETY: room for what is filled.
    unsafe {
        let mut stat: libc::stat = zeroed();
        libc::fstat(fd, &mut stat) == 0 && matches!(stat.st_mode & libc::S_IFMT, libc::S_IFCHR | 0)
    }
}
