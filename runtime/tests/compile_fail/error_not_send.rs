//! A child's error is returned on the parent's thread.
fn main() {
    let _ = greenwood_runtime::try_scope(|s| {
        s.spawn(|| Err::<(), _>(std::rc::Rc::new(1)));
        Ok(())
    });
}
