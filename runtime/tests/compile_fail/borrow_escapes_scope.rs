//! What children borrow outlives the scope, not just its body.
fn main() {
    greenwood_runtime::scope(|s| {
        let inner = String::from("in the body");
        s.spawn(|| println!("{inner}"));
    });
}
