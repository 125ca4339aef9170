//! The measurements. Each returns its rows, for the summary.

mod accept;
mod allocations;
mod idle;
mod instructions;
mod requests;
mod syscalls;

use crate::options::{Named, Options};
use crate::table::Row;

pub const ALL: &[Named] = &[
    ("idle", "memory of an idle connection"),
    ("allocations", "heap allocations by request"),
    ("instructions", "user instructions by request, by valgrind"),
    ("load", "64 connections: user CPU time by request, p99"),
    ("pinned", "the same, server and client on one CPU: CPU time, compared"),
    ("pipelined", "16 requests at a time: CPU time, compared"),
    ("syscalls", "512 connections: system calls by request, by perf or strace"),
    ("accept", "CPU time of a connection with one request"),
];

/// Runs one of them.
pub fn run(name: &str, options: &Options) -> Vec<Row> {
    match name {
        "idle" => idle::run(options),
        "allocations" => allocations::run(options),
        "instructions" => instructions::run(options),
        "load" => requests::load(options),
        "pinned" => requests::pinned(options),
        "pipelined" => requests::pipelined(options),
        "syscalls" => syscalls::run(options),
        "accept" => accept::run(options),
        other => unreachable!("no measurement is called {other}"),
    }
}
