//! `sync::mpsc`: the same program with std's module and with ours.

mod common;

macro_rules! programs {
    ($name:ident, $mpsc:path, $spawn:path) => {
        mod $name {
            use std::sync::mpsc::{
                RecvError, RecvTimeoutError, SendError, TryRecvError, TrySendError,
            };
            use std::time::Duration;
            use $mpsc as mpsc;
            use $spawn as spawn;

            pub fn run() {
                let (s, r) = mpsc::channel();
                let senders: Vec<_> = (0..4)
                    .map(|n| {
                        let s = s.clone();
                        spawn(move || (0..50).for_each(|i| s.send(n * 50 + i).unwrap()))
                    })
                    .collect();
                drop(s);
                let mut got: Vec<i32> = r.iter().collect();
                got.sort_unstable();
                assert_eq!(got, (0..200).collect::<Vec<_>>());
                senders.into_iter().for_each(|s| s.join().unwrap());
                assert_eq!(r.recv(), Err(RecvError));
                assert_eq!(r.try_recv(), Err(TryRecvError::Disconnected));

                let (s, r) = mpsc::sync_channel(1);
                assert_eq!(s.try_send(1), Ok(()));
                assert_eq!(s.try_send(2), Err(TrySendError::Full(2)));
                assert_eq!(r.try_iter().collect::<Vec<i32>>(), [1]);
                assert_eq!(r.try_recv(), Err(TryRecvError::Empty));
                let soon = Duration::from_millis(1);
                assert_eq!(r.recv_timeout(soon), Err(RecvTimeoutError::Timeout));
                let sender = s.clone();
                let sends = spawn(move || (0..20).try_for_each(|i| sender.send(i)));
                assert_eq!((&r).into_iter().take(10).sum::<i32>(), 45);
                drop(r);
                assert!(sends.join().unwrap().is_err());
                assert_eq!(s.send(3), Err(SendError(3)));
                assert_eq!(s.try_send(4), Err(TrySendError::Disconnected(4)));

                let (s, r) = mpsc::sync_channel(0);
                let sends = spawn(move || (0..20).for_each(|i| s.send(i).unwrap()));
                assert_eq!(r.into_iter().sum::<i32>(), 190);
                sends.join().unwrap();
                let (s, r) = mpsc::channel::<()>();
                assert_eq!(format!("{s:?} {r:?}"), "Sender { .. } Receiver { .. }");
            }
        }
    };
}

programs!(std_on_threads, std::sync::mpsc, std::thread::spawn);
programs!(ours_on_threads, greenwood_runtime::sync::mpsc, std::thread::spawn);
programs!(ours_on_coroutines, greenwood_runtime::sync::mpsc, greenwood_runtime::spawn);

#[test]
fn same_on_all() {
    std_on_threads::run();
    let _watched = common::watchdog();
    ours_on_threads::run();
    common::each_mode(ours_on_coroutines::run);
}

/// Sent between threads, never shared.
#[test]
fn auto_traits() {
    use greenwood_runtime::sync::mpsc::{Receiver, Sender, SyncSender};
    use std::cell::Cell;
    fn send<T: Send>() {}
    fn send_sync<T: Send + Sync>() {}
    trait NotSync<A> {
        fn holds() {}
    }
    impl<T> NotSync<()> for T {}
    impl<T: Sync> NotSync<u8> for T {}
    send_sync::<Sender<Cell<u8>>>();
    send_sync::<SyncSender<Cell<u8>>>();
    send::<Receiver<Cell<u8>>>();
    // Ambiguous if it were.
    <Receiver<u8> as NotSync<_>>::holds();
}
