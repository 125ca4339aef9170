//! `coroutine_local!`: one value a coroutine and a thread, in both modes.

mod common;

use std::cell::{Cell, RefCell};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use common::{each_mode, own};
use greenwood_runtime::{coroutine_local, sleep, spawn, yield_now};

coroutine_local! {
    static NUMBER: Cell<usize> = Cell::new(1);
    static TEXT: RefCell<String> = RefCell::new(String::from("new"));
    static FIRST: Counted = Counted { uses_second: true, count: RefCell::new(None) };
    static SECOND: Counted = Counted { uses_second: false, count: RefCell::new(None) };
}

struct Counted {
    uses_second: bool,
    count: RefCell<Option<Arc<AtomicUsize>>>,
}

impl Drop for Counted {
    fn drop(&mut self) {
        let count = self.count.take().unwrap();
        yield_now();
        count.fetch_add(1, Ordering::Relaxed);
        if self.uses_second {
            SECOND.with(|s| s.count.replace(Some(count)));
        }
    }
}

#[test]
fn each_has_its_own() {
    each_mode(|| {
        let handles: Vec<_> = (0..50)
            .map(|n| {
                spawn(move || {
                    NUMBER.with(|v| assert_eq!(v.replace(n), 1));
                    TEXT.with(|t| {
                        t.borrow_mut().push_str(&n.to_string());
                        yield_now();
                        assert_eq!(*t.borrow(), format!("new{n}"));
                    });
                    sleep(std::time::Duration::from_micros(50));
                    assert_eq!(NUMBER.with(Cell::get), n);
                })
            })
            .collect();
        handles.into_iter().for_each(|h| h.join().unwrap());
        assert_eq!(NUMBER.with(Cell::get), 1);
    });
    std::thread::spawn(|| {
        NUMBER.with(|v| v.set(4));
        own(1).run(|| assert_eq!(NUMBER.with(Cell::get), 1));
        assert_eq!(NUMBER.with(Cell::get), 4);
    })
    .join()
    .unwrap();
}

/// A destructor that waits, and uses another variable, which is dropped in turn: all before join returns.
#[test]
fn destructors_may_wait_and_use_others() {
    each_mode(|| {
        for _ in 0..20 {
            let dropped = Arc::new(AtomicUsize::new(0));
            let count = dropped.clone();
            spawn(move || FIRST.with(|f| f.count.replace(Some(count)))).join().unwrap();
            assert_eq!(dropped.load(Ordering::Relaxed), 2);
        }
    });
}

#[test]
fn an_initialiser_may_wait_and_use_itself() {
    coroutine_local! { static SLOW: usize = { yield_now(); NEXT.fetch_add(1, Ordering::Relaxed) }; }
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    each_mode(|| {
        let handles = [(); 10].map(|()| spawn(|| SLOW.with(|a| SLOW.with(|b| (*a, *b)))));
        let mut seen: Vec<_> = handles.into_iter().map(|h| h.join().unwrap()).collect();
        assert!(seen.iter().all(|(a, b)| a == b));
        seen.sort();
        seen.dedup();
        assert_eq!(seen.len(), 10);
    });
}
