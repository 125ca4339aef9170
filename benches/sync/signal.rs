//! Coroutines that wake each other: events, notifications, one-shot channels.

mod greenwood;
mod others;

use crate::Case;
use crate::support::table::Target;

pub const CASES: &[Case] = &[
    Case {
        name: "event",
        label: "event, round trip",
        workers: 1,
        count: 1_000_000,
        target: Target::HalfOfTokio,
        go: Some("event"),
        measure: |job| {
            job.greenwood(greenwood::events);
            job.tokio(others::tokio_notifies);
            job.may(others::may_semaphores);
        },
    },
    Case {
        name: "notify",
        label: "notify, round trip",
        workers: 1,
        count: 1_000_000,
        target: Target::HalfOfTokio,
        go: Some("notify"),
        measure: |job| {
            job.greenwood(greenwood::notifies);
            job.tokio(others::tokio_notifies);
            job.may(others::may_condvars);
        },
    },
    Case {
        name: "event-set",
        label: "event: set, wait, reset",
        workers: 1,
        count: 4_000_000,
        target: Target::HalfOfTokio,
        go: None,
        measure: |job| {
            job.greenwood(greenwood::event_sets);
            job.tokio(others::tokio_notify_sets);
        },
    },
    Case {
        name: "notify-set",
        label: "notify_one, wait",
        workers: 1,
        count: 4_000_000,
        target: Target::HalfOfTokio,
        go: None,
        measure: |job| {
            job.greenwood(greenwood::notify_sets);
            job.tokio(others::tokio_notify_sets);
        },
    },
    Case {
        name: "oneshot",
        label: "oneshot: new, send, receive",
        workers: 1,
        count: 4_000_000,
        target: Target::Tokio,
        go: Some("oneshot"),
        measure: |job| {
            job.greenwood(greenwood::oneshots);
            job.tokio(others::tokio_oneshots);
            job.may(others::may_oneshots);
        },
    },
];
