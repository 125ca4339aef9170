//! Green threads for Rust (skeleton).
pub use greenwood_net as net;
pub use greenwood_runtime::*;
#[cfg(feature = "http")]
pub use greenwood_http as http;
