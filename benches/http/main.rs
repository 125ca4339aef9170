//! HTTP servers over loopback: Greenwood in both modes beside a bare epoll loop, hyper, may_minihttp and nginx. Linux.
//!
//! Every server is a process of its own, and the contenders take turns over several rounds, so that a busy spell of the
//! machine falls on all of them.

#[path = "../support/mod.rs"]
mod support;

mod allocations;
mod contender;
mod epoll;
mod instructions;
mod load;
mod options;
mod profile;
mod server;
mod servers;
mod table;

use options::{Named, Options};
use support::children;

const MEASUREMENTS: &[Named] = &[("instructions", "user instructions of a request, by valgrind")];

fn main() {
    if let Some(args) = children::is_child() {
        return servers::run(&args[1..]);
    }
    let mut options = Options::parse(MEASUREMENTS, 5);
    options.contenders.retain(|contender| {
        let installed = contender.is_installed();
        if !installed {
            println!("{} is not installed: skipped", contender.name());
        }
        installed
    });
    if options.wants("instructions") {
        instructions::run(&options);
        if options.profile {
            instructions::profile(&options);
        }
    }
}
