//! Semaphores: with a permit for everyone, and eight coroutines for two permits.

mod greenwood;
mod others;

use crate::Case;
use crate::support::table::Target;

const MEMBERS: usize = 8;
const PERMITS: usize = 2;

pub const CASES: &[Case] = &[
    Case {
        name: "semaphore-uncontended",
        label: "uncontended, one worker",
        workers: 1,
        count: 10_000_000,
        target: Target::HalfOfTokio,
        go: Some("acquire"),
        measure: |job| {
            job.greenwood(greenwood::acquire);
            job.tokio(others::tokio_acquire);
            job.may(others::may_acquire);
        },
    },
    Case {
        name: "semaphore-contended",
        label: "8 for 2, yielding, one worker",
        workers: 1,
        count: 1_000_000,
        target: Target::HalfOfTokio,
        go: Some("permits"),
        measure: |job| {
            job.greenwood(greenwood::contend);
            job.tokio(others::tokio_contend);
            job.may(others::may_contend);
        },
    },
];
