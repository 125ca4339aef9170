//! Selects that found nothing ready.

use std::error::Error;
use std::fmt;

macro_rules! nothing_ready {
    ($($(#[$attr:meta])* $name:ident: $text:literal,)*) => {$(
        $(#[$attr])*
        #[derive(PartialEq, Eq, Clone, Copy, Debug)]
        pub struct $name;

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad($text)
            }
        }

        impl Error for $name {}
    )*};
}

nothing_ready! {
    /// What [`Select::try_select`](crate::channel::Select::try_select) fails with: every operation would have to wait.
    TrySelectError: "no operation of the select is ready",
    /// What [`Select::select_timeout`](crate::channel::Select::select_timeout) fails with: no operation became ready in time.
    SelectTimeoutError: "the time for the select is over",
    /// What [`Select::try_ready`](crate::channel::Select::try_ready) fails with: every operation would have to wait.
    TryReadyError: "no operation is ready",
    /// What [`Select::ready_timeout`](crate::channel::Select::ready_timeout) fails with: no operation became ready in time.
    ReadyTimeoutError: "the time for an operation to become ready is over",
}
