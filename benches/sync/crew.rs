//! The coroutines or tasks of a case, dealt out to the workers where the contender can: member `i` to worker `i` modulo their number.

use std::future::Future;
use std::sync::OnceLock;
use std::thread;

use greenwood::Placement;
use tokio::runtime::Handle;
use tokio::task::JoinHandle;

use crate::support::Contender;
use crate::support::contender::go;

fn on_greenwood(index: usize, body: impl FnOnce() + Send + 'static) -> greenwood::JoinHandle<()> {
    let worker = Placement::Worker(index % greenwood::worker_count());
    greenwood::Builder::new().placement(worker).spawn(body).expect("spawn a coroutine")
}

/// Runs `members` coroutines of Greenwood to their end.
pub fn greenwood<B: FnOnce() + Send + 'static>(members: usize, member: impl Fn() -> B) {
    let handles: Vec<_> = (0..members).map(|index| on_greenwood(index, member())).collect();
    handles.into_iter().for_each(|handle| handle.join().unwrap());
}

/// So many of two kinds, `b`'s each a worker further than `a`'s: every pair is on two workers, and every worker has both kinds.
pub fn greenwood_pairs<A, B>(pairs: usize, a: impl Fn() -> A, b: impl Fn() -> B)
where
    A: FnOnce() + Send + 'static,
    B: FnOnce() + Send + 'static,
{
    let pair = |index| [on_greenwood(index, a()), on_greenwood(index + 1, b())];
    let handles: Vec<_> = (0..pairs).flat_map(pair).collect();
    handles.into_iter().for_each(|handle| handle.join().unwrap());
}

/// Two that differ.
pub fn greenwood_pair(a: impl FnOnce() + Send + 'static, b: impl FnOnce() + Send + 'static) {
    let (a, b) = (on_greenwood(0, a), on_greenwood(1, b));
    a.join().unwrap();
    b.join().unwrap();
}

/// The second runtime of a pair of tokio's current_thread ones, on a thread of its own until it is dropped.
pub struct Elsewhere {
    stop: Option<tokio::sync::oneshot::Sender<()>>,
    thread: Option<thread::JoinHandle<()>>,
}

static ELSEWHERE: OnceLock<Handle> = OnceLock::new();

impl Elsewhere {
    pub fn start() -> Elsewhere {
        let runtime = Contender::TokioCurrent.tokio(1);
        ELSEWHERE.set(runtime.handle().clone()).expect("one second runtime a process");
        let (stop, stopped) = tokio::sync::oneshot::channel();
        let thread = thread::spawn(move || {
            let _ = runtime.block_on(stopped);
        });
        Elsewhere { stop: Some(stop), thread: Some(thread) }
    }
}

impl Drop for Elsewhere {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            thread.join().unwrap();
        }
    }
}

/// The multi_thread scheduler has no way to say where: it moves tasks as it likes.
fn on_tokio(index: usize, body: impl Future<Output = ()> + Send + 'static) -> JoinHandle<()> {
    match ELSEWHERE.get() {
        Some(elsewhere) if index % 2 == 1 => elsewhere.spawn(body),
        _ => tokio::spawn(body),
    }
}

/// Runs `members` tasks of tokio to their end.
pub async fn tokio<F: Future<Output = ()> + Send + 'static>(
    members: usize,
    member: impl Fn() -> F,
) {
    let handles: Vec<_> = (0..members).map(|index| on_tokio(index, member())).collect();
    for handle in handles {
        handle.await.unwrap();
    }
}

/// So many of two kinds, like Greenwood's.
pub async fn tokio_pairs<A, B>(pairs: usize, a: impl Fn() -> A, b: impl Fn() -> B)
where
    A: Future<Output = ()> + Send + 'static,
    B: Future<Output = ()> + Send + 'static,
{
    let pair = |index| [on_tokio(index, a()), on_tokio(index + 1, b())];
    let handles: Vec<_> = (0..pairs).flat_map(pair).collect();
    for handle in handles {
        handle.await.unwrap();
    }
}

/// Two that differ.
pub async fn tokio_pair(
    a: impl Future<Output = ()> + Send + 'static,
    b: impl Future<Output = ()> + Send + 'static,
) {
    let (a, b) = (on_tokio(0, a), on_tokio(1, b));
    a.await.unwrap();
    b.await.unwrap();
}

/// Runs `members` coroutines of may to their end, wherever it likes.
pub fn may<B: FnOnce() + Send + 'static>(members: usize, member: impl Fn() -> B) {
    let handles: Vec<_> = (0..members).map(|_| go(member())).collect();
    handles.into_iter().for_each(|handle| handle.join().unwrap());
}

/// So many of two kinds.
pub fn may_pairs<A, B>(pairs: usize, a: impl Fn() -> A, b: impl Fn() -> B)
where
    A: FnOnce() + Send + 'static,
    B: FnOnce() + Send + 'static,
{
    let handles: Vec<_> = (0..pairs).flat_map(|_| [go(a()), go(b())]).collect();
    handles.into_iter().for_each(|handle| handle.join().unwrap());
}

/// Two that differ.
pub fn may_pair(a: impl FnOnce() + Send + 'static, b: impl FnOnce() + Send + 'static) {
    let (a, b) = (go(a), go(b));
    a.join().unwrap();
    b.join().unwrap();
}
