//! Variables of which each coroutine has its own, in both modes.

use std::any::Any;
use std::cell::RefCell;
use std::marker::PhantomData;
use std::rc::Rc;

use crate::context;

/// Declares variables of which each coroutine (and each OS thread) has its own, like [`std::thread_local!`].
///
/// With own thread-locals, `thread_local!` does the same and is faster; this also works with shared ones.
///
/// ```
/// use std::cell::Cell;
///
/// greenwood_runtime::coroutine_local! {
///     static DEPTH: Cell<u32> = Cell::new(0);
/// }
///
/// greenwood_runtime::run(|| {
///     DEPTH.with(|d| d.set(7));
///     let other = greenwood_runtime::spawn(|| DEPTH.with(Cell::get)).join().unwrap();
///     assert_eq!((DEPTH.with(Cell::get), other), (7, 0));
/// });
/// ```
#[macro_export]
macro_rules! coroutine_local {
    () => {};
    ($(#[$attr:meta])* $vis:vis static $name:ident: $t:ty = $init:expr; $($rest:tt)*) => {
        $crate::coroutine_local!($(#[$attr])* $vis static $name: $t = $init);
        $crate::coroutine_local!($($rest)*);
    };
    ($(#[$attr:meta])* $vis:vis static $name:ident: $t:ty = $init:expr) => {
        $(#[$attr])*
        $vis static $name: $crate::LocalKey<$t> = $crate::LocalKey::new({
            // An address to know the variable by. Not a constant, so that no two share one.
            static ANCHOR: ::std::sync::atomic::AtomicU8 = ::std::sync::atomic::AtomicU8::new(0);
            &ANCHOR
        }, || $init);
    };
}

/// A variable declared by [`coroutine_local!`](crate::coroutine_local), like [`std::thread::LocalKey`].
pub struct LocalKey<T: 'static> {
    anchor: &'static std::sync::atomic::AtomicU8,
    init: fn() -> T,
    _not_owned: PhantomData<fn() -> T>,
}

impl<T: 'static> LocalKey<T> {
    #[doc(hidden)]
    pub const fn new(anchor: &'static std::sync::atomic::AtomicU8, init: fn() -> T) -> LocalKey<T> {
        LocalKey { anchor, init, _not_owned: PhantomData }
    }

    /// Calls `f` with the caller's value, made by the initialiser at the first call. `f` may suspend.
    ///
    /// # Panics
    /// On an OS thread whose thread-locals are already gone.
    pub fn with<R>(&'static self, f: impl FnOnce(&T) -> R) -> R {
        // The map is not borrowed while user code (initialiser, `f`) runs: either may suspend, or use another variable.
        let value = with_map(|map| map.get(self.address())).unwrap_or_else(|| {
            let fresh: Rc<dyn Any> = Rc::new((self.init)());
            with_map(|map| map.insert_if_absent(self.address(), fresh))
        });
        f(value.downcast_ref::<T>().expect("the address stands for one variable, of one type"))
    }

    fn address(&self) -> usize {
        std::ptr::from_ref(self.anchor) as usize
    }
}

impl<T: 'static> std::fmt::Debug for LocalKey<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LocalKey").finish_non_exhaustive()
    }
}

/// One coroutine's (or thread's) values, few enough for a linear search.
#[derive(Default)]
pub(crate) struct LocalMap(RefCell<Vec<(usize, Rc<dyn Any>)>>);

impl LocalMap {
    fn get(&self, address: usize) -> Option<Rc<dyn Any>> {
        self.0.borrow().iter().find(|(a, _)| *a == address).map(|(_, v)| v.clone())
    }

    /// An initialiser may have used the variable itself: the first value stays.
    fn insert_if_absent(&self, address: usize, fresh: Rc<dyn Any>) -> Rc<dyn Any> {
        if let Some(present) = self.get(address) {
            return present;
        }
        self.0.borrow_mut().push((address, fresh.clone()));
        fresh
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.borrow().is_empty()
    }

    /// Drops the values, latest first, and those that their destructors make.
    pub(crate) fn clear(&self) {
        loop {
            let last = self.0.borrow_mut().pop();
            match last {
                Some(value) => drop(value),
                None => break,
            }
        }
        // Its memory too: nothing is left to free when the coroutine's last thread-locals are gone.
        self.0.take();
    }
}

fn with_map<R>(f: impl FnOnce(&LocalMap) -> R) -> R {
    thread_local! {
        static OF_THREAD: LocalMap = LocalMap::default();
    }
    match context::current() {
        Some(cx) => f(&cx.locals),
        None => OF_THREAD.with(f),
    }
}
