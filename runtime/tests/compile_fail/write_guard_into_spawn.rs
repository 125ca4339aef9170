//! A guard stays with who locked, even in a scope.
fn main() {
    let lock = greenwood_runtime::sync::RwLock::new(1);
    let guard = lock.write();
    greenwood_runtime::scope(|s| {
        s.spawn(move || drop(guard));
    });
}
