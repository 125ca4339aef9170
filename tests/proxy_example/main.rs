//! `examples/proxy`, run as a program between real clients and servers that behave as the tests need.

mod answers;
mod broken;
mod harness;
mod large;
mod listening;
mod reuse;
mod streaming;
mod upgrade;

// Its pure parts, for their own tests: Cargo runs those of an example only in place of the program.
#[allow(dead_code, reason = "used by the program")]
#[path = "../../examples/proxy/args.rs"]
mod args;
#[allow(dead_code, reason = "used by the program")]
#[path = "../../examples/proxy/upstream/chunked.rs"]
mod chunked;
#[allow(dead_code, reason = "used by the program")]
#[path = "../../examples/proxy/fields.rs"]
mod fields;
#[allow(dead_code, reason = "used by the program")]
#[path = "../../examples/proxy/upstream/head.rs"]
mod head;
