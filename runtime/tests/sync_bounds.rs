//! Which of the primitives may be sent and shared, and for which values.

use std::cell::Cell;
use std::panic::{RefUnwindSafe, UnwindSafe};

use greenwood_runtime::sync::{Event, Notify, OwnedPermit, Permit, Semaphore};
use greenwood_runtime::sync::{broadcast, oneshot, watch};

fn send<T: Send>() {}
fn sync<T: Sync>() {}
fn unwind_safe<T: UnwindSafe + RefUnwindSafe>() {}

macro_rules! assert_not_send {
    ($($t:ty),*) => {$(
        const _: fn() = || {
            // Ambiguous, and so an error, if the type is `Send`.
            trait Ambiguous<A> {
                fn f() {}
            }
            impl<T: ?Sized> Ambiguous<()> for T {}
            impl<T: ?Sized + Send> Ambiguous<u8> for T {}
            <$t as Ambiguous<_>>::f();
        };
    )*};
}

/// Values are used by several threads at once.
type Unshared = Cell<u8>;
/// Values stay on their thread.
type Unsent = std::rc::Rc<u8>;

assert_not_send!(oneshot::Sender<Unsent>, oneshot::Receiver<Unsent>);
assert_not_send!(watch::Sender<Unshared>, watch::Receiver<Unshared>);
assert_not_send!(broadcast::Sender<Unshared>, broadcast::Receiver<Unshared>);

#[test]
fn bounds() {
    send::<Semaphore>();
    sync::<Semaphore>();
    unwind_safe::<Semaphore>();
    send::<Permit<'_>>();
    sync::<Permit<'_>>();
    send::<OwnedPermit>();
    sync::<OwnedPermit>();
    send::<Event>();
    sync::<Event>();
    unwind_safe::<Event>();
    send::<Notify>();
    sync::<Notify>();
    unwind_safe::<Notify>();
    // The one value is moved, never shared.
    send::<oneshot::Sender<Unshared>>();
    sync::<oneshot::Sender<Unshared>>();
    send::<oneshot::Receiver<Unshared>>();
    sync::<oneshot::Receiver<Unshared>>();
    send::<watch::Sender<u8>>();
    sync::<watch::Sender<u8>>();
    send::<watch::Receiver<u8>>();
    sync::<watch::Receiver<u8>>();
    send::<broadcast::Sender<u8>>();
    sync::<broadcast::Sender<u8>>();
    send::<broadcast::Receiver<u8>>();
    sync::<broadcast::Receiver<u8>>();
}
