//! With mimalloc, which keeps a heap per thread.

mod allocators;
mod common;

use greenwood_patch::NoYield;

#[global_allocator]
static ALLOCATOR: NoYield<mimalloc::MiMalloc> = NoYield(mimalloc::MiMalloc);
