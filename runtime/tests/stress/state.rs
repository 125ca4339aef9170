//! One-shot, watch and broadcast channels, with values that are counted too.

use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::time::Duration;

use greenwood_runtime::sync::{broadcast, oneshot, watch};
use greenwood_runtime::{scope, spawn, timeout, try_scope};

use crate::letters::Letter;
use crate::random::{Patience, Random, Waits, any, count, read};

pub struct States {
    watch: (watch::Sender<Version>, watch::Receiver<Version>),
    watching: AtomicUsize,
    broadcast: (broadcast::Sender<Version>, broadcast::Receiver<Version>),
    listening: AtomicUsize,
    number: AtomicUsize,
}

/// A letter with a number.
#[derive(Clone)]
struct Version(usize, #[allow(dead_code)] Arc<Letter>);

impl Version {
    fn new(number: usize) -> Version {
        Version(number, Arc::new(Letter::new(None)))
    }
}

impl Default for States {
    fn default() -> States {
        States {
            watch: watch::channel(Version::new(0)),
            watching: AtomicUsize::new(0),
            broadcast: broadcast::channel(4),
            listening: AtomicUsize::new(0),
            number: AtomicUsize::new(1),
        }
    }
}

impl States {
    pub fn act(&self, random: &mut Random) {
        match random.below(6) {
            0 => once(random),
            1 => self.change(random),
            2 => self.watch(random),
            3 => self.publish(),
            4 => self.listen(random),
            _ => family(random),
        }
    }

    fn change(&self, random: &mut Random) {
        let newer = |version: &mut Version| *version = Version::new(version.0 + 1);
        match random.below(3) {
            0 => self.watch.0.send_modify(newer),
            1 => self.watch.0.send_modify(|version| {
                random.pause();
                newer(version);
            }),
            _ => {
                self.watch.0.send_if_modified(|_| {
                    random.pause();
                    false
                });
            }
        }
    }

    fn watch(&self, random: &mut Random) {
        let mut receiver = self.watch.1.clone();
        let mut seen = receiver.borrow_and_update().0;
        for _ in 0..2 {
            let changed = match random.patience() {
                Patience::None => receiver.has_changed().unwrap(),
                Patience::Short(time) => receiver.changed_timeout(time).is_ok(),
                Patience::Endless => {
                    let _waits = Waits::counted(&self.watching);
                    receiver.changed().is_ok()
                }
            };
            let now = receiver.borrow_and_update().0;
            assert!(if changed { now > seen } else { now >= seen }, "{now} after {seen}");
            seen = now;
        }
    }

    fn publish(&self) {
        let number = self.number.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
        assert!(self.broadcast.0.send(Version::new(number)).is_ok());
    }

    fn listen(&self, random: &mut Random) {
        let mut receiver = self.broadcast.0.subscribe();
        for _ in 0..2 {
            match random.patience() {
                Patience::None => drop(receiver.try_recv()),
                Patience::Short(time) => drop(receiver.recv_timeout(time)),
                Patience::Endless => {
                    let _waits = Waits::counted(&self.listening);
                    drop(receiver.recv());
                }
            }
        }
    }

    pub fn pump(&self) {
        if any(&self.watching) {
            // Takes a lock whose holder may wait.
            let _ = timeout(Duration::from_millis(1), || {
                self.watch.0.send_modify(|version| *version = Version::new(version.0 + 1));
            });
        }
        if any(&self.listening) {
            self.publish();
        }
    }

    pub fn check(self) {
        assert!(!any(&self.watching) && !any(&self.listening));
        assert_eq!(self.watch.0.receiver_count(), 1);
        assert_eq!(self.broadcast.0.receiver_count(), 1);
        let old = read(&self.number);
        self.publish();
        let mut receiver = self.broadcast.1;
        let last = std::iter::from_fn(|| {
            loop {
                match receiver.try_recv() {
                    Ok(version) => return Some(version.0),
                    Err(broadcast::TryRecvError::Lagged(_)) => {}
                    Err(_) => return None,
                }
            }
        });
        assert_eq!(last.last(), Some(old));
    }
}

/// A value from a coroutine that is left to itself.
fn once(random: &mut Random) {
    let (sender, receiver) = oneshot::channel();
    let mut others = Random::new(random.next());
    let child = spawn(move || {
        others.pause();
        match others.below(6) {
            0 => drop(sender),
            1 => drop(sender.wait_closed_timeout(others.short())),
            _ => drop(sender.send(Letter::new(None))),
        }
    });
    match random.below(5) {
        0 => drop(receiver),
        1 => drop(receiver.recv_timeout(random.short())),
        2 => {
            receiver.close();
            drop(receiver.try_recv());
        }
        _ => drop(receiver.recv()),
    }
    match random.below(3) {
        0 => child.cancel(),
        1 => drop(child.join()),
        _ => {}
    }
    // What is left of it is counted by nobody but the letters.
}

/// Children that borrow, and are waited for whatever happens.
fn family(random: &mut Random) {
    let done = AtomicUsize::new(0);
    let (mut a, mut b) = (Random::new(random.next()), Random::new(random.next()));
    let work = |random: &mut Random| {
        let _letter = Letter::new(None);
        random.pause();
        random.pause();
        count(&done);
        Letter::new(None)
    };
    if random.one_in(2) {
        scope(|s| {
            let first = s.spawn(|| work(&mut a));
            s.spawn(|| work(&mut b));
            if random.one_in(3) {
                s.cancel();
            }
            if random.one_in(2) {
                drop(first.join());
            }
            random.pause();
        });
    } else {
        let failing = random.one_in(2);
        let _: Result<(), usize> = try_scope(|s| {
            let first = s.spawn(|| Ok(work(&mut a)));
            s.spawn(|| {
                let letter = work(&mut b);
                if failing { Err(read(&done)) } else { Ok(letter) }
            });
            if random.one_in(2) {
                drop(first.join());
            }
            random.pause();
            Ok(())
        });
    }
    assert!(read(&done) <= 2);
}
