//! Patterns, and paths that they match: what is right, `greenwood_http::reference` says.
#![no_main]

use greenwood_http::reference;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| reference::check_router(bytes));
