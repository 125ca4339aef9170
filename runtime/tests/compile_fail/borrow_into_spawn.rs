//! A coroutine may outlive the function that spawned it.
fn main() {
    let text = String::from("on this stack");
    greenwood_runtime::spawn(|| println!("{text}"));
}
