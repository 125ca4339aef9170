//! What children borrow outlives the scope, not just its body.
fn main() {
    let _: Result<(), ()> = greenwood_runtime::try_scope(|s| {
        let inner = String::from("in the body");
        s.spawn(|| Ok(println!("{inner}")));
        Ok(())
    });
}
