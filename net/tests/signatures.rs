//! The same uses of every stable method and trait compile against std's types and ours.
#![allow(clippy::duplicate_mod, reason = "compiling one text twice is the test")]
#![allow(
    clippy::type_complexity,
    clippy::extra_unused_type_parameters,
    reason = "types and bounds are what is tested"
)]

#[path = "same_code"]
mod on_std {
    pub mod net {
        pub use std::net::*;
        pub use std::os::linux::net::SocketAddrExt;
        pub use std::os::unix::net::{UnixDatagram, UnixListener, UnixStream};
        pub mod unix {
            pub use std::os::unix::net::{Incoming, SocketAddr};
        }
    }

    #[path = "signatures.rs"]
    pub mod signatures;
}

#[path = "same_code"]
mod on_ours {
    pub mod net {
        pub use greenwood_net::linux::SocketAddrExt;
        pub use greenwood_net::*;
    }

    #[path = "signatures.rs"]
    pub mod signatures;
}

#[test]
fn both_have_the_same_traits() {
    assert_eq!(on_std::signatures::traits(), on_ours::signatures::traits());
}

#[test]
fn both_have_the_same_methods() {
    assert_eq!(on_std::signatures::methods(), on_ours::signatures::methods());
}
