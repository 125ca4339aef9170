//! The read-write lock, modelled: a writer is alone, no wake-up is lost, and whoever leaves leaves nothing behind.

use std::sync::Arc;
use std::time::Instant;

use loom::cell::UnsafeCell;
use loom::thread;

use super::raw::{Kind, RawRwLock};

struct Cell {
    lock: RawRwLock,
    value: UnsafeCell<u32>,
}

// SAFETY: the value is used under the lock; loom finds it out if not.
unsafe impl Sync for Cell {}
// SAFETY: as above.
unsafe impl Send for Cell {}

impl Cell {
    fn read(&self) {
        assert!(self.lock.lock(Kind::Read, None).is_ok());
        self.read_locked();
    }

    fn read_locked(&self) {
        // SAFETY: as above.
        self.value.with(|value| unsafe { *value });
        self.lock.unlock_read();
    }

    fn write(&self, deadline: Option<Instant>) {
        if self.lock.lock(Kind::Write, deadline).is_ok() {
            self.add();
            self.lock.unlock_write();
        }
    }

    fn add(&self) {
        // SAFETY: as above.
        self.value.with_mut(|value| unsafe { *value += 1 });
    }
}

fn model(f: impl Fn(&Arc<Cell>) + Sync + Send + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(2);
    builder.check(move || {
        let cell = Arc::new(Cell { lock: RawRwLock::new(), value: UnsafeCell::new(0) });
        f(&cell);
        assert!(cell.lock.is_as_new());
    });
}

fn on_thread(cell: &Arc<Cell>, f: impl Fn(&Cell) + 'static) -> thread::JoinHandle<()> {
    let cell = cell.clone();
    thread::spawn(move || f(&cell))
}

#[test]
fn loom_readers_and_a_writer() {
    model(|cell| {
        let others = [on_thread(cell, |c| c.write(None)), on_thread(cell, Cell::read)];
        cell.read();
        others.map(|o| o.join().unwrap());
    });
}

#[test]
fn loom_two_writers_and_a_reader() {
    model(|cell| {
        let others = [on_thread(cell, |c| c.write(None)), on_thread(cell, Cell::read)];
        cell.write(None);
        others.map(|o| o.join().unwrap());
    });
}

/// A writer whose time is over lets in the readers behind it, while the reader before it stays.
#[test]
fn loom_a_time_out_lets_readers_in() {
    model(|cell| {
        assert!(cell.lock.lock(Kind::Read, None).is_ok());
        let hasty = on_thread(cell, |c| c.write(Some(Instant::now())));
        let reader = on_thread(cell, Cell::read);
        reader.join().unwrap();
        hasty.join().unwrap();
        cell.read_locked();
    });
}

#[test]
fn loom_a_writer_becomes_a_reader() {
    model(|cell| {
        let others = [on_thread(cell, |c| c.write(None)), on_thread(cell, Cell::read)];
        assert!(cell.lock.lock(Kind::Write, None).is_ok());
        cell.add();
        cell.lock.downgrade();
        cell.read_locked();
        others.map(|o| o.join().unwrap());
    });
}
