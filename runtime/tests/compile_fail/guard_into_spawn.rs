//! A guard stays with who locked, even in a scope.
use greenwood_runtime::sync::{Mutex, RwLock};

fn main() {
    let (mutex, lock) = (Mutex::new(1), RwLock::new(1));
    let (guard, reader, writer) = (mutex.lock(), lock.read(), lock.write());
    greenwood_runtime::scope(|s| {
        s.spawn(move || drop(guard));
        s.spawn(move || drop(reader));
        s.spawn(move || drop(writer));
    });
}
