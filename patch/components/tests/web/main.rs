//! HTTP, WebSocket and TLS over std's sockets, and libcurl over its own.

mod cancel;
mod curl_easy;
mod native_tls_stream;
mod openssl_errors;
mod reqwest_blocking;
mod rustls_stream;
mod tungstenite_client;
mod ureq_agent;
