//! Channels: disconnection from either side, and what becomes of messages that nobody receives.

mod channels;
mod common;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use channels::each_mix;
use common::each_mode;
use greenwood_runtime::channel::{
    RecvError, RecvTimeoutError, SendError, SendTimeoutError, TryRecvError, TrySendError, bounded,
    unbounded,
};

/// Counts its drops.
#[derive(Clone, Debug)]
struct Counted(Arc<AtomicUsize>);

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

#[test]
fn receivers_get_what_is_left_then_an_error() {
    each_mix(|mix| {
        let (s, r) = unbounded();
        s.send(1).unwrap();
        drop(s);
        assert_eq!((r.recv(), r.recv()), (Ok(1), Err(RecvError)));
        assert_eq!(r.try_recv(), Err(TryRecvError::Disconnected));
        assert_eq!(r.recv_timeout(Duration::MAX), Err(RecvTimeoutError::Disconnected));

        for capacity in [0, 3] {
            let (s, r) = bounded::<u8>(capacity);
            let receivers: Vec<_> = (0..4)
                .map(|n| {
                    let r = r.clone();
                    mix.start(n, move || r.recv())
                })
                .collect();
            drop(s);
            receivers.into_iter().for_each(|r| assert_eq!(r.join(), Err(RecvError)));
        }
    });
}

#[test]
fn senders_get_their_messages_back() {
    each_mix(|mix| {
        for capacity in [0, 1] {
            let (s, r) = bounded(capacity);
            (0..capacity).for_each(|_| s.send(99).unwrap());
            let senders: Vec<_> = (0..4)
                .map(|n| {
                    let s = s.clone();
                    mix.start(n, move || s.send(n))
                })
                .collect();
            drop(r);
            for (n, sender) in senders.into_iter().enumerate() {
                assert_eq!(sender.join(), Err(SendError(n)));
            }
            assert_eq!(s.try_send(5), Err(TrySendError::Disconnected(5)));
            assert_eq!(s.send_timeout(6, Duration::MAX), Err(SendTimeoutError::Disconnected(6)));
        }
    });
}

#[test]
fn each_message_is_dropped_once() {
    each_mode(|| {
        let drops = Arc::new(AtomicUsize::new(0));
        let (s, r) = unbounded();
        (0..5).for_each(|_| s.send(Counted(drops.clone())).unwrap());
        drop(r.recv());
        assert_eq!(drops.load(Ordering::Relaxed), 1);
        drop(r);
        assert_eq!(drops.load(Ordering::Relaxed), 5, "the last receiver takes them along");
        assert!(s.send(Counted(drops.clone())).is_err());
        assert_eq!(drops.load(Ordering::Relaxed), 6);

        let (s, r) = bounded(2);
        s.send(Counted(drops.clone())).unwrap();
        drop(s);
        drop(r);
        assert_eq!(drops.load(Ordering::Relaxed), 7);
    });
}

/// A message whose destructor enters the channel.
#[test]
fn messages_are_dropped_outside_the_lock() {
    each_mode(|| {
        struct Enters(greenwood_runtime::channel::Sender<Enters>);
        impl Drop for Enters {
            fn drop(&mut self) {
                assert!(self.0.len() <= 1 && self.0.is_empty());
            }
        }
        let (s, r) = bounded(1);
        assert!(s.send(Enters(s.clone())).is_ok());
        drop(r);
    });
}

/// All are dropped, and the first panic goes on.
#[test]
fn destructors_that_panic() {
    struct Panics(Arc<AtomicUsize>);
    impl Drop for Panics {
        fn drop(&mut self) {
            self.0.fetch_add(1, Ordering::Relaxed);
            std::panic::resume_unwind(Box::new(self.0.load(Ordering::Relaxed)));
        }
    }
    each_mode(|| {
        let drops = Arc::new(AtomicUsize::new(0));
        let (s, r) = unbounded();
        (0..3).for_each(|_| assert!(s.send(Panics(drops.clone())).is_ok()));
        let panic = std::panic::catch_unwind(move || drop(r)).unwrap_err();
        assert_eq!(panic.downcast_ref(), Some(&1usize));
        assert_eq!(drops.load(Ordering::Relaxed), 3);
    });
}
