//! A result may be taken on another thread.
fn main() {
    greenwood_runtime::spawn(|| std::rc::Rc::new(1));
}
