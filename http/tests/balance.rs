//! Connections are spread over the workers, and stay so when some leave.

mod support;

use std::collections::HashMap;

use greenwood_http::{Request, Server};
use greenwood_runtime::{Runtime, worker_index};
use support::Client;

#[test]
fn no_worker_holds_more_than_its_share() {
    let server = Server::bind("127.0.0.1:0").unwrap();
    let (address, shutdown) = (server.local_addr().unwrap(), server.shutdown_handle());
    let thread = std::thread::spawn(move || {
        let runtime = Runtime::builder().workers(2).build().unwrap();
        let handler = |_: &mut Request<'_>| format!("worker {:?};", worker_index());
        runtime.run(|| server.serve(handler))
    });
    let mut clients: Vec<_> = (0..64).map(|_| Client::connect(address)).collect();
    for round in 0..3 {
        let mut held: HashMap<String, usize> = HashMap::new();
        for client in &mut clients {
            client.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
            client.until("worker ");
            *held.entry(client.until(";")).or_default() += 1;
        }
        assert_eq!(held.len(), 2, "round {round}: {held:?}");
        assert!(held.values().all(|&n| n <= 38), "round {round}: {held:?}");
        // Every other one leaves, and when the server has seen that, as many come.
        let mut at = 0;
        let leaving = clients.extract_if(.., |_| {
            at += 1;
            at % 2 == 0
        });
        for mut client in leaving {
            client.half_close();
            assert_eq!(client.rest(), "");
        }
        clients.extend((0..32).map(|_| Client::connect(address)));
    }
    drop(clients);
    shutdown.shutdown();
    thread.join().unwrap().unwrap();
}
