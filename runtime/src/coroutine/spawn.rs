//! Spawning coroutines.

use std::io;
use std::panic::Location;
use std::sync::Arc;

use super::parent::{Child, Parent};
use super::task::{Header, Job, Joinable, Settings};
use super::{JoinHandle, Task};
use crate::stack;
use crate::worker;

/// Where a coroutine is to start. Once started, it stays on its worker.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Placement {
    /// On the worker that spawns it, unless one that is idle takes it first.
    #[default]
    Anywhere,
    /// On the worker that spawns it. Like `Anywhere` when spawned by an OS thread.
    Here,
    /// On the worker with this index, below [`worker_count`](crate::worker_count).
    Worker(usize),
}

/// Settings for a new coroutine, like [`std::thread::Builder`].
///
/// ```
/// # greenwood_runtime::run(|| {
/// let handle = greenwood_runtime::Builder::new()
///     .name("parser")
///     .stack_size(1 << 20)
///     .spawn(|| greenwood_runtime::current().unwrap().name().map(String::from))
///     .unwrap();
/// assert_eq!(handle.join().unwrap().as_deref(), Some("parser"));
/// # });
/// ```
#[derive(Debug, Clone, Default)]
#[must_use = "a builder does nothing until `spawn`"]
pub struct Builder {
    name: Option<String>,
    stack_size: Option<usize>,
    placement: Placement,
}

impl Builder {
    /// No name, the runtime's stack size, placed anywhere.
    pub fn new() -> Builder {
        Builder::default()
    }

    /// A name, shown in reports.
    pub fn name(mut self, name: impl Into<String>) -> Builder {
        self.name = Some(name.into());
        self
    }

    /// Usable bytes of the stack, rounded up to whole pages; memory is taken only as it is touched. Own thread-locals take a few
    /// KiB of it. Between [`MIN_STACK_SIZE`](crate::MIN_STACK_SIZE) and [`MAX_STACK_SIZE`](crate::MAX_STACK_SIZE).
    pub fn stack_size(mut self, bytes: usize) -> Builder {
        self.stack_size = Some(bytes);
        self
    }

    /// Where it starts.
    pub fn placement(mut self, placement: Placement) -> Builder {
        self.placement = placement;
        self
    }

    /// Spawns the coroutine. Does not suspend.
    ///
    /// # Errors
    /// `InvalidInput` for a stack size or a worker index that is out of range; what the OS says if the global runtime
    /// cannot be started.
    #[track_caller]
    pub fn spawn<F, T>(self, f: F) -> io::Result<JoinHandle<T>>
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
    {
        self.spawn_at(worker::Target::choose, f, Location::caller())
    }

    /// Spawns at the place that `choose` finds for the placement.
    pub(crate) fn spawn_at<F, T>(
        self,
        choose: impl FnOnce(Placement) -> io::Result<worker::Target>,
        f: F,
        spawned_at: &'static Location<'static>,
    ) -> io::Result<JoinHandle<T>>
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
    {
        // SAFETY: nothing is borrowed.
        unsafe { self.spawn_unchecked(choose, f, None, spawned_at) }
    }

    /// Spawns a child of `parent`.
    pub(crate) fn spawn_child<F, T>(
        self,
        parent: Arc<dyn Parent>,
        f: F,
        spawned_at: &'static Location<'static>,
    ) -> io::Result<JoinHandle<T>>
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
    {
        // SAFETY: nothing is borrowed.
        unsafe { self.spawn_unchecked(worker::Target::choose, f, Some(parent), spawned_at) }
    }

    /// Spawns without regard for lifetimes.
    ///
    /// # Safety
    /// What `f` and its result borrow outlives the coroutine's completion.
    pub(super) unsafe fn spawn_unchecked<'a, F, T>(
        self,
        choose: impl FnOnce(Placement) -> io::Result<worker::Target>,
        f: F,
        parent: Option<Arc<dyn Parent>>,
        spawned_at: &'static Location<'static>,
    ) -> io::Result<JoinHandle<T>>
    where
        F: FnOnce() -> T + Send + 'a,
        T: Send + 'a,
    {
        let reserved = self.stack_size.map(stack::reservation).transpose()?;
        let settings = (self.name.is_some() || reserved.is_some())
            .then(|| Box::new(Settings { name: self.name.map(String::into_boxed_str), reserved }));
        let target = choose(self.placement)?;
        // SAFETY: the caller's promise.
        Ok(unsafe { launch(f, Header::new(settings, spawned_at), parent, target) })
    }
}

/// Spawns a coroutine and returns its handle, like [`std::thread::spawn`]. Does not suspend.
///
/// Outside any runtime it goes to the global one, which starts at the first use with a worker for each core.
///
/// # Panics
/// If the global runtime cannot be started. Use [`Builder::spawn`] for an error.
///
/// ```
/// let handle = greenwood_runtime::spawn(|| 6 * 7);
/// assert_eq!(handle.join().unwrap(), 42);
/// ```
#[track_caller]
pub fn spawn<F, T>(f: F) -> JoinHandle<T>
where
    F: FnOnce() -> T + Send + 'static,
    T: Send + 'static,
{
    let target = worker::Target::choose(Placement::Anywhere)
        .unwrap_or_else(|e| panic!("the global runtime could not be started: {e}"));
    launch_in(target, f, Location::caller())
}

/// Spawns without further settings.
pub(crate) fn launch_in<F, T>(
    target: worker::Target,
    f: F,
    spawned_at: &'static Location<'static>,
) -> JoinHandle<T>
where
    F: FnOnce() -> T + Send + 'static,
    T: Send + 'static,
{
    // SAFETY: nothing is borrowed.
    unsafe { launch(f, Header::new(None, spawned_at), None, target) }
}

/// Hands a new job to a worker.
///
/// # Safety
/// As for [`Builder::spawn_unchecked`].
pub(super) unsafe fn launch<'a, F, T>(
    f: F,
    header: Header,
    parent: Option<Arc<dyn Parent>>,
    target: worker::Target,
) -> JoinHandle<T>
where
    F: FnOnce() -> T + Send + 'a,
    T: Send + 'a,
{
    let job: Arc<dyn Joinable<T> + 'a> = Arc::new(Job::new(f, header, parent.map(Child::of)));
    // SAFETY: only the lifetime changes; the caller sees to it that nothing borrowed is used after its end.
    let job: Arc<dyn Joinable<T>> = unsafe { std::mem::transmute(job) };
    let task: Arc<dyn Task> = job.clone();
    if let Some(child) = task.parent() {
        child.started(&task);
    }
    target.send(task);
    JoinHandle::new(job)
}
