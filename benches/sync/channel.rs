//! Channels: two coroutines that answer each other, and producers that outrun nobody.

mod greenwood;
mod others;

use crate::Case;
use crate::support::Contender;
use crate::support::table::{Column, Target};

const AT_HOME: Target = Target::AtMost { own: 110.0, shared: 60.0 };

/// Both ends on one worker.
pub const ROUND_TRIPS: &[Case] = &[
    Case {
        name: "round-trip-unbounded",
        label: "unbounded",
        workers: 1,
        count: 1_000_000,
        target: AT_HOME,
        go: None,
        measure: |job| {
            job.greenwood(|n| greenwood::round_trips(None, n));
            job.tokio(others::tokio_round_trips);
            job.may(others::may_round_trips);
        },
    },
    Case {
        name: "round-trip-bounded",
        label: "bounded, 1",
        workers: 1,
        count: 1_000_000,
        target: AT_HOME,
        go: Some("round-trip-1"),
        measure: |job| {
            job.greenwood(|n| greenwood::round_trips(Some(1), n));
            job.tokio(others::tokio_bounded_round_trips);
        },
    },
    Case {
        name: "round-trip-rendezvous",
        label: "rendezvous",
        workers: 1,
        count: 1_000_000,
        target: AT_HOME,
        go: Some("round-trip-0"),
        measure: |job| job.greenwood(|n| greenwood::round_trips(Some(0), n)),
    },
];

/// Each end on a worker of its own, but for the last: there on whichever the scheduler gives it.
pub const CROSSINGS: &[Case] = &[
    Case {
        name: "crossing-unbounded",
        label: "unbounded",
        workers: 2,
        count: 100_000,
        target: Target::TokioCurrent,
        go: None,
        measure: |job| {
            job.greenwood(|n| greenwood::round_trips(None, n));
            job.tokio(others::tokio_round_trips);
            job.may(others::may_round_trips);
            job.std(others::std_round_trips);
        },
    },
    Case {
        name: "crossing-bounded",
        label: "bounded, 1",
        workers: 2,
        count: 100_000,
        target: Target::TokioCurrent,
        go: Some("round-trip-1"),
        measure: |job| {
            job.greenwood(|n| greenwood::round_trips(Some(1), n));
            job.tokio(others::tokio_bounded_round_trips);
            job.std(|n| others::std_bounded_round_trips(1, n));
        },
    },
    Case {
        name: "crossing-rendezvous",
        label: "rendezvous",
        workers: 2,
        count: 100_000,
        target: Target::None,
        go: Some("round-trip-0"),
        measure: |job| {
            job.greenwood(|n| greenwood::round_trips(Some(0), n));
            job.std(|n| others::std_bounded_round_trips(0, n));
        },
    },
    Case {
        name: "placed-anywhere",
        label: "unbounded, placed anywhere",
        workers: 2,
        count: 1_000_000,
        target: Target::Tokio,
        go: None,
        measure: |job| {
            job.greenwood(greenwood::round_trips_anywhere);
            // A pair of runtimes is dealt out.
            if job.column != Column::Contender(Contender::TokioCurrent) {
                job.tokio(others::tokio_round_trips);
            }
            job.may(others::may_round_trips);
        },
    },
];

/// Places in the channels of [`STREAMS`].
const PLACES: usize = 128;

/// One producer and one consumer, and four of each.
pub const STREAMS: &[Case] = &[
    Case {
        name: "stream-1-to-1",
        label: "1 to 1, one worker",
        workers: 1,
        count: 4_000_000,
        target: Target::Tokio,
        go: Some("stream-1"),
        measure: |job| {
            job.greenwood(|n| greenwood::stream(1, n));
            job.tokio(others::tokio_stream);
            job.may(others::may_stream);
        },
    },
    Case {
        name: "stream-4-to-4",
        label: "4 to 4, one worker",
        workers: 1,
        count: 4_000_000,
        target: Target::Tokio,
        go: Some("stream-4"),
        measure: |job| {
            job.greenwood(|n| greenwood::stream(4, n));
            job.tokio(|n| others::tokio_streams(4, n));
            job.may(|n| others::may_streams(4, n));
        },
    },
    Case {
        name: "stream-across-1-to-1",
        label: "1 to 1, two workers",
        workers: 2,
        count: 2_000_000,
        target: Target::Tokio,
        go: Some("stream-1"),
        measure: |job| {
            job.greenwood(|n| greenwood::stream(1, n));
            job.tokio(others::tokio_stream);
            job.may(others::may_stream);
        },
    },
    Case {
        name: "stream-across-4-to-4",
        label: "4 to 4, two workers",
        workers: 2,
        count: 2_000_000,
        target: Target::Tokio,
        go: Some("stream-4"),
        measure: |job| {
            job.greenwood(|n| greenwood::stream(4, n));
            job.tokio(|n| others::tokio_streams(4, n));
            job.may(|n| others::may_streams(4, n));
        },
    },
];
