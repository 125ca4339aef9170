//! A warm plain-text request costs no allocation.

mod support;

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use greenwood_http::{Request, Server};
use support::{BACKENDS, Client};

thread_local! {
    /// Of this OS thread, or of this coroutine where each has its own thread-locals.
    static ALLOCATIONS: Cell<usize> = const { Cell::new(0) };
}

struct Counting;

// SAFETY: every call goes on to the system's allocator unchanged; counting is a plain cell without
// initialiser or destructor, and so allocates nothing itself.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.set(ALLOCATIONS.get() + 1);
        // SAFETY: the caller's promise is passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        // SAFETY: the caller's promise is passed on.
        unsafe { System.dealloc(memory, layout) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

static SEEN: [std::sync::atomic::AtomicUsize; 20] =
    [const { std::sync::atomic::AtomicUsize::new(0) }; 20];

#[test]
fn warm_requests_allocate_nothing() {
    use std::sync::atomic::Ordering::SeqCst;

    for backend in BACKENDS {
        let server = support::TestServer::with(
            Server::builder().backend(backend),
            |request: &mut Request<'_>| {
                let round: usize = request.path()[1..].parse().unwrap();
                SEEN[round].store(ALLOCATIONS.get(), SeqCst);
                "Hello, World!"
            },
        );
        let mut client = Client::connect(server.address);
        for round in 0..SEEN.len() {
            client.send(format!(
                "GET /{round} HTTP/1.1\r\nHost: h\r\nUser-Agent: test\r\nAccept: */*\r\n\r\n"
            ));
            client.until("Hello, World!");
        }
        let seen: Vec<usize> = SEEN.iter().map(|n| n.load(SeqCst)).collect();
        assert!(seen[0] > 0, "nothing is counted");
        // The first two rounds make the buffers.
        assert_eq!(seen[2], seen[SEEN.len() - 1], "{seen:?}");
    }
}
