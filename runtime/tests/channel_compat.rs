//! Code written for crossbeam-channel, compiled against it and against the channels here, on threads and on coroutines.
#![allow(clippy::all)] // All forms that the macros accept, sensible or not.

mod common;

mod crossbeam_on_threads {
    use crossbeam_channel as channel;
    use std::thread::{JoinHandle, sleep, spawn, yield_now};
    include!("channel_compat/scenarios.rs");
    include!("channel_compat/grammar.rs");
}

mod greenwood_on_threads {
    use greenwood_runtime::channel;
    use std::thread::{JoinHandle, sleep, spawn, yield_now};
    include!("channel_compat/scenarios.rs");
    include!("channel_compat/grammar.rs");
}

mod greenwood_on_coroutines {
    use greenwood_runtime::{JoinHandle, channel, sleep, spawn, yield_now};
    include!("channel_compat/scenarios.rs");
    include!("channel_compat/grammar.rs");
}

#[test]
fn the_model() {
    crossbeam_on_threads::scenarios();
    crossbeam_on_threads::grammar();
}

#[test]
fn on_threads() {
    let _watched = common::watchdog();
    greenwood_on_threads::scenarios();
    greenwood_on_threads::grammar();
}

#[test]
fn on_coroutines() {
    common::each_mode(|| {
        greenwood_on_coroutines::scenarios();
        greenwood_on_coroutines::grammar();
    });
}
