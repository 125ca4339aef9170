//! Reading, writing, connecting and accepting: calls on sockets, pipes, and whatever else can be polled.

mod accept;
mod close;
mod connect;
mod pipe;
mod pollable;
mod read;
mod receive;
mod send;
mod splice;
mod transfer;
mod vectors;
mod write;

use crate::Patches;
use crate::descriptors::{self, Kind};
use crate::hook::{Hook, is_active};

pub(crate) use pipe::choose;
pub(crate) use transfer::transfer;
pub(crate) use vectors::total;

/// The kind of what `fd` stands for, if calls on such are patched.
#[inline]
fn kind(fd: libc::c_int) -> Option<Kind> {
    let kind = descriptors::kind(fd).ok()?;
    let group = if kind == Kind::File { Patches::FILES } else { Patches::IO };
    is_active(group).then_some(kind)
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
    ]
    .into_iter()
    .flatten()
}
