//! Thread-locals of code that blocks, with everything patched, on one worker: each coroutine has its own, whenever it waits.

mod common;

use std::cell::{Cell, RefCell};
use std::ffi::{CStr, CString, c_int, c_void};
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::net::UnixStream;
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};

use common::{patched, until};
use greenwood_runtime::{JoinHandle, spawn};

fn wait_for_a_byte(from: &mut impl Read) -> u8 {
    let mut byte = [0];
    from.read_exact(&mut byte).unwrap();
    byte[0]
}

/// Coroutines that each wait for a byte within `f`, all at once: sends it when all do.
fn all_at_once<T: Send + 'static>(
    count: u8,
    f: impl Fn(u8, UnixStream) -> T + Clone + Send + 'static,
) -> Vec<T> {
    let (handles, senders): (Vec<JoinHandle<T>>, Vec<_>) = (0..count)
        .map(|n| {
            let (reader, sender) = UnixStream::pair().unwrap();
            let f = f.clone();
            (spawn(move || f(n, reader)), sender)
        })
        .unzip();
    until(|| handles.iter().all(|h| h.coroutine().waits_for() == Some("read")));
    for (n, mut sender) in senders.into_iter().enumerate() {
        sender.write_all(&[n as u8]).unwrap();
    }
    handles.into_iter().map(|h| h.join().unwrap()).collect()
}

#[test]
fn destructors_may_block() {
    struct Last(u8, UnixStream);
    impl Drop for Last {
        fn drop(&mut self) {
            assert_eq!(wait_for_a_byte(&mut self.1), self.0);
            ENDED.fetch_add(1, Ordering::Relaxed);
        }
    }
    thread_local! {
        static LAST: RefCell<Option<Last>> = const { RefCell::new(None) };
    }
    static ENDED: AtomicUsize = AtomicUsize::new(0);
    patched(|| {
        for round in 1..=3 {
            all_at_once(20, |n, stream| {
                LAST.with(|last| assert!(last.replace(Some(Last(n, stream))).is_none()));
            });
            // All joined: a coroutine has ended when its destructors have.
            assert_eq!(ENDED.load(Ordering::Relaxed), 20 * round);
        }
    });
}

#[test]
fn destructors_of_keys_may_block() {
    static ENDED: AtomicUsize = AtomicUsize::new(0);
    unsafe extern "C" fn end(value: *mut c_void) {
        // SAFETY: the box that the coroutine set.
        let (n, mut stream) = *unsafe { Box::from_raw(value.cast::<(u8, UnixStream)>()) };
        assert_eq!(wait_for_a_byte(&mut stream), n);
        ENDED.fetch_add(1, Ordering::Relaxed);
    }
    let mut key = 0;
    // SAFETY: writes the new key's number.
    assert_eq!(unsafe { libc::pthread_key_create(&mut key, Some(end)) }, 0);
    patched(move || {
        for round in 1..=3 {
            all_at_once(20, move |n, stream| {
                let value = Box::into_raw(Box::new((n, stream)));
                // SAFETY: a key that exists, and a value that its destructor takes.
                unsafe {
                    assert!(libc::pthread_getspecific(key).is_null());
                    assert_eq!(libc::pthread_setspecific(key, value.cast()), 0);
                }
            });
            assert_eq!(ENDED.load(Ordering::Relaxed), 20 * round);
        }
    });
}

/// A lazy local that asks a server for its value, as one with a connection in it does.
#[test]
fn initialisers_may_block() {
    thread_local! {
        static VALUE: Cell<u64> = Cell::new(ask());
        static SERVER: Cell<Option<std::net::SocketAddr>> = const { Cell::new(None) };
    }
    fn ask() -> u64 {
        let mut stream = TcpStream::connect(SERVER.get().unwrap()).unwrap();
        let mut answer = [0; 8];
        stream.read_exact(&mut answer).unwrap();
        u64::from_be_bytes(answer)
    }
    patched(|| {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let clients: Vec<_> = (0..20)
            .map(|_| {
                spawn(move || {
                    SERVER.set(Some(address));
                    VALUE.with(|value| {
                        let first = value.get();
                        greenwood_runtime::yield_now();
                        assert_eq!(value.get(), first);
                        first
                    })
                })
            })
            .collect();
        // Nobody is answered before all have asked: all initialisers are under way at once.
        let streams: Vec<_> = (0..20).map(|_| listener.accept().unwrap().0).collect();
        for (n, mut stream) in streams.into_iter().enumerate() {
            stream.write_all(&(n as u64).to_be_bytes()).unwrap();
        }
        let mut values: Vec<_> = clients.into_iter().map(|c| c.join().unwrap()).collect();
        values.sort_unstable();
        assert_eq!(values, Vec::from_iter(0..20));
    });
}

