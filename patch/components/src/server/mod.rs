//! Real servers on loopback, each with a scratch directory, ended with the test.
//!
//! Where one is not installed its tests are skipped, with a word about the package that has it; with `CI=true` they fail.

mod certificate;
mod gate;
mod mariadb;
mod postgres;
mod process;
mod redis;
mod web;

pub use certificate::Certificate;
pub use gate::Gate;
pub use mariadb::{MariaDb, mariadb};
pub use postgres::{Postgres, postgres};
pub use redis::{Redis, redis};
pub use web::{Serve, Web};
