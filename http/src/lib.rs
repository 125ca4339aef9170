//! HTTP (skeleton).
