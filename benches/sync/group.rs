//! Groups of coroutines that are waited for together.

mod greenwood;
mod others;

use crate::Case;
use crate::support::table::Target;

/// How many are in a group.
const MEMBERS: usize = 1000;

pub const CASES: &[Case] = &[Case {
    name: "group",
    label: "1000: spawn and join all",
    workers: 1,
    count: 1_000_000,
    target: Target::Tokio,
    go: Some("group"),
    measure: |job| {
        job.greenwood(greenwood::groups);
        job.tokio(others::tokio_groups);
        job.may(others::may_groups);
    },
}];
