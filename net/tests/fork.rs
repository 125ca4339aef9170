//! Sockets in a forked child, which shares the parent's epoll instances.

mod common;

use common::*;
use std::io::Read;
use std::time::Duration;

#[test]
fn dropping_a_socket_in_a_forked_child_leaves_the_parents_registration() {
    let runtime = greenwood_runtime::Runtime::builder().workers(1).build().unwrap();
    watched("the parent", || {
        runtime.run(|| {
            let (mut client, server) = tcp_pair();
            client.set_read_timeout(Some(Duration::from_millis(5))).unwrap();
            client.read(&mut [0]).expect_err("registers the socket");
            client.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
            // SAFETY: the child drops a socket, and ends by `_exit`.
            let child = unsafe { libc::fork() };
            if child == 0 {
                drop(client);
                // SAFETY: ends the process without its exit handlers.
                unsafe { libc::_exit(0) };
            }
            // SAFETY: asks for no status.
            assert_eq!(unsafe { libc::waitpid(child, std::ptr::null_mut(), 0) }, child);
            let reading = greenwood_runtime::spawn(move || client.read(&mut [0]));
            while reading.coroutine().waits_for() != Some("read") {
                greenwood_runtime::yield_now();
            }
            write(&server, b"x");
            assert_eq!(reading.join().unwrap().expect("no event came"), 1);
        });
    });
}
