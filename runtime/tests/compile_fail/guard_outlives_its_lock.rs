//! A guard borrows from its lock.
use greenwood_runtime::sync::{Mutex, RwLock};

fn main() {
    let guard = {
        let mutex = Mutex::new(1);
        mutex.lock()
    };
    let reader = {
        let lock = RwLock::new(1);
        lock.read()
    };
    drop((guard, reader));
}
