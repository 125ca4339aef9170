//! Heap allocations by request, as a counting allocator in the server sees them.

use crate::contender::Contender;
use crate::load::Load;
use crate::options::Options;
use crate::server::Server;
use crate::servers::Setup;
use crate::table::{Row, Table};

const CONNECTIONS: usize = 64;

/// The first ones make buffers and caches. Two runs are subtracted, so that starting does not count.
const FEW: usize = 10_000;
const MORE: usize = 100_000;

pub fn run(options: &Options) -> Vec<Row> {
    let mut row = Row::new("heap allocations").reach(0.0).decimals(3);
    for &contender in options.contenders.iter().filter(|c| c.is_built_in()) {
        eprintln!("allocations: {}", contender.name());
        let figure = count(contender, FEW).and_then(|few| {
            let many = count(contender, FEW + MORE)?;
            Ok((many - few) / MORE as f64)
        });
        row.add(contender, figure);
    }
    let mut table = Table::new("allocations: heap allocations a request, growing ones included");
    table.note(format!("{CONNECTIONS} connections, one worker, by Rust's global allocator."));
    table.print(&[&row]);
    vec![row]
}

fn count(contender: Contender, requests: usize) -> Result<f64, String> {
    let server = Server::start(contender, Setup { workers: 1, close: false, count: true })?;
    let asked = Load::connect(server.address, CONNECTIONS, 1).and_then(|mut load| {
        load.run(requests)?;
        Ok(load)
    });
    // Closes before the connections do.
    let samples = server.stop()?;
    asked.map_err(|error| error.to_string())?;
    samples.get("allocations").copied().ok_or("it has not counted".into())
}
