//! Events, notifications and barriers: who is told goes on.

use std::sync::atomic::AtomicUsize;
use std::time::Duration;

use greenwood_runtime::sync::{Barrier, Event, Notify};

use crate::random::{Patience, Random, Waits, any, count, read};

pub struct Signals {
    event: Event,
    event_waits: AtomicUsize,
    notify: Notify,
    notify_waits: AtomicUsize,
    calls: AtomicUsize,
    answers: AtomicUsize,
    barrier: Barrier,
    barrier_waits: AtomicUsize,
    leaders: AtomicUsize,
    led: AtomicUsize,
}

/// Of the barrier.
const SIZE: usize = 3;

impl Default for Signals {
    fn default() -> Signals {
        let zero = || AtomicUsize::new(0);
        Signals {
            event: Event::new(),
            event_waits: zero(),
            notify: Notify::new(),
            notify_waits: zero(),
            calls: zero(),
            answers: zero(),
            barrier: Barrier::new(SIZE),
            barrier_waits: zero(),
            leaders: zero(),
            led: zero(),
        }
    }
}

impl Signals {
    pub fn act(&self, random: &mut Random) {
        match random.below(8) {
            0 => self.event.set(),
            1 => self.event.reset(),
            2 | 3 => self.wait_for_event(random),
            4 => self.call(),
            5 | 6 => self.wait_for_call(random),
            _ => self.meet(random),
        }
    }

    fn wait_for_event(&self, random: &mut Random) {
        match random.patience() {
            Patience::None => {}
            Patience::Short(time) => drop(self.event.wait_timeout(time)),
            Patience::Endless => {
                let _waits = Waits::counted(&self.event_waits);
                self.event.wait();
            }
        }
    }

    fn call(&self) {
        count(&self.calls);
        self.notify.notify_one();
    }

    fn wait_for_call(&self, random: &mut Random) {
        let called = match random.patience() {
            Patience::None => self.notify.wait_timeout(Duration::ZERO),
            Patience::Short(time) => self.notify.wait_timeout(time),
            Patience::Endless => {
                let _waits = Waits::counted(&self.notify_waits);
                self.notify.wait();
                true
            }
        };
        if called {
            count(&self.answers);
        }
    }

    fn meet(&self, random: &mut Random) {
        let result = match random.patience() {
            Patience::Endless => {
                let _waits = Waits::counted(&self.barrier_waits);
                Some(self.barrier.wait())
            }
            _ => self.barrier.wait_timeout(random.short()),
        };
        self.met(result.map(|result| result.is_leader()));
    }

    fn met(&self, leads: Option<bool>) {
        match leads {
            Some(true) => count(&self.leaders),
            Some(false) => count(&self.led),
            None => {}
        }
    }

    pub fn pump(&self) {
        if any(&self.event_waits) && !self.event.is_set() {
            self.event.set();
        }
        if any(&self.notify_waits) {
            self.call();
        }
        if any(&self.barrier_waits) {
            let here = Duration::from_millis(1);
            std::thread::scope(|s| {
                s.spawn(|| self.met(self.barrier.wait_timeout(here).map(|r| r.is_leader())));
                self.met(self.barrier.wait_timeout(here).map(|r| r.is_leader()));
            });
        }
    }

    pub fn check(self) {
        let (calls, answers) = (read(&self.calls), read(&self.answers));
        assert!(answers <= calls, "{calls} calls, {answers} answers");
        assert_eq!(read(&self.led), read(&self.leaders) * (SIZE - 1), "those led by each leader");
    }
}
