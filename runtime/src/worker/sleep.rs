//! What a worker does when nothing is ready: wait in the kernel, and give back memory that has long been unused.

use std::io;
use std::time::Duration;

use super::Worker;
use super::spin::LOOK;
use crate::stack;

/// With more timers than this pending, wake-ups are put on a grid: timers that are due within one step of it share one. A wake-up
/// costs more than all else about a timer, and somebody who has few of them wants them in time.
const MANY_TIMERS: usize = 64;

/// The step of that grid, in nanoseconds: three ticks of the timer wheel, so that half a step and the wheel's own rounding stay
/// well below 100 µs.
const GRID: u64 = 3 << 15;

/// How long the process's spare stacks stay unused before their pages go back.
const TRIM_AFTER: Duration = Duration::from_secs(10);

impl Worker {
    /// Waits until a socket is ready, a timer is due, or somebody rings.
    pub(super) fn sleep(&self) -> io::Result<()> {
        let due = {
            let timers = self.timers.borrow();
            let due = timers.next_expiry();
            if timers.len() > MANY_TIMERS {
                due.and_then(|d| d.checked_next_multiple_of(GRID))
            } else {
                due
            }
        };
        if self.clock.is_paused() {
            return self.sleep_by_paused_clock(due);
        }
        if self.spin.is_worth_it() {
            let found = self.look_for_messages(due);
            self.spin.tried(found);
            if found {
                return Ok(());
            }
        }
        let start = self.clock.now();
        let timeout = due.map(|due| Duration::from_nanos(due.saturating_sub(start)));
        // One worker looks after the process's spare stacks, for as long as there are any.
        let spare = if self.index == 0 { stack::warm() } else { (0, 0) };
        let trims = spare.0 > 0 && timeout.is_none_or(|t| t > TRIM_AFTER);
        let any = self.wait(if trims { Some(TRIM_AFTER) } else { timeout })?;
        if self.shared.inbox().is_pending() {
            self.spin.slept(self.clock.now() - start);
        }
        if trims && !any && stack::warm() == spare {
            // Batch by batch, so that what becomes ready meanwhile does not wait for all of them.
            while stack::trim_idle() && !self.wait(Some(Duration::ZERO))? {}
        }
        Ok(())
    }

    /// Looks for something to do, for a moment or until a timer is `due`.
    fn look_for_messages(&self, due: Option<u64>) -> bool {
        let end = (self.clock.now() + LOOK).min(due.unwrap_or(u64::MAX));
        loop {
            for _ in 0..16 {
                if self.shared.inbox().is_pending() || self.pool.has_new_work() {
                    return true;
                }
                std::hint::spin_loop();
            }
            if self.clock.now() >= end {
                return false;
            }
        }
    }

    /// Waits in the kernel. Says whether there were events, or work that kept it from waiting.
    fn wait(&self, timeout: Option<Duration>) -> io::Result<bool> {
        let shared = self.shared;
        self.pool.enter_sleep();
        shared.bell.prepare_to_sleep();
        let any = if shared.inbox().is_pending() || self.pool.has_new_work() {
            Ok(true)
        } else {
            shared.wait(&mut self.poller.borrow_mut(), timeout)
        };
        shared.bell.awake();
        self.pool.leave_sleep();
        any
    }

    /// In a paused clock time passes when there is nothing else to do: no socket ready, nothing running on other threads.
    fn sleep_by_paused_clock(&self, due: Option<u64>) -> io::Result<()> {
        let busy_elsewhere = self.pool.offloads() > 0;
        match due {
            Some(due) if !busy_elsewhere => {
                if !self.wait(Some(Duration::ZERO))? {
                    self.clock.advance_to(due);
                }
            }
            _ => {
                self.wait(None)?;
            }
        }
        Ok(())
    }
}
