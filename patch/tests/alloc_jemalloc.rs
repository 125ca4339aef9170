//! With jemalloc, whose arenas have pthread mutexes.

mod allocators;
mod common;

use greenwood_patch::NoYield;

#[global_allocator]
static ALLOCATOR: NoYield<tikv_jemallocator::Jemalloc> = NoYield(tikv_jemallocator::Jemalloc);
