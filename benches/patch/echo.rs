//! The same echo server on greenwood::net and on std::net.

use std::io::{BufRead, BufReader};
use std::time::Duration;

use greenwood::Runtime;
use greenwood::patch::{Patches, install};

use crate::support::children::{self, report};
use crate::support::process::{cpu_time, nanos_each};

/// What a message may be read into.
const BUFFER: usize = 4096;

/// The same words for both modules, which have the same names in them.
macro_rules! serve {
    ($net:path, $connections:expr) => {{
        use std::io::{Read, Write};
        use $net as net;
        let listener = net::TcpListener::bind("127.0.0.1:0").unwrap();
        println!("{}", listener.local_addr().unwrap());
        let serve = |_| {
            let (mut stream, _) = listener.accept().unwrap();
            stream.set_nodelay(true).unwrap();
            greenwood::spawn(move || {
                let mut buf = [0; BUFFER];
                while let n @ 1.. = stream.read(&mut buf).unwrap() {
                    stream.write_all(&buf[..n]).unwrap();
                }
            })
        };
        let tasks: Vec<_> = (0..$connections).map(serve).collect();
        let start: Duration = cpu_time();
        tasks.into_iter().for_each(|task| task.join().unwrap());
        start
    }};
}

/// Serves until all connections have closed. Tells its address first.
pub fn measure(whose: &str, connections: usize, messages: usize) {
    let runtime = Runtime::builder().workers(1).build().unwrap();
    let start = match whose {
        "std" => {
            install(Patches::all()).unwrap();
            runtime.run(move || serve!(std::net, connections))
        }
        _ => runtime.run(move || serve!(greenwood::net, connections)),
    };
    report("cpu", nanos_each(messages, start));
}

/// Starts a server, which tells its address, and the load for it. Its CPU time a message in nanoseconds.
pub fn run(whose: &str, messages: &str) -> Result<f64, String> {
    let mut server = children::start(&[whose, messages]);
    let mut address = String::new();
    BufReader::new(server.stdout.as_mut().expect("a pipe")).read_line(&mut address).unwrap();
    let load = match address.trim_end() {
        "" => Ok(Default::default()),
        address => children::run(&["load", address, messages]),
    };
    if load.is_err() {
        server.kill().unwrap();
    }
    let samples = children::collect(server);
    load.and(samples).map(|samples| samples["cpu"])
}
