//! The macros: a list of arms is parsed, their channels are evaluated and borrowed, one is selected, and its arm is run.

/// Waits until one of several operations is ready, does it, and runs its arm.
///
/// The grammar is crossbeam-channel's, with `join`, `readable` and `writable` added to it. Arms are, in any order and number (some 30 at most):
/// - `recv(receiver) -> result => body`: the result is a `Result<T, RecvError>`.
/// - `send(sender, message) -> result => body`: the result is a `Result<(), SendError<T>>`. The message is evaluated only once the
///   operation has been selected. With a capacity of zero, a receiver that leaves while that takes its time leaves the send to wait for another,
///   in a select with `default` too.
/// - `join(handle) -> result => body`: the coroutine has finished. The handle is a variable, borrowed mutably, and the result what
///   [`JoinHandle::join`](crate::JoinHandle::join) returns. It is taken from the handle: to join it after that panics, and so does
///   another select on it.
/// - `readable(fd) -> result => body`, `writable(fd) -> result => body`: the descriptor, anything that is [`AsFd`](std::os::fd::AsFd), is
///   ready, as [`wait_readable`](crate::readiness::wait_readable) tells, or there is an error; the result is an [`io::Result<()>`](std::io::Result).
///   Each look at it is a system call.
/// - `default => body`: runs if no operation is ready now.
/// - `default(timeout) => body`: runs if none becomes ready within this [`Duration`](std::time::Duration). One `default` at most.
///
/// Bodies are blocks, with or without a comma after them, or expressions followed by a comma. Receivers and senders are expressions, evaluated
/// first, in order; what they name is borrowed. Results are bound to a pattern. All bodies have one type, that of the whole expression.
///
/// An operation is ready when it need not wait, also if that is because it would fail. Of several that are ready, any is taken, each
/// as likely: [`select_biased!`](crate::channel::select_biased) takes the first.
///
/// Suspends the calling coroutine while it waits, or blocks the calling OS thread; a cancelled caller unwinds, having done none of the operations.
///
/// ```
/// # greenwood_runtime::run(|| {
/// use std::time::Duration;
/// use greenwood_runtime::channel::{bounded, select, unbounded};
///
/// let (s, r) = unbounded();
/// let (full, _r) = bounded(0);
/// greenwood_runtime::spawn(move || s.send("hello"));
/// let text = select! {
///     recv(r) -> message => message.unwrap(),
///     send(full, 7) -> result => {
///         result.unwrap();
///         "sent"
///     }
///     default(Duration::from_secs(5)) => "too late",
/// };
/// assert_eq!(text, "hello");
///
/// // Work that can be stopped.
/// let (stop, stopped) = bounded::<()>(0);
/// let mut work = greenwood_runtime::spawn(|| 6 * 7);
/// select! {
///     join(work) -> result => assert_eq!(result.unwrap(), 42),
///     recv(stopped) -> _ => work.cancel(),
/// }
/// # drop(stop);
/// # });
/// ```
#[doc(hidden)]
#[macro_export]
macro_rules! __channel_select {
    ($($arms:tt)*) => {
        $crate::__channel_arms!(@parse false [] $($arms)*)
    };
}

