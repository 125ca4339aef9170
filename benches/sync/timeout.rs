//! Receives that must end within a time, and do.

mod greenwood;
mod others;

use std::time::Duration;

use crate::Case;
use crate::support::table::Target;

/// Far above what is waited.
const LIMIT: Duration = Duration::from_secs(60);

pub const CASES: &[Case] = &[
    Case {
        name: "timeout-ready",
        label: "the message is there",
        workers: 1,
        count: 1_000_000,
        target: Target::Tokio,
        go: Some("timeout-ready"),
        measure: |job| {
            job.greenwood(greenwood::ready);
            job.tokio(others::tokio_ready);
            job.may(others::may_ready);
        },
    },
    Case {
        name: "timeout-wait",
        label: "round trip, both receives so",
        workers: 1,
        count: 500_000,
        target: Target::Tokio,
        go: Some("timeout-wait"),
        measure: |job| {
            job.greenwood(greenwood::round_trips);
            job.tokio(others::tokio_round_trips);
            job.may(others::may_round_trips);
        },
    },
];
