//! Select over four channels, of which always one has or gets a message, each in its turn.

mod greenwood;
mod others;

use crate::Case;
use crate::support::table::Target;

/// may starts a coroutine for each arm of each select: tens of microseconds.
const LESS: usize = 50;

pub const CASES: &[Case] = &[
    Case {
        name: "select-ready",
        label: "one is ready",
        workers: 1,
        count: 1_000_000,
        target: Target::HalfOfTokio,
        go: Some("select-ready"),
        measure: |job| {
            job.greenwood(greenwood::ready);
            job.tokio(others::tokio_ready);
            job.less(LESS).may(others::may_ready);
        },
    },
    Case {
        name: "select-wait",
        label: "waiting for one, and answering",
        workers: 1,
        count: 500_000,
        target: Target::HalfOfTokio,
        go: Some("select-wait"),
        measure: |job| {
            job.greenwood(greenwood::wait);
            job.tokio(others::tokio_wait);
            job.less(LESS).may(others::may_wait);
        },
    },
];
