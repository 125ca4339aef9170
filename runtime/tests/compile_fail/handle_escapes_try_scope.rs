//! A scoped handle ends with its scope.
fn main() {
    let mut kept = None;
    let _: Result<(), ()> = greenwood_runtime::try_scope(|s| {
        kept = Some(s.spawn(|| Ok(1)));
        Ok(())
    });
    drop(kept);
}
