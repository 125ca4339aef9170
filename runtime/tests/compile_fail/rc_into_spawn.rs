//! A coroutine may start on another thread.
fn main() {
    let rc = std::rc::Rc::new(1);
    greenwood_runtime::spawn(move || println!("{rc}"));
}
