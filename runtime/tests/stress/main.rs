//! Everything at once: random operations on all primitives, with random time-outs and cancellations, after which all counts add up.
//!
//! `GREENWOOD_STRESS_SEED` and `GREENWOOD_STRESS_OPS` choose the numbers drawn and how many operations are done in all.

#[path = "../common/mod.rs"]
mod common;

mod channels;
mod crew;
mod letters;
mod locks;
mod permits;
mod random;
mod signals;
mod state;

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use common::{own, shared};
use crew::Crew;
use greenwood_runtime::Runtime;
use random::Random;

/// What the operations are done on.
#[derive(Default)]
struct World {
    /// The only kind of operation, if not all are to be done.
    focus: Option<u64>,
    locks: locks::Locks,
    permits: permits::Permits,
    channels: channels::Channels,
    signals: signals::Signals,
    state: state::States,
}

impl World {
    /// One operation.
    fn act(&self, random: &mut Random) {
        match self.focus.unwrap_or_else(|| random.below(8)) {
            0 | 1 => self.locks.act(random),
            2 => self.permits.act(random),
            3..=5 => self.channels.act(random),
            6 => self.signals.act(random),
            _ => self.state.act(random),
        }
    }

    /// Serves those who wait without a deadline, unless they should have been served already: they hang then.
    fn pump(&self) {
        self.locks.pump();
        self.channels.pump();
        self.signals.pump();
        self.state.pump();
    }

    /// Nobody is left: everything has to be at rest.
    fn check(self) {
        self.locks.check();
        self.permits.check();
        self.channels.check();
        self.signals.check();
        self.state.check();
        letters::check();
    }
}

fn setting(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|value| value.parse().expect("a number"))
}

/// Rounds with anything from a lonely thread to a crowd, over all primitives or a few: where many meet, more goes wrong; where few do,
/// nobody comes by to make up for a wake-up that was lost.
fn stress(runtime: &Runtime, seed: u64, operations: u64) {
    eprintln!("{operations} operations, GREENWOOD_STRESS_SEED={seed}");
    let mut random = Random::new(seed);
    let mut left = operations;
    let mut ended = crew::Ended::default();
    while left > 0 {
        let operations = left.min(50 + random.below(4_000));
        left -= operations;
        let world = World { focus: random.one_in(2).then(|| random.below(8)), ..World::default() };
        let world = Arc::new(world);
        let crew = Crew::start(runtime, &world, &mut random, operations);
        while !crew.is_done() {
            world.pump();
            std::thread::sleep(Duration::from_micros(100));
        }
        crew.end(&mut ended);
        Arc::into_inner(world).expect("everybody has gone").check();
    }
    eprintln!("  {ended:?}");
}

/// One test, as it counts all letters of the process.
#[test]
fn everything_adds_up() {
    let clock = || SystemTime::UNIX_EPOCH.elapsed().unwrap().as_nanos() as u64;
    let seed = setting("GREENWOOD_STRESS_SEED").unwrap_or_else(clock);
    let operations = setting("GREENWOOD_STRESS_OPS").unwrap_or(200_000);
    crew::abort_on_panic(seed);
    let watch = crew::Watch::new(seed);
    stress(&own(2), seed, operations);
    stress(&shared().build().unwrap(), seed, operations / 4);
    watch.end();
}
