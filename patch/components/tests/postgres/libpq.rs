//! libpq, the C library, by its own interface.

use std::ffi::{CStr, CString};

use greenwood_patch_components::server::{Postgres, postgres};
use greenwood_patch_components::{Others, join_all, patched, spawn_all};
use pq_sys::*;

pub struct Connection(*mut PGconn);

impl Connection {
    pub fn open(server: &Postgres) -> Connection {
        let conninfo = CString::new(server.conninfo()).unwrap();
        // SAFETY: a string that ends in a zero.
        let connection = Connection(unsafe { PQconnectdb(conninfo.as_ptr()) });
        assert!(connection.is_ok(), "{}", connection.error());
        connection
    }

    pub fn is_ok(&self) -> bool {
        // SAFETY: open until dropped, here and below.
        unsafe { PQstatus(self.0) == ConnStatusType::CONNECTION_OK }
    }

    fn error(&self) -> String {
        // SAFETY: as above; a string of the connection's.
        unsafe { CStr::from_ptr(PQerrorMessage(self.0)) }.to_string_lossy().into_owned()
    }

    /// The first value of the first row, or what is wrong.
    pub fn value(&self, sql: &str) -> Result<String, String> {
        let sql = CString::new(sql).unwrap();
        // SAFETY: as above; the strings are copied before the result goes.
        unsafe {
            let result = PQexec(self.0, sql.as_ptr());
            let value = match PQresultStatus(result) {
                ExecStatusType::PGRES_TUPLES_OK => {
                    Ok(CStr::from_ptr(PQgetvalue(result, 0, 0)).to_str().unwrap().to_owned())
                }
                _ => Err(self.error()),
            };
            PQclear(result);
            value
        }
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        // SAFETY: nobody uses it any more.
        unsafe { PQfinish(self.0) };
    }
}

#[test]
fn a_hundred_queries_sleep_at_once() {
    let Some(server) = postgres() else { return };
    patched(move || {
        let sleepers = spawn_all(100, |i| {
            let connection = Connection::open(server);
            // Longer than the test may take: all are to be seen asleep, and are then woken.
            let error = connection.value(&format!("select pg_sleep(600), {i}")).unwrap_err();
            assert!(error.contains("canceling statement"), "{error}");
            connection.value(&format!("select {i}")).unwrap()
        });
        let observer = Connection::open(server);
        let asleep = "from pg_stat_activity where wait_event = 'PgSleep' and query like 'select pg_sleep(600), %'";
        let others = Others::new();
        others.run_during(|| {
            while observer.value(&format!("select count(*) {asleep}")).unwrap() != "100" {}
        });
        let woken = observer.value(&format!("select count(pg_cancel_backend(pid)) {asleep}"));
        assert_eq!(woken.unwrap(), "100");
        for (i, value) in join_all(sleepers).into_iter().enumerate() {
            assert_eq!(value, i.to_string());
        }
    });
}
