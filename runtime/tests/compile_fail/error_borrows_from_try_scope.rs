//! An error outlives the scope, so it borrows nothing from its body.
fn main() {
    let _: Result<(), &str> = greenwood_runtime::try_scope(|s| {
        let inner = String::from("in the body");
        s.spawn(|| Err::<(), _>("fine"));
        Err(inner.as_str())
    });
}
