//! Readers share the value, which a `Cell` does not bear.
use std::cell::Cell;
use std::sync::Arc;

use greenwood_runtime::sync::RwLock;

fn main() {
    let shared = Arc::new(RwLock::new(Cell::new(1)));
    greenwood_runtime::spawn(move || shared.read().set(2));
}
