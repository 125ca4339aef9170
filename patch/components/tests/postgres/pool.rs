//! Pools: r2d2 with diesel, which is on libpq.

use diesel::pg::PgConnection;
use diesel::prelude::*;
use diesel::r2d2::{ConnectionManager, Pool};
use diesel::sql_types::{BigInt, Integer, Text};
use greenwood_patch_components::server::postgres;
use greenwood_patch_components::{Others, join_all, patched, spawn_all};

#[derive(QueryableByName)]
struct Answer {
    #[diesel(sql_type = Integer)]
    asker: i32,
    #[diesel(sql_type = Text)]
    echo: String,
}

#[derive(QueryableByName)]
struct Count {
    #[diesel(sql_type = BigInt)]
    count: i64,
}

#[test]
fn a_hundred_coroutines_share_ten_connections() {
    let Some(server) = postgres() else { return };
    patched(move || {
        let manager = ConnectionManager::<PgConnection>::new(server.conninfo());
        let pool = Pool::builder().max_size(10).build(manager).unwrap();
        let mut observer = PgConnection::establish(&server.conninfo()).unwrap();
        diesel::sql_query("select pg_advisory_lock(2)").execute(&mut observer).unwrap();
        let askers = spawn_all(100, move |i| {
            for round in 0..3 {
                let mut connection = pool.get().unwrap();
                let answer: Answer = diesel::sql_query(
                    "select $1 as asker, $2 as echo from pg_advisory_lock_shared(2)",
                )
                .bind::<Integer, _>(i as i32)
                .bind::<Text, _>(format!("{i} in round {round}"))
                .get_result(&mut connection)
                .unwrap();
                assert_eq!(answer.asker, i as i32);
                assert_eq!(answer.echo, format!("{i} in round {round}"));
            }
        });
        let others = Others::new();
        others.run_during(|| {
            // All connections of the pool are in use, at once.
            let sql = "select count(*) from pg_locks where locktype = 'advisory' and not granted and objid = 2";
            while diesel::sql_query(sql).get_result::<Count>(&mut observer).unwrap().count < 10 {}
        });
        diesel::sql_query("select pg_advisory_unlock(2)").execute(&mut observer).unwrap();
        join_all(askers);
    });
}
