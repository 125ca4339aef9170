//! One program text, run against std and against this crate, must see the same results and errors.
#![allow(clippy::duplicate_mod, reason = "compiling one text twice is the test")]
#![allow(
    clippy::needless_borrows_for_generic_args,
    reason = "std's traits take references as well"
)]

mod common;

#[path = "same_code"]
mod on_std {
    /// std's names under the layout that the programs use.
    pub mod net {
        pub use std::net::*;
        pub use std::os::unix::net::{UnixDatagram, UnixListener, UnixStream};
    }

    #[path = "programs.rs"]
    pub mod programs;
}

#[path = "same_code"]
mod on_ours {
    pub mod net {
        pub use greenwood_net::*;
    }

    #[path = "programs.rs"]
    pub mod programs;
}

/// Runs every program of the list in all three places.
macro_rules! same {
    ($($program:ident)*) => {$(
        #[test]
        fn $program() {
            let expected = common::watched("std", on_std::programs::$program);
            assert!(!expected.is_empty(), "the program observed nothing");
            common::both(|| {
                let observed = on_ours::programs::$program();
                let place = if greenwood_runtime::may_switch() { "a coroutine" } else { "a thread" };
                assert_eq!(observed, expected, "on {place}");
            });
        }
    )*};
}

same! {
    binding
    connecting
    tcp_transfer
    tcp_end
    tcp_reset
    tcp_after_shutdown
    tcp_options
    empty_buffers
    time_outs
    non_blocking
    clones
    udp
    udp_options
    unix_streams
    unix_datagrams
    unix_addresses
    wrong_descriptors
    debug_texts
    addresses
}
