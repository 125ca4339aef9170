//! Running a future on the caller, so that async crates can be called.

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use crate::park::{self, Reason, Unparker, Woken};

/// Runs a future to its end on the calling coroutine or OS thread, and returns its output.
///
/// Suspends the calling coroutine (blocks the calling OS thread) while the future is pending, and lets the others run when the future wakes
/// itself. A cancelled caller unwinds, and drops the future with that; a future that becomes ready at the same time counts as completed.
/// Futures and wakers may be used from any thread, calls may nest. Allocates the waker, some 50 bytes.
///
/// This is an executor and no more. Channels, locks and other futures that are woken by whoever makes them ready work as they are, tokio's
/// `sync` among them. Futures that need a reactor or a timer need the one that they were written for, which has to run elsewhere. For tokio's, use
/// a runtime that works on OS threads of its own, by its handle:
///
/// ```
/// # greenwood_runtime::run(|| {
/// use std::time::Duration;
///
/// let (tell, told) = std::sync::mpsc::channel();
/// std::thread::spawn(move || {
///     let tokio = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
///     tell.send(tokio.handle().clone()).unwrap();
///     tokio.block_on(std::future::pending::<()>());
/// });
/// let tokio = told.recv().unwrap();
/// // Runs there, and is waited for here.
/// let answer = tokio.spawn(async { 42 });
/// assert_eq!(greenwood_runtime::block_on(answer).unwrap(), 42);
/// // Runs here, driven by that reactor. Not with shared thread-locals: others would find themselves in it.
/// greenwood_runtime::block_on(async {
///     let _entered = tokio.enter();
///     tokio::time::sleep(Duration::from_millis(1)).await;
/// });
/// # });
/// ```
///
/// # Panics
/// If the future does.
///
/// ```
/// # greenwood_runtime::run(|| {
/// let (send, receive) = async_channel::bounded(1);
/// greenwood_runtime::spawn(move || send.send_blocking("hello"));
/// assert_eq!(greenwood_runtime::block_on(receive.recv()), Ok("hello"));
/// # });
/// ```
pub fn block_on<F: Future>(future: F) -> F::Output {
    let signal = Arc::new(Signal { woken: AtomicBool::new(false), waits: park::unparker() });
    let waker = Waker::from(signal.clone());
    let mut cx = Context::from_waker(&waker);
    let mut future = pin!(future);
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut cx) {
            return output;
        }
        if signal.woken.load(Ordering::Acquire) {
            crate::yield_now();
            // The wait below is to return at once, and has to be, as it finds out whether the caller was cancelled. A wait in the future
            // itself may have used up the waker's unpark.
            signal.waits.unpark();
        }
        loop {
            match park::wait(&Reason("future"), None) {
                Woken::Interrupted(interrupt) => {
                    // Woken at the same time: it may have been completed.
                    if signal.take()
                        && let Poll::Ready(output) = future.as_mut().poll(&mut cx)
                    {
                        return output;
                    }
                    interrupt.unwind();
                }
                Woken::Unparked | Woken::TimedOut if signal.take() => break,
                Woken::Unparked | Woken::TimedOut => {}
            }
        }
    }
}

/// What the waker is made of.
struct Signal {
    /// Not lost when a wait inside the future takes the unpark.
    woken: AtomicBool,
    waits: Unparker,
}

impl Signal {
    fn take(&self) -> bool {
        self.woken.swap(false, Ordering::AcqRel)
    }
}

impl Wake for Signal {
    fn wake(self: Arc<Signal>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Signal>) {
        if !self.woken.swap(true, Ordering::AcqRel) {
            self.waits.unpark();
        }
    }
}
