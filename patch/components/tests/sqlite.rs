//! SQLite, whose busy handler sleeps between its tries for a lock that somebody else holds.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use greenwood_patch_components::{Others, join_all, patched, spawn_all, until};
use rusqlite::{Connection, TransactionBehavior};

/// A database's file, for one test.
struct Database(PathBuf);

impl Database {
    fn new(name: &str) -> Database {
        let file = format!("greenwood-sqlite-{}-{name}", std::process::id());
        let database = Database(std::env::temp_dir().join(file));
        database.open().execute_batch("create table counters (value integer)").unwrap();
        database.open().execute("insert into counters values (0)", ()).unwrap();
        database
    }

    fn open(&self) -> Connection {
        let connection = Connection::open(&self.0).unwrap();
        connection.execute_batch("pragma synchronous = off").unwrap();
        connection.busy_timeout(Duration::from_secs(100)).unwrap();
        connection
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

fn increment(connection: &Connection) {
    connection.execute("update counters set value = value + 1", ()).unwrap();
}

#[test]
fn the_busy_handler_lets_the_holder_finish() {
    let database = Database::new("busy");
    patched(move || {
        let database = Arc::new(database);
        let mut holder = database.open();
        let transaction = holder.transaction_with_behavior(TransactionBehavior::Immediate).unwrap();
        let begun = Arc::new(AtomicUsize::new(0));
        let writers = spawn_all(5, {
            let (database, begun) = (database.clone(), begun.clone());
            move |_| {
                let connection = database.open();
                begun.fetch_add(1, Ordering::Relaxed);
                increment(&connection);
            }
        });
        until(|| begun.load(Ordering::Relaxed) == 5);
        // Each is in SQLite by now, where nothing but the patch makes it stop.
        let others = Others::new();
        others.run_during(|| until(|| others.turns() > 20));
        assert!(writers.iter().all(|writer| !writer.is_finished()));
        increment(&transaction);
        transaction.commit().unwrap();
        join_all(writers);
        let value: usize =
            holder.query_row("select value from counters", (), |row| row.get(0)).unwrap();
        assert_eq!(value, 6);
    });
}

#[test]
fn transactions_of_many_coroutines_take_turns() {
    let database = Database::new("turns");
    patched(move || {
        let database = Arc::new(database);
        let inside = Arc::new(AtomicUsize::new(0));
        let writers = spawn_all(10, {
            let database = database.clone();
            move |_| {
                let mut connection = database.open();
                for _ in 0..5 {
                    let transaction = connection
                        .transaction_with_behavior(TransactionBehavior::Immediate)
                        .unwrap();
                    assert_eq!(inside.fetch_add(1, Ordering::Relaxed), 0);
                    increment(&transaction);
                    greenwood_runtime::yield_now();
                    inside.fetch_sub(1, Ordering::Relaxed);
                    transaction.commit().unwrap();
                }
            }
        });
        join_all(writers);
        let value: usize =
            database.open().query_row("select value from counters", (), |row| row.get(0)).unwrap();
        assert_eq!(value, 50);
    });
}
