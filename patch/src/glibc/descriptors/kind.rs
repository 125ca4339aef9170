//! What a descriptor stands for, as far as waiting goes.

use std::io;
use std::mem::MaybeUninit;

use libc::c_int;

/// How a call on a descriptor waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Kind {
    /// A TCP stream: a transfer of fewer bytes than asked for proves that there is nothing more (no more room).
    Tcp = 1,
    /// Another stream socket: receives stop at every change of ancillary data, so a short count proves nothing.
    Stream,
    /// A socket for messages. After a shutdown a blocking receive returns 0, where a non-blocking one says EAGAIN.
    Messages,
    Pipe,
    /// A terminal, eventfd, timerfd, inotify: can be polled, and calls on it cannot be kept from waiting otherwise.
    Pollable,
    /// A regular file, directory or block device: always ready for poll(2), however long the disk takes.
    File,
}

impl Kind {
    pub(super) fn from_number(number: u8) -> Option<Kind> {
        [Kind::Tcp, Kind::Stream, Kind::Messages, Kind::Pipe, Kind::Pollable, Kind::File]
            .into_iter()
            .find(|kind| *kind as u8 == number)
    }

    pub(crate) fn is_socket(self) -> bool {
        matches!(self, Kind::Tcp | Kind::Stream | Kind::Messages)
    }

    /// Asks the kernel.
    pub(super) fn of(fd: c_int) -> io::Result<Kind> {
        Ok(match stat(fd)?.st_mode & libc::S_IFMT {
            libc::S_IFSOCK => Kind::of_socket(fd),
            libc::S_IFIFO => Kind::Pipe,
            libc::S_IFREG | libc::S_IFDIR | libc::S_IFBLK => Kind::File,
            _ => Kind::Pollable,
        })
    }

    fn of_socket(fd: c_int) -> Kind {
        match option::<c_int>(fd, libc::SOL_SOCKET, libc::SO_TYPE) {
            Ok(libc::SOCK_STREAM) => match option::<c_int>(fd, libc::SOL_SOCKET, libc::SO_PROTOCOL)
            {
                Ok(libc::IPPROTO_TCP) => Kind::Tcp,
                _ => Kind::Stream,
            },
            _ => Kind::Messages,
        }
    }
}

/// fstat(2).
pub(crate) fn stat(fd: c_int) -> io::Result<libc::stat> {
    let mut stat = MaybeUninit::<libc::stat>::uninit();
    // SAFETY: the kernel fills the structure, whose address it is given, or fails.
    match unsafe { libc::fstat(fd, stat.as_mut_ptr()) } {
        // SAFETY: it has.
        0 => Ok(unsafe { stat.assume_init() }),
        _ => Err(io::Error::last_os_error()),
    }
}

/// A socket option whose value is a plain structure.
pub(crate) fn option<T: Default>(fd: c_int, level: c_int, name: c_int) -> io::Result<T> {
    let mut value = T::default();
    let mut len = size_of::<T>() as libc::socklen_t;
    // SAFETY: at most `len` bytes are written to a value that has as many; `T`s here are integers.
    match unsafe { libc::getsockopt(fd, level, name, (&raw mut value).cast(), &raw mut len) } {
        0 => Ok(value),
        _ => Err(io::Error::last_os_error()),
    }
}
