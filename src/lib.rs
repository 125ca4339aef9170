//! Green threads for Rust (skeleton).
#[cfg(feature = "http")]
pub use greenwood_http as http;
pub use greenwood_net as net;
pub use greenwood_runtime::*;
