//! Clients of real Redis and MariaDB servers, and pools of them.

mod cancel;
mod mysql_client;
mod pools;
mod redis_client;
