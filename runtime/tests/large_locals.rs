//! A program with large thread-locals: they must fit beside the smallest stack. A program of its own, since their size is one per program.

mod common;

use std::cell::Cell;

use common::{in_child, own, text};
use greenwood_runtime::{Builder, MIN_STACK_SIZE, yield_now};

thread_local! { static LARGE: [Cell<u8>; 48 * 1024] = const { [const { Cell::new(3) }; 48 * 1024] }; }

#[test]
fn the_smallest_stack_is_usable_all_the_same() {
    let name = "the_smallest_stack_is_usable_all_the_same";
    let scenario = || {
        let runtime = own(1);
        if !runtime.has_own_thread_locals() {
            return;
        }
        for _ in 0..10 {
            let small = Builder::new().stack_size(MIN_STACK_SIZE);
            let body = || {
                let frame = std::hint::black_box([1u8; 16 * 1024]);
                yield_now();
                LARGE.with(|l| {
                    assert!(l.iter().all(|c| c.replace(9) == 3));
                });
                usize::from(frame[77])
            };
            assert_eq!(runtime.spawn_with(small, body).unwrap().join().unwrap(), 1);
        }
    };
    let Some(out) = in_child(name, scenario) else { return };
    assert!(out.status.success(), "{}", text(&out));
}
