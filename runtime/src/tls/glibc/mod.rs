//! Thread-local blocks as glibc builds them on x86_64.

mod block;
mod facts;
mod keys;
mod register;
mod self_test;
mod threads;

use super::Unavailable;

pub(crate) use block::Block;
pub(crate) use facts::Facts;
pub(crate) use register::{go_home, resume_on, thread_pointer};
