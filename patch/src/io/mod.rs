//! Reading, writing, connecting and accepting: calls on sockets, pipes, and whatever else can be polled.

mod accept;
mod close;
mod connect;
mod pipe;
mod pollable;
mod read;
mod receive;
mod send;
mod transfer;
mod vectors;
mod write;

use crate::hook::Hook;

pub(crate) use pipe::choose;
pub(crate) use transfer::transfer;

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
    ]
    .into_iter()
    .flatten()
}
