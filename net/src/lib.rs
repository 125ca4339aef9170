//! `std::net` for Greenwood: sockets, name look-ups and child processes whose waits suspend the coroutine.
//!
//! The types have std's names, methods, traits and errors. A program that replaces `use std::net::…` or
//! `use std::os::unix::net::…` by `use greenwood_net::…` sees no difference but that a call that waits lets other
//! coroutines run. On an OS thread, and in non-blocking mode, the calls are std's own; within a
//! [`timeout`](greenwood_runtime::timeout) they keep its time on OS threads as well, but for the functions in [`fs`].
//!
//! ```
//! use std::io::{Read, Write};
//! use greenwood_net::{TcpListener, TcpStream};
//!
//! fn main() -> std::io::Result<()> {
//!     greenwood_runtime::run(|| {
//!         let listener = TcpListener::bind("127.0.0.1:0")?;
//!         let addr = listener.local_addr()?;
//!         let server = greenwood_runtime::spawn(move || {
//!             let (mut stream, _) = listener.accept()?;
//!             stream.write_all(b"hello")
//!         });
//!         let mut text = String::new();
//!         TcpStream::connect(addr)?.read_to_string(&mut text)?;
//!         assert_eq!(text, "hello");
//!         server.join().unwrap()
//!     })
//! }
//! ```
//!
//! # What differs from std
//!
//! - The descriptor's flags are the user's: sockets that block carry no `O_NONBLOCK`, so they can be handed to a child
//!   process or a C library as they are. A listener that a coroutine has accepted on is the exception: see
//!   [`TcpListener`].
//! - Connecting to a name with several addresses does not wait for the slow ones ([`TcpStream::connect`]).
//! - Looking up a name has a deadline, and its errors name the host ([`dns`]).
//! - Accept loops do not spin when descriptors run out ([`TcpListener::accept`]).
//! - [`ToSocketAddrs`] is a trait of its own.
//! - Not in std: [`Builder`], [`TcpListener::close`], [`dns::lookup_host`], and listening sockets by socket activation, in `activation` (Linux).
//!
//! Beside sockets, [`process`] waits for children and [`fs`] calls the file system without holding a worker up.

#[cfg(any(target_os = "linux", target_os = "android"))]
pub mod activation;
mod addrs;
mod builder;
mod connect;
pub mod dns;
pub mod fs;
#[cfg(target_os = "linux")]
pub mod linux;
mod listener;
mod pause;
pub mod process;
mod socket;
mod sys;
mod tcp;
mod udp;
pub mod unix;

pub use std::net::{
    AddrParseError, IpAddr, Ipv4Addr, Ipv6Addr, Shutdown, SocketAddr, SocketAddrV4, SocketAddrV6,
};

pub use greenwood_runtime::readiness::{Interest, wait_any, wait_readable, wait_writable};

pub use addrs::ToSocketAddrs;
pub use builder::Builder;
pub use tcp::{Incoming, TcpListener, TcpStream};
pub use udp::UdpSocket;
pub use unix::{UnixDatagram, UnixListener, UnixStream};
