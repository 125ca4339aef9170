//! Reading, writing, connecting and accepting: calls on sockets, pipes, and whatever else can be polled.

mod accept;
mod close;
mod connect;
mod pipe;
mod read;
mod receive;
mod send;
mod splice;
mod transfer;
mod write;

use std::io;

use libc::c_int;

use crate::Patches;
use crate::glibc::descriptors::{self, Kind};
use crate::glibc::hook::{Hook, is_active};

pub(crate) use pipe::choose;
pub(crate) use transfer::transfer;

/// The kind of what `fd` stands for, if calls on such are patched.
#[inline]
fn kind(fd: c_int) -> Option<Kind> {
    descriptors::kind(fd).ok().filter(|&kind| is_patched(kind))
}

fn is_patched(kind: Kind) -> bool {
    is_active(if kind == Kind::File { Patches::FILES } else { Patches::IO })
}

/// Calls `f` with the kind of `fd`, None if it has none or calls on such are not patched; and again if what was remembered turns out to be
/// wrong.
#[inline]
fn with_kind<T>(fd: c_int, mut f: impl FnMut(Option<Kind>) -> io::Result<T>) -> io::Result<T> {
    descriptors::with_kind(fd, |kind| f(kind.filter(|&kind| is_patched(kind))))
}

/// All functions of this group.
pub(crate) fn hooks() -> impl Iterator<Item = &'static Hook> {
    [
        read::HOOKS,
        write::HOOKS,
        receive::HOOKS,
        send::HOOKS,
        accept::HOOKS,
        connect::HOOKS,
        close::HOOKS,
        splice::HOOKS,
        close::open::HOOKS,
    ]
    .into_iter()
    .flatten()
}
