//! Many coroutines that sleep for random times: the cost of a timer and how late it is.

use std::time::{Duration, Instant};

use crate::support::children::report;
use crate::support::contender::{Contender, go, on_may};
use crate::support::process::{cpu_time, nanos_each};
use crate::support::table::percentile;

/// One wave's CPU time a sleeper in nanoseconds, and how late each was in microseconds.
struct Wave {
    cpu: f64,
    late: Vec<f64>,
}

/// Waves of `count` sleepers between 0 and 1 s. Between the first and the second all sleep at once, so that the second finds stacks
/// and memory for all of them in place: while the first starts, some of it has already ended.
pub fn measure(contender: Contender, workers: usize, count: usize) {
    let waves = match contender {
        Contender::Own | Contender::Shared => {
            contender.on_greenwood(workers, || WAVES.map(|wave| greenwood_wave(count, wave)))
        }
        Contender::TokioCurrent | Contender::Tokio => contender.on_tokio(workers, async move {
            [tokio_wave(count, 0).await, tokio_wave(count, 1).await, tokio_wave(count, 2).await]
        }),
        Contender::May => on_may(workers, move || WAVES.map(|wave| may_wave(count, wave))),
    };
    for (name, wave) in ["first", "all-at-once", "second"].iter().zip(waves) {
        report(&format!("{name}-cpu"), wave.cpu);
        report(&format!("{name}-late"), percentile(&wave.late, 0.5));
        report(&format!("{name}-late-99"), percentile(&wave.late, 0.99));
    }
}

fn greenwood_wave(count: usize, wave: u64) -> Wave {
    let before = cpu_time();
    let sleeper = |duration| {
        greenwood::spawn(move || {
            let asleep = Instant::now();
            greenwood::sleep(duration);
            lateness(asleep, duration)
        })
    };
    let handles: Vec<_> = durations(wave).take(count).map(sleeper).collect();
    let late = handles.into_iter().map(|handle| handle.join().unwrap()).collect();
    Wave { cpu: nanos_each(count, before), late }
}

async fn tokio_wave(count: usize, wave: u64) -> Wave {
    let before = cpu_time();
    let sleeper = |duration| {
        tokio::spawn(async move {
            let asleep = Instant::now();
            tokio::time::sleep(duration).await;
            lateness(asleep, duration)
        })
    };
    let handles: Vec<_> = durations(wave).take(count).map(sleeper).collect();
    let mut late = Vec::with_capacity(count);
    for handle in handles {
        late.push(handle.await.unwrap());
    }
    Wave { cpu: nanos_each(count, before), late }
}

fn may_wave(count: usize, wave: u64) -> Wave {
    let before = cpu_time();
    let sleeper = |duration| {
        go(move || {
            let asleep = Instant::now();
            may::coroutine::sleep(duration);
            lateness(asleep, duration)
        })
    };
    let handles: Vec<_> = durations(wave).take(count).map(sleeper).collect();
    let late = handles.into_iter().map(|handle| handle.join().unwrap()).collect();
    Wave { cpu: nanos_each(count, before), late }
}

/// Microseconds past the deadline; below 0 if it woke too early.
fn lateness(asleep: Instant, duration: Duration) -> f64 {
    (asleep.elapsed().as_secs_f64() - duration.as_secs_f64()) * 1e6
}

/// First, all at once, second.
const WAVES: [u64; 3] = [0, 1, 2];

/// Uniform between 0 and 1 s, the same for every contender (xorshift64*). In wave 1 two seconds longer than it takes to start them.
fn durations(wave: u64) -> impl Iterator<Item = Duration> {
    let mut state = (wave + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    let least = if wave == 1 { 2_000_000_000 } else { 0 };
    std::iter::repeat_with(move || {
        state ^= state >> 12;
        state ^= state << 25;
        state ^= state >> 27;
        let random = state.wrapping_mul(0x2545_F491_4F6C_DD1D);
        Duration::from_nanos(least + (random >> 11) % 1_000_000_000)
    })
}
