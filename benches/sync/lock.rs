//! Locks: uncontended, and eight coroutines for one Mutex.

mod greenwood;
mod others;

use crate::Case;
use crate::support::table::Target;

/// How many contend.
const MEMBERS: usize = 8;

/// In the cases with yields each member yields in every so manieth of its critical sections.
const YIELD_EVERY: usize = 16;

/// On two workers these take long: so many times fewer operations measure them as well.
const LESS: usize = 8;

pub const CASES: &[Case] = &[
    Case {
        name: "lock-uncontended",
        label: "Mutex, uncontended",
        workers: 1,
        count: 20_000_000,
        target: Target::AtMost { own: 6.0, shared: 6.0 },
        go: Some("lock"),
        measure: |job| {
            job.greenwood(greenwood::lock);
            job.tokio(others::tokio_lock);
            job.may(others::may_lock);
            job.std(others::std_lock);
        },
    },
    Case {
        name: "lock-contended",
        label: "8 contend",
        workers: 1,
        count: 16_000_000,
        target: Target::AtMost { own: 10.0, shared: 10.0 },
        go: Some("contend"),
        measure: |job| {
            job.greenwood(|n| greenwood::contend(usize::MAX, n));
            job.tokio(|n| others::tokio_contend(usize::MAX, n));
            job.may(|n| others::may_contend(usize::MAX, n));
        },
    },
    Case {
        name: "lock-contended-yields",
        label: "  yielding in every 16th",
        workers: 1,
        count: 4_000_000,
        target: Target::Tokio,
        go: Some("contend-yields"),
        measure: |job| {
            job.greenwood(|n| greenwood::contend(YIELD_EVERY, n));
            job.tokio(|n| others::tokio_contend(YIELD_EVERY, n));
            job.may(|n| others::may_contend(YIELD_EVERY, n));
        },
    },
    Case {
        name: "lock-across",
        label: "8 contend, 2 workers",
        workers: 2,
        count: 16_000_000,
        target: Target::Tokio,
        go: Some("contend"),
        measure: |job| {
            job.greenwood(|n| greenwood::contend(usize::MAX, n));
            job.less(LESS).tokio(|n| others::tokio_contend(usize::MAX, n));
            job.less(LESS).may(|n| others::may_contend(usize::MAX, n));
        },
    },
    Case {
        name: "lock-across-yields",
        label: "  yielding in every 16th",
        workers: 2,
        count: 4_000_000,
        target: Target::Tokio,
        go: Some("contend-yields"),
        measure: |job| {
            job.greenwood(|n| greenwood::contend(YIELD_EVERY, n));
            job.less(LESS).tokio(|n| others::tokio_contend(YIELD_EVERY, n));
            job.less(LESS).may(|n| others::may_contend(YIELD_EVERY, n));
        },
    },
    Case {
        name: "rwlock-read",
        label: "RwLock, read, uncontended",
        workers: 1,
        count: 20_000_000,
        target: Target::Tokio,
        go: Some("read"),
        measure: |job| {
            job.greenwood(greenwood::read);
            job.tokio(others::tokio_read);
            job.may(others::may_read);
            job.std(others::std_read);
        },
    },
];
