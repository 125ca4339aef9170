//! may_minihttp.

use std::io;
use std::net::TcpListener;

use may_minihttp::{HttpServer, HttpService, Request, Response};

use super::BODY;

#[derive(Clone)]
struct Hello;

impl HttpService for Hello {
    fn call(&mut self, _: Request, response: &mut Response) -> io::Result<()> {
        response.header("Content-Type: text/plain").body(BODY);
        Ok(())
    }
}

pub fn serve(workers: usize) {
    may::config().set_workers(workers);
    // The others are not pinned either: a core that a neighbour uses would count against may alone.
    may::config().set_worker_pin(false);
    // It does not tell which port it got, and so is told a free one.
    let free = TcpListener::bind("127.0.0.1:0").and_then(|l| l.local_addr()).expect("a free port");
    let server = HttpServer(Hello).start(free).expect("listen");
    super::announce(free);
    server.join().expect("no panic");
}
