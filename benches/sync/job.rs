//! One measurement: the case's code in the one contender that this process is for.

use std::future::Future;
use std::time::{Duration, Instant};

use crate::crew::Elsewhere;
use crate::support::children::report;
use crate::support::contender::{Contender, on_may};
use crate::support::process::cpu_time;
use crate::support::table::Column;

/// What to measure. Each method runs `n` operations by its closure if this process is for that contender: a tenth of them to warm
/// up, then all by the clock. A few spawns and joins around a hundred thousand operations and more do not show.
pub struct Job {
    pub column: Column,
    pub workers: usize,
    pub count: usize,
}

impl Job {
    /// The same with a part of the operations, for a contender that takes very long for each.
    pub fn less(&self, divisor: usize) -> Job {
        Job { count: self.count / divisor, ..*self }
    }

    /// Greenwood, in this process's mode.
    pub fn greenwood(&self, run: impl Fn(usize) + Send) {
        if let Column::Contender(contender @ (Contender::Own | Contender::Shared)) = self.column {
            contender.on_greenwood(self.workers, || measure(self.count, run)).report();
        }
    }

    /// Tokio, with this process's scheduler. One current_thread runtime has one worker: for two there are two of them.
    pub fn tokio<F>(&self, run: impl Fn(usize) -> F + Send + Sync + 'static)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let Column::Contender(contender @ (Contender::TokioCurrent | Contender::Tokio)) =
            self.column
        else {
            return;
        };
        let two = contender == Contender::TokioCurrent && self.workers == 2;
        let elsewhere = two.then(Elsewhere::start);
        let count = self.count;
        let cost = contender.on_tokio(self.workers, async move {
            run(count / 10).await;
            let clock = Clock::start();
            run(count).await;
            clock.stop(count)
        });
        cost.report();
        drop(elsewhere);
    }

    /// may.
    pub fn may(&self, run: impl Fn(usize) + Send + 'static) {
        if self.column == Column::Contender(Contender::May) {
            let count = self.count;
            on_may(self.workers, move || measure(count, run)).report();
        }
    }

    /// OS threads.
    pub fn std(&self, run: impl Fn(usize)) {
        if self.column == Column::Std {
            measure(self.count, run).report();
        }
    }
}

fn measure(count: usize, run: impl Fn(usize)) -> Cost {
    run(count / 10);
    let clock = Clock::start();
    run(count);
    clock.stop(count)
}

struct Clock {
    cpu: Duration,
    wall: Instant,
}

impl Clock {
    fn start() -> Clock {
        Clock { cpu: cpu_time(), wall: Instant::now() }
    }

    fn stop(self, count: usize) -> Cost {
        let each = |time: Duration| time.as_nanos() as f64 / count as f64;
        Cost { cpu: each(cpu_time() - self.cpu), wall: each(self.wall.elapsed()) }
    }
}

/// Nanoseconds an operation: CPU time of the whole process, and by the clock on the wall.
struct Cost {
    cpu: f64,
    wall: f64,
}

impl Cost {
    fn report(self) {
        report("cpu", self.cpu);
        report("wall", self.wall);
    }
}
