//! A lock makes no value fit for another thread.
use std::rc::Rc;
use std::sync::Arc;

use greenwood_runtime::sync::{Mutex, OnceLock};

fn main() {
    let shared = Arc::new(Mutex::new(Rc::new(1)));
    greenwood_runtime::spawn(move || drop(shared.lock()));
    let cell = Arc::new(OnceLock::from(Rc::new(1)));
    greenwood_runtime::spawn(move || drop(cell.get().cloned()));
}
