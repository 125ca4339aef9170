//! A guard stays with who locked, even in a scope.
fn main() {
    let mutex = greenwood_runtime::sync::Mutex::new(1);
    let guard = mutex.lock();
    greenwood_runtime::scope(|s| {
        s.spawn(move || drop(guard));
    });
}
