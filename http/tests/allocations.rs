//! A warm plain-text request costs no allocation.

mod support;

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::Duration;

use greenwood_http::middleware::Next;
use greenwood_http::observe::{AccessLog, Metrics};
use greenwood_http::{Backend, Builder, Handler, Request, Router, Server};
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

static SEEN: [AtomicUsize; 60] = [const { AtomicUsize::new(0) }; 60];

/// So many rounds make buffers, register the socket, and let the worker's lists grow.
const WARM_UP: usize = 40;

fn counted(round: &str) -> &'static str {
    SEEN[round.parse::<usize>().unwrap()].store(ALLOCATIONS.get(), SeqCst);
    "Hello, World!"
}

fn check(backend: Backend, handler: impl Handler) {
    check_with(Server::builder().backend(backend), handler);
}

fn check_with(builder: Builder, handler: impl Handler) {
    let server = support::TestServer::serving(builder, handler);
    let mut client = Client::connect(server.address);
    for round in 0..SEEN.len() {
        if round < WARM_UP / 4 {
            // So that the server waits for a request, and not only ever finds one.
            std::thread::sleep(Duration::from_millis(1));
        }
        client.send(format!(
            "GET /{round} HTTP/1.1\r\nHost: h\r\nUser-Agent: test\r\nAccept: */*\r\n\r\n"
        ));
        client.until("Hello, World!");
    }
    let seen: Vec<usize> = SEEN.iter().map(|n| n.swap(0, SeqCst)).collect();
    assert!(seen[0] > 0, "nothing is counted");
    assert_eq!(seen[WARM_UP], seen[SEEN.len() - 1], "{seen:?}");
}

/// One test, as there is one place where the counts are left.
#[test]
fn warm_requests_allocate_nothing() {
    for backend in BACKENDS {
        check(backend, |request: &mut Request<'_>| counted(&request.path()[1..]));
        let through = |request: &mut Request<'_>, next: Next<'_>| next.run(request);
        let fixed = (0..SEEN.len()).fold(Router::new(), |router, round| {
            router.get(&format!("/{round}"), {
                let name = round.to_string();
                move || counted(&name)
            })
        });
        let fixed = fixed.get("/{other}", || ()).with(through).with(through);
        check(backend, fixed.build().unwrap());
        let pattern = Router::new()
            .get("/{round}", |request: &mut Request<'_>| counted(&request.param("round").unwrap()));
        check(backend, pattern.build().unwrap());
        let log = AccessLog::new(std::io::sink()).unwrap();
        let observed = Server::builder().backend(backend).observer(log).observer(Metrics::new());
        check_with(observed, |request: &mut Request<'_>| counted(&request.path()[1..]));
    }
}