/// [`select!`](crate::channel::select) that takes, of several operations that are ready, the one that comes first in the list.
///
/// ```
/// use greenwood_runtime::channel::{select_biased, unbounded};
///
/// let (s, r) = unbounded();
/// let (_urgent, important) = unbounded::<u8>();
/// s.send(1).unwrap();
/// select_biased! {
///     recv(important) -> _ => unreachable!(),
///     recv(r) -> message => assert_eq!(message, Ok(1)),
/// }
/// ```
#[doc(hidden)]
#[macro_export]
macro_rules! __channel_select_biased {
    ($($arms:tt)*) => {
        $crate::__channel_arms!(@parse true [] $($arms)*)
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __channel_arms {
    // Parses arms into `{operation (arguments) [pattern] {body}}`.
    (@parse $biased:ident []) => {
        ::std::compile_error!("a select needs an arm")
    };
    (@parse $biased:ident [$($arm:tt)+]) => {
        $crate::__channel_arms!(@open $biased [] [] $($arm)+)
    };
    (@parse $biased:ident [$($arm:tt)*] default => $($rest:tt)*) => {
        $crate::__channel_arms!(@parse $biased [$($arm)*] default() => $($rest)*)
    };
    (@parse $biased:ident [$($arm:tt)*]
        $operation:ident ($($args:tt)*) $(-> $result:pat)? => { $($body:tt)* }, $($rest:tt)*
    ) => {
        $crate::__channel_arms!(@parse $biased
            [$($arm)* {$operation ($($args)*) [$($result)?] {$($body)*}}] $($rest)*)
    };
    (@parse $biased:ident [$($arm:tt)*]
        $operation:ident ($($args:tt)*) $(-> $result:pat)? => $body:expr, $($rest:tt)*
    ) => {
        $crate::__channel_arms!(@parse $biased
            [$($arm)* {$operation ($($args)*) [$($result)?] {$body}}] $($rest)*)
    };
    (@parse $biased:ident [$($arm:tt)*]
        $operation:ident ($($args:tt)*) $(-> $result:pat)? => { $($body:tt)* } $($rest:tt)*
    ) => {
        $crate::__channel_arms!(@parse $biased
            [$($arm)* {$operation ($($args)*) [$($result)?] {$($body)*}}] $($rest)*)
    };
    (@parse $biased:ident [$($arm:tt)*]
        $operation:ident ($($args:tt)*) $(-> $result:pat)? => $body:expr
    ) => {
        $crate::__channel_arms!(@parse $biased
            [$($arm)* {$operation ($($args)*) [$($result)?] {$body}}])
    };
    (@parse $biased:ident [$($arm:tt)*] $($rest:tt)*) => {
        ::std::compile_error!(::std::concat!(
            "expected `recv(receiver) -> result => body`, `send(sender, message) -> result => body` or `default => body`, ",
            "with a comma after a body that is not a block, found `", ::std::stringify!($($rest)*), "`"
        ))
    };

    // Evaluates what the arms name, each into a variable of its own (hygiene tells them apart), for as long as the select takes.
    (@open $biased:ident $cases:tt $default:tt) => {
        $crate::__channel_arms!(@run $biased $cases $default)
    };
    (@open $biased:ident [$($case:tt)*] $default:tt
        {recv ($receiver:expr $(,)?) [$result:pat] $body:tt} $($arm:tt)*
    ) => {
        match $receiver {
            ref _receiver => {
                let _receiver: &$crate::channel::Receiver<_> = _receiver;
                let _station = $crate::channel::internal::Receives::new(_receiver);
                $crate::__channel_arms!(@open $biased
                    [$($case)* {recv _receiver (_station) [$result] $body}] $default $($arm)*)
            }
        }
    };
    (@open $biased:ident [$($case:tt)*] $default:tt
        {send ($sender:expr, $message:expr $(,)?) [$result:pat] $body:tt} $($arm:tt)*
    ) => {
        match $sender {
            ref _sender => {
                let _sender: &$crate::channel::Sender<_> = _sender;
                let _station = $crate::channel::internal::Sends::new(_sender);
                $crate::__channel_arms!(@open $biased
                    [$($case)* {send _sender (_station, $message) [$result] $body}] $default $($arm)*)
            }
        }
    };
    (@open $biased:ident [$($case:tt)*] $default:tt
        {join ($handle:expr $(,)?) [$result:pat] $body:tt} $($arm:tt)*
    ) => {
        match $handle {
            ref mut _handle => {
                let _handle: &mut $crate::JoinHandle<_> = _handle;
                let _joined = $crate::channel::internal::Joined::new(_handle);
                $crate::__channel_arms!(@open $biased
                    [$($case)* {join _joined () [$result] $body}] $default $($arm)*)
            }
        }
    };
    (@open $biased:ident [$($case:tt)*] $default:tt
        {readable ($fd:expr $(,)?) [$result:pat] $body:tt} $($arm:tt)*
    ) => {
        match $fd {
            ref _fd => {
                let _watched = $crate::channel::internal::Watched::readable(_fd);
                $crate::__channel_arms!(@open $biased
                    [$($case)* {readable _watched () [$result] $body}] $default $($arm)*)
            }
        }
    };
    (@open $biased:ident [$($case:tt)*] $default:tt
        {writable ($fd:expr $(,)?) [$result:pat] $body:tt} $($arm:tt)*
    ) => {
        match $fd {
            ref _fd => {
                let _watched = $crate::channel::internal::Watched::writable(_fd);
                $crate::__channel_arms!(@open $biased
                    [$($case)* {writable _watched () [$result] $body}] $default $($arm)*)
            }
        }
    };
    (@open $biased:ident $cases:tt []
        {default ($($timeout:expr $(,)?)?) [] $body:tt} $($arm:tt)*
    ) => {
        $crate::__channel_arms!(@open $biased $cases [($($timeout)?) $body] $($arm)*)
    };
    (@open $biased:ident $cases:tt [$($default:tt)+] {default $($wrong:tt)*} $($arm:tt)*) => {
        ::std::compile_error!("a select has one `default` arm at most")
    };
    (@open $biased:ident $cases:tt $default:tt
        {$operation:ident $args:tt [$($result:pat)?] $body:tt} $($arm:tt)*
    ) => {
        ::std::compile_error!(::std::concat!(
            "expected `recv(receiver) -> result`, `send(sender, message) -> result`, `join(handle) -> result`, `readable(fd) -> result`, ",
            "`writable(fd) -> result`, `default` or `default(timeout)`, found `",
            ::std::stringify!($operation $args $(-> $result)?), "`"
        ))
    };

    // A single receive needs no select.
    (@run $biased:ident [{recv $receiver:ident ($_station:ident) [$result:pat] $body:tt}] []) => {{
        let _received = $receiver.recv();
        let $result = _received;
        $body
    }};
    (@run $biased:ident [{recv $receiver:ident ($_station:ident) [$result:pat] $body:tt}] [() $default:tt]) => {
        match $receiver.try_recv() {
            ::std::result::Result::Err($crate::channel::TryRecvError::Empty) => $default,
            _received => {
                let _received = _received.map_err(|_| $crate::channel::RecvError);
                let $result = _received;
                $body
            }
        }
    };
    (@run $biased:ident
        [{recv $receiver:ident ($_station:ident) [$result:pat] $body:tt}] [($timeout:expr) $default:tt]
    ) => {
        match $receiver.recv_timeout($timeout) {
            ::std::result::Result::Err($crate::channel::RecvTimeoutError::Timeout) => $default,
            _received => {
                let _received = _received.map_err(|_| $crate::channel::RecvError);
                let $result = _received;
                $body
            }
        }
    };
    (@run $biased:ident [$({$operation:ident $end:ident $args:tt $($rest:tt)*})*] []) => {{
        let _selected = $crate::channel::internal::select_cases(
            &[$($crate::__channel_arms!(@case $operation $end $args)),*],
            $biased,
        );
        $crate::__channel_arms!(@complete _selected [] $({$operation $end $args $($rest)*})*)
    }};
    (@run $biased:ident [$({$operation:ident $end:ident $args:tt $($rest:tt)*})*] [() $default:tt]) => {
        match $crate::channel::internal::try_select_cases(
            &[$($crate::__channel_arms!(@case $operation $end $args)),*],
            $biased,
        ) {
            ::std::option::Option::None => $default,
            ::std::option::Option::Some(_selected) => {
                $crate::__channel_arms!(@complete _selected [] $({$operation $end $args $($rest)*})*)
            }
        }
    };
    (@run $biased:ident
        [$({$operation:ident $end:ident $args:tt $($rest:tt)*})*] [($timeout:expr) $default:tt]
    ) => {
        match $crate::channel::internal::select_cases_timeout(
            &[$($crate::__channel_arms!(@case $operation $end $args)),*],
            $timeout,
            $biased,
        ) {
            ::std::option::Option::None => $default,
            ::std::option::Option::Some(_selected) => {
                $crate::__channel_arms!(@complete _selected [] $({$operation $end $args $($rest)*})*)
            }
        }
    };

    // Completes the one that was selected. The list of `+ 1` is its index.
    (@complete $selected:ident [$($index:tt)*]) => {
        ::std::unreachable!("one of the arms was selected")
    };
    (@complete $selected:ident [$($index:tt)*]
        {$operation:ident $end:ident ($($args:tt)*) [$result:pat] $body:tt} $($case:tt)*
    ) => {
        if $selected.index() == 0usize $($index)* {
            let _done = $crate::__channel_arms!(@do $operation $selected $end $($args)*);
            let $result = _done;
            $body
        } else {
            $crate::__channel_arms!(@complete $selected [$($index)* + 1] $($case)*)
        }
    };

    // What is selected from, and how it is completed. A send's message is evaluated when the operation is there to be given up with it.
    (@case recv $end:ident ($station:ident)) => {
        $crate::channel::internal::Case::recv(&$station)
    };
    (@case send $end:ident ($station:ident, $($message:tt)*)) => {
        $crate::channel::internal::Case::send(&$station)
    };
    (@case $operation:ident $end:ident ()) => {
        $crate::channel::internal::Case::$operation(&$end)
    };
    (@do recv $selected:ident $end:ident $station:ident) => {
        $station.complete($selected)
    };
    (@do send $selected:ident $end:ident $station:ident, $message:expr) => {
        $station.operation($selected).send($end, $message)
    };
    (@do $operation:ident $selected:ident $end:ident) => {
        $end.complete($selected)
    };
}