#[test]
fn scoped_locals_are_held_over_calls_that_block() {
    scoped_tls::scoped_thread_local!(static SCOPED: u8);
    patched(|| {
        all_at_once(20, |n, mut stream| {
            assert!(!SCOPED.is_set());
            SCOPED.set(&n, || {
                assert_eq!(wait_for_a_byte(&mut stream), n);
                SCOPED.with(|value| assert_eq!(*value, n));
            });
            assert!(!SCOPED.is_set());
        });
    });
}

#[test]
fn spans_do_not_leak() {
    use tracing_subscriber::registry::LookupSpan;

    let subscriber = tracing_subscriber::registry();
    fn current() -> Option<(u64, usize)> {
        tracing::dispatcher::get_default(|dispatch| {
            let current = dispatch.current_span();
            let registry = dispatch.downcast_ref::<tracing_subscriber::Registry>()?;
            let span = registry.span(current.id()?)?;
            Some((span.id().into_u64(), span.scope().count()))
        })
    }
    tracing::subscriber::set_global_default(subscriber).unwrap();
    patched(|| {
        all_at_once(20, |n, mut stream| {
            assert_eq!(current(), None);
            let outer = tracing::info_span!("request", n);
            let entered = outer.enter();
            let inner = tracing::info_span!("query", n);
            let inside = inner.enter();
            let before = current().unwrap();
            assert_eq!(before, (inner.id().unwrap().into_u64(), 2));
            assert_eq!(wait_for_a_byte(&mut stream), n);
            assert_eq!(current(), Some(before));
            drop(inside);
            assert_eq!(current(), Some((outer.id().unwrap().into_u64(), 1)));
            drop(entered);
            assert_eq!(current(), None);
        });
    });
}

/// A C library that keeps the last error per thread, as OpenSSL and others do, and blocks.
const ERRORS: &str = r#"
#include <unistd.h>
static __thread int queue[16], count;
int c_fail(int fd, int error) {
    char byte;
    queue[count++] = error;
    return read(fd, &byte, 1) == 1 ? byte : -1;
}
int c_error(void) { return count ? queue[--count] : 0; }
"#;

#[test]
fn error_queues_of_c_do_not_leak() {
    use std::os::fd::AsRawFd;

    let folder = std::path::Path::new(env!("CARGO_TARGET_TMPDIR"));
    let (source, library) = (folder.join("errors.c"), folder.join("errors.so"));
    std::fs::write(&source, ERRORS).unwrap();
    let status = Command::new("cc")
        .args(["-shared", "-fPIC", "-O1", "-o"])
        .args([&library, &source])
        .status()
        .expect("cc (apt-get install gcc libc6-dev)");
    assert!(status.success());
    let path = CString::new(library.to_str().unwrap()).unwrap();
    // SAFETY: the library above, whose functions have these types.
    let (fail, error) = unsafe {
        let handle = libc::dlopen(path.as_ptr(), libc::RTLD_NOW);
        assert!(!handle.is_null(), "{:?}", CStr::from_ptr(libc::dlerror()));
        (
            std::mem::transmute::<*mut c_void, extern "C" fn(c_int, c_int) -> c_int>(libc::dlsym(
                handle,
                c"c_fail".as_ptr(),
            )),
            std::mem::transmute::<*mut c_void, extern "C" fn() -> c_int>(libc::dlsym(
                handle,
                c"c_error".as_ptr(),
            )),
        )
    };
    patched(move || {
        for _ in 0..3 {
            all_at_once(20, move |n, stream| {
                assert_eq!(fail(stream.as_raw_fd(), c_int::from(n) + 100), c_int::from(n));
                assert_eq!(error(), c_int::from(n) + 100);
                assert_eq!(error(), 0);
            });
            assert_eq!(error(), 0);
        }
    });
}
