//! Who is compared, and how each runs a first coroutine or task.

use std::future::Future;

use greenwood::Runtime;

/// A runtime under test.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Contender {
    /// Greenwood, each coroutine with its own thread-locals.
    Own,
    /// Greenwood, coroutines sharing their worker's thread-locals.
    Shared,
    /// Tokio's current_thread scheduler.
    TokioCurrent,
    /// Tokio's multi_thread scheduler.
    Tokio,
    /// may.
    May,
}

impl Contender {
    pub const ALL: [Contender; 5] = [
        Contender::Own,
        Contender::Shared,
        Contender::TokioCurrent,
        Contender::Tokio,
        Contender::May,
    ];

    /// The column's head, and the name on a child's command line.
    pub fn name(self) -> &'static str {
        match self {
            Contender::Own => "own",
            Contender::Shared => "shared",
            Contender::TokioCurrent => "tokio-ct",
            Contender::Tokio => "tokio-mt",
            Contender::May => "may",
        }
    }

    pub fn parse(name: &str) -> Contender {
        let found = Contender::ALL.into_iter().find(|c| c.name() == name);
        found.unwrap_or_else(|| panic!("no contender is called {name}"))
    }

    pub fn is_tokio(self) -> bool {
        matches!(self, Contender::TokioCurrent | Contender::Tokio)
    }

    /// `count`, or what the contender can hold at once: each of may's stacks is two kernel mappings, and the default
    /// `vm.max_map_count` allows 65,530 of them.
    pub fn at_once(self, count: usize) -> usize {
        if self == Contender::May { count.min(30_000) } else { count }
    }

    /// A Greenwood runtime in this mode.
    pub fn greenwood(self, workers: usize) -> Runtime {
        let builder = Runtime::builder().workers(workers);
        let builder = match self {
            Contender::Own => builder,
            // SAFETY: the benchmarks' coroutines keep nothing in thread-locals over a wait.
            Contender::Shared => unsafe { builder.shared_thread_locals() },
            other => panic!("{} is not Greenwood", other.name()),
        };
        let runtime = builder.build().expect("start the runtime");
        assert_eq!(runtime.has_own_thread_locals(), self == Contender::Own);
        runtime
    }

    /// A tokio runtime of this kind.
    pub fn tokio(self, workers: usize) -> tokio::runtime::Runtime {
        let mut builder = match self {
            Contender::TokioCurrent => tokio::runtime::Builder::new_current_thread(),
            Contender::Tokio => tokio::runtime::Builder::new_multi_thread(),
            other => panic!("{} is not tokio", other.name()),
        };
        builder.worker_threads(workers).enable_all().build().expect("start the runtime")
    }

    /// Runs `body` in a coroutine of Greenwood.
    pub fn on_greenwood<T: Send>(self, workers: usize, body: impl FnOnce() -> T + Send) -> T {
        self.greenwood(workers).run(body)
    }

    /// Runs `body` in a spawned task: the future given to `block_on` itself would run outside the workers.
    pub fn on_tokio<T: Send + 'static>(
        self,
        workers: usize,
        body: impl Future<Output = T> + Send + 'static,
    ) -> T {
        let runtime = self.tokio(workers);
        runtime.block_on(runtime.spawn(body)).expect("the body does not panic")
    }
}

/// Runs `body` in a coroutine of may.
pub fn on_may<T: Send + 'static>(workers: usize, body: impl FnOnce() -> T + Send + 'static) -> T {
    may::config().set_workers(workers);
    // The others are not pinned either: a core that a neighbour uses would count against may alone.
    may::config().set_worker_pin(false);
    go(body).join().expect("the body does not panic")
}

/// Spawns a coroutine of may.
pub fn go<T: Send + 'static>(
    body: impl FnOnce() -> T + Send + 'static,
) -> may::coroutine::JoinHandle<T> {
    // SAFETY: the benchmarks' coroutines use no thread-locals over a switch, and little stack.
    unsafe { may::coroutine::spawn(body) }
}
