//! Sharing thread-locals is a promise that the caller makes.
fn main() {
    let _ = greenwood_runtime::Runtime::builder().shared_thread_locals();
}
