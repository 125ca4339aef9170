//! Where own thread-locals are not built: every machine but x86_64 Linux with glibc.

use corosensei::CoroutineResult;

use super::Unavailable;
use crate::coroutine::{RawCoroutine, Resume, Suspend};

/// Has no values.
#[derive(Debug)]
pub(crate) enum Facts {}

/// Has no values.
#[derive(Debug)]
pub(crate) enum Block {}

impl Facts {
    pub(super) fn discover() -> Result<Facts, Unavailable> {
        Err(Unavailable("only built for x86_64 Linux with glibc".into()))
    }
    pub(crate) fn block_size(&self) -> usize {
        match *self {}
    }
    pub(crate) fn block_owns_nothing(&self) -> bool {
        match *self {}
    }
    pub(crate) fn fsgsbase(&self) -> bool {
        match *self {}
    }
}

impl Block {
    pub(crate) unsafe fn build(_: usize, facts: &Facts) -> Result<Block, Unavailable> {
        match *facts {}
    }
    pub(crate) fn tp(&self) -> usize {
        match *self {}
    }
    pub(crate) fn bottom(&self, _: &Facts) -> usize {
        match *self {}
    }
    pub(crate) unsafe fn adopt(&self, _: &Facts, _: usize) {
        match *self {}
    }
    pub(crate) unsafe fn list_again(&self, _: &Facts) {
        match *self {}
    }
    pub(crate) unsafe fn reset(&self, _: &Facts) {
        match *self {}
    }
    pub(crate) unsafe fn destroy(self, _: &Facts) {
        match self {}
    }
    pub(crate) unsafe fn run_late_destructors(facts: &Facts) {
        match *facts {}
    }
    pub(crate) unsafe fn run_destructors(facts: &Facts) {
        match *facts {}
    }
}

pub(crate) unsafe fn go_home(_: usize, _: bool) {}

pub(crate) fn thread_pointer() -> usize {
    0
}

pub(crate) unsafe fn resume_on(
    coroutine: &mut RawCoroutine,
    input: Resume,
    _: usize,
    _: bool,
) -> CoroutineResult<Suspend, ()> {
    coroutine.resume(input)
}
