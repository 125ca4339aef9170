//! A scoped handle ends with its scope.
fn main() {
    let mut kept = None;
    greenwood_runtime::scope(|s| {
        kept = Some(s.spawn(|| 1));
    });
    drop(kept);
}
