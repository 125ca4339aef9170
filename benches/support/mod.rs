//! What the benchmarks share: arguments, child processes, contenders, the process's own counters, tables.
#![allow(dead_code, unused_imports, reason = "each benchmark uses a part")]

pub mod children;
pub mod contender;
pub mod go;
pub mod options;
pub mod process;
pub mod table;

pub use contender::Contender;
pub use options::Options;
