//! What a caller can get wrong is an error that names the value.

mod common;

use std::io::ErrorKind;

use common::{each_mode, own};
use greenwood_runtime::{Builder, MAX_STACK_SIZE, MIN_STACK_SIZE, Placement, Runtime};

#[track_caller]
fn names<T: std::fmt::Debug>(result: std::io::Result<T>, value: &str) {
    let error = result.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
    assert!(error.to_string().contains(value), "{error}");
}

#[test]
fn of_a_runtime() {
    let new = Runtime::builder;
    names(new().workers(0).build(), "0 workers");
    names(new().workers(1025).build(), "1025 workers");
    names(new().workers(usize::MAX).build(), &usize::MAX.to_string());
    for size in [0, MIN_STACK_SIZE - 1, MAX_STACK_SIZE + 1, usize::MAX] {
        names(new().workers(1).stack_size(size).build(), &size.to_string());
    }
    names(new().workers(2).paused_clock().build(), "workers(1)");
    names(new().workers(3).seed(1).build(), "3");
}

#[test]
fn of_a_coroutine() {
    each_mode(|| {
        for size in [0, MIN_STACK_SIZE - 1, MAX_STACK_SIZE + 1, usize::MAX] {
            names(Builder::new().stack_size(size).spawn(|| ()), &size.to_string());
        }
        names(Builder::new().placement(Placement::Worker(99)).spawn(|| ()), "99");
    });
    let runtime = own(2);
    let place = Builder::new().placement(Placement::Worker(2));
    names(runtime.spawn_with(place, || ()), "worker 2");
}

#[test]
fn the_limits_themselves_are_fine() {
    let runtime = Runtime::builder().workers(1).stack_size(MIN_STACK_SIZE).build().unwrap();
    assert_eq!(runtime.run(|| 1), 1);
    let large = Builder::new().stack_size(MAX_STACK_SIZE);
    assert_eq!(runtime.spawn_with(large, || 2).unwrap().join().unwrap(), 2);
    assert_eq!(runtime.spawn_with(Builder::new().name(""), || 3).unwrap().join().unwrap(), 3);
}
