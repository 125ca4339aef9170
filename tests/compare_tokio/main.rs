//! The same scenario on tokio and on Greenwood ends with the same observable result.
//!
//! Each file holds one scenario, written twice, and the result that both must come to. Greenwood runs it in both modes, with one
//! worker and with two; tokio on both its schedulers.

mod harness;

mod accept_storm;
mod back_pressure;
mod cancel;
mod dns;
mod echo;
mod fan_in;
mod fan_out;
mod half_close;
mod nested;
mod outside;
mod panics;
mod reset;
mod timeouts;
mod timers;
mod udp_retry;
mod unix;
