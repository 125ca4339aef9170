//! HTTP servers over loopback: Greenwood in both modes beside a bare epoll loop, hyper, may_minihttp, nginx and Go. Linux.
//!
//! Every server is a process of its own. Where time is measured, the contenders take turns over several rounds, so that a
//! busy spell of the machine falls on all of them.

#[path = "../support/mod.rs"]
mod support;

mod allocator;
mod contender;
mod epoll;
mod load;
mod measure;
mod options;
mod process;
mod profile;
mod server;
mod servers;
mod table;

use options::Options;
use support::children;
use table::{Row, Table};

fn main() {
    if let Some(args) = children::is_child() {
        servers::run(&args);
    }
    let mut options = Options::parse(measure::ALL, 5);
    options.contenders.retain(|contender| match contender.prepare() {
        Ok(()) => true,
        Err(why) => {
            println!("{} is left out: {why}", contender.name());
            false
        }
    });
    println!(
        "Medians; in brackets the lowest and highest, or the quartiles of more than ten samples."
    );
    // Inherited by the servers.
    process::raise_descriptor_limit();
    let mut rows = Vec::new();
    for name in &options.only {
        rows.extend(measure::run(name, &options));
    }
    if options.only.len() > 1 {
        let rows: Vec<_> = rows.iter().map(Row::summary).collect();
        Table::new("summary").print(&rows.iter().collect::<Vec<_>>());
    }
}
