//! Greenwood, with default settings.

use greenwood::Runtime;
use greenwood::http::{Request, Server};

use super::BODY;
use crate::contender::Contender;

pub fn serve(contender: Contender, workers: usize) {
    let builder = Runtime::builder().workers(workers);
    let own = contender == Contender::Own;
    let builder = if own {
        builder
    } else {
        // SAFETY: the server and its handler keep nothing in thread-locals over a wait.
        unsafe { builder.shared_thread_locals() }
    };
    let runtime = builder.build().expect("start the runtime");
    assert_eq!(runtime.has_own_thread_locals(), own);
    let server = Server::bind("127.0.0.1:0").expect("listen");
    super::announce(server.local_addr().expect("an address"));
    runtime.run(|| server.serve(|_: &mut Request<'_>| BODY)).expect("serve");
}
