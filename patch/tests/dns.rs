//! Name look-ups: what they return, and that they wait elsewhere.

mod common;

use std::cell::Cell;
use std::ffi::{CStr, CString, c_char, c_int, c_void};
use std::io;
use std::net::{SocketAddr, ToSocketAddrs};
use std::ptr;
use std::rc::Rc;
use std::time::Duration;

use common::patched;
use greenwood_runtime::{spawn, timeout};
use libc::{addrinfo, hostent, sockaddr, socklen_t};

unsafe extern "C" {
    fn gethostbyname(name: *const c_char) -> *mut hostent;
    fn gethostbyname2(name: *const c_char, family: c_int) -> *mut hostent;
    fn gethostbyaddr(address: *const c_void, len: socklen_t, family: c_int) -> *mut hostent;
    fn gethostbyname_r(
        name: *const c_char,
        entry: *mut hostent,
        buf: *mut c_char,
        len: usize,
        found: *mut *mut hostent,
        why: *mut c_int,
    ) -> c_int;
    fn gethostbyaddr_r(
        address: *const c_void,
        size: socklen_t,
        family: c_int,
        entry: *mut hostent,
        buf: *mut c_char,
        len: usize,
        found: *mut *mut hostent,
        why: *mut c_int,
    ) -> c_int;
    fn __h_errno_location() -> *mut c_int;
}

fn errno() -> c_int {
    io::Error::last_os_error().raw_os_error().unwrap()
}

type Found = (c_int, Vec<(c_int, c_int, c_int, Vec<u8>, Option<String>)>);

fn addresses(node: Option<&str>, service: Option<&str>, flags: c_int, family: c_int) -> Found {
    let string = |s: Option<&str>| s.map(|s| CString::new(s).unwrap());
    let (node, service) = (string(node), string(service));
    let pointer = |s: &Option<CString>| s.as_ref().map_or(ptr::null(), |s| s.as_ptr());
    // SAFETY: a structure of zeros, strings, and a list that is freed once.
    unsafe {
        let mut hints: addrinfo = std::mem::zeroed();
        (hints.ai_flags, hints.ai_family) = (flags, family);
        let mut list = ptr::null_mut();
        let code = libc::getaddrinfo(pointer(&node), pointer(&service), &hints, &mut list);
        let mut all = Vec::new();
        let mut next = if code == 0 { list } else { ptr::null_mut() };
        while let Some(one) = next.as_ref() {
            let address = std::slice::from_raw_parts(one.ai_addr.cast(), one.ai_addrlen as usize);
            let name = (!one.ai_canonname.is_null())
                .then(|| CStr::from_ptr(one.ai_canonname).to_str().unwrap().to_owned());
            all.push((one.ai_family, one.ai_socktype, one.ai_protocol, address.to_vec(), name));
            next = one.ai_next;
        }
        if code == 0 {
            libc::freeaddrinfo(list);
        }
        (code, all)
    }
}

fn matrix() -> Vec<Found> {
    let nodes = [
        None,
        Some("localhost"),
        Some("127.0.0.1"),
        Some("127.1"),
        Some("::1"),
        Some("fe80::1%lo"),
        Some("no address"),
    ];
    let services = [None, Some("80"), Some("http"), Some("no service"), Some("")];
    let mut all = Vec::new();
    for node in nodes {
        for service in services {
            for flags in [0, libc::AI_NUMERICHOST, libc::AI_PASSIVE, libc::AI_CANONNAME, -1] {
                // Names that only a name server knows not.
                if node == Some("no address") && flags != libc::AI_NUMERICHOST {
                    continue;
                }
                for family in [libc::AF_UNSPEC, libc::AF_INET, 99] {
                    all.push(addresses(node, service, flags, family));
                }
            }
        }
    }
    all
}

#[test]
fn addresses_are_those_of_libc() {
    let expected = matrix();
    assert!(expected.iter().any(|(_, found)| found.len() > 1));
    assert_eq!(patched(matrix), expected);
}

#[test]
fn look_ups_let_others_run() {
    patched(|| {
        let look_up = || {
            let all: Vec<SocketAddr> = ("localhost", 80).to_socket_addrs().unwrap().collect();
            assert!(all.iter().any(|a| a.ip().is_loopback() && a.port() == 80));
        };
        let by_name = || {
            // SAFETY: a string.
            assert!(!unsafe { gethostbyname(c"localhost".as_ptr()) }.is_null());
        };
        let name = || {
            assert!(names(0).0 == 0);
        };
        for f in [&look_up as &dyn Fn(), &by_name, &name] {
            // However quick the answer: in the end it comes while the caller waits.
            let other = spawn(|| ());
            while !other.is_finished() {
                f();
            }
        }
    });
}

#[test]
fn many_at_once_use_a_share_of_the_threads() {
    patched(|| {
        let all: Vec<_> = (0..200)
            .map(|_| spawn(|| ("localhost", 1).to_socket_addrs().unwrap().count()))
            .collect();
        assert!(all.into_iter().all(|one| one.join().unwrap() > 0));
        let threads = std::fs::read_dir("/proc/self/task").unwrap().filter(|thread| {
            let name = thread.as_ref().unwrap().path().join("comm");
            std::fs::read_to_string(name).is_ok_and(|name| name.starts_with("greenwood-offl"))
        });
        // Sixteen at a time, and some that have just ended one.
        assert!((1..64).contains(&threads.count()));
    });
}

#[test]
fn an_interrupted_look_up_fails() {
    patched(|| {
        common::until(|| {
            let ended = timeout(Duration::ZERO, || {
                let (code, _) = addresses(Some("localhost"), None, 0, 0);
                (code, errno())
            });
            ended.unwrap() == (libc::EAI_SYSTEM, libc::ETIMEDOUT)
        });
        common::until(|| {
            let ended = timeout(Duration::ZERO, || {
                // SAFETY: a string, and the caller's own number.
                unsafe { (gethostbyname(c"localhost".as_ptr()), errno(), *__h_errno_location()) }
            });
            ended.unwrap() == (ptr::null_mut(), libc::ETIMEDOUT, -1)
        });
        // A cancelled one, with all places taken.
        common::until(|| {
            let cancelled = Rc::new(Cell::new(0));
            let all: Vec<_> = (0..40)
                .map(|_| spawn(|| (addresses(Some("localhost"), None, 0, 0).0, errno())))
                .collect();
            let has_begun = |one: &greenwood_runtime::JoinHandle<_>| {
                one.is_finished() || one.coroutine().waits_for().is_some()
            };
            common::until(|| all.iter().all(has_begun));
            all.iter().for_each(|one| one.cancel());
            for one in all {
                if let Ok((code, errno)) = one.join() {
                    assert!(code == 0 || (code, errno) == (libc::EAI_SYSTEM, libc::ECANCELED));
                    cancelled.set(cancelled.get() + i32::from(code != 0));
                }
            }
            cancelled.get() > 16
        });
        // All places have been given back.
        let all: Vec<_> =
            (0..40).map(|_| spawn(|| addresses(Some("localhost"), None, 0, 0).0)).collect();
        assert!(all.into_iter().all(|one| one.join().unwrap() == 0));
    });
}

fn names(flags: c_int) -> (c_int, Vec<c_char>, Vec<c_char>) {
    names_into(flags, 64, 64)
}

fn names_into(flags: c_int, host: usize, service: usize) -> (c_int, Vec<c_char>, Vec<c_char>) {
    // SAFETY: an address, and room for the names.
    unsafe {
        let mut address: libc::sockaddr_in = std::mem::zeroed();
        address.sin_family = libc::AF_INET as u16;
        address.sin_port = 80u16.to_be();
        address.sin_addr.s_addr = u32::from_be_bytes([127, 0, 0, 1]).to_be();
        let (mut name, mut port) = (vec![0; host], vec![0; service]);
        let code = libc::getnameinfo(
            (&raw const address).cast::<sockaddr>(),
            size_of_val(&address) as socklen_t,
            name.as_mut_ptr(),
            host as socklen_t,
            port.as_mut_ptr(),
            service as socklen_t,
            flags,
        );
        if code != 0 {
            name.clear();
            port.clear();
        }
        (code, name, port)
    }
}

fn all_names() -> Vec<(c_int, Vec<c_char>, Vec<c_char>)> {
    let mut all = Vec::new();
    for flags in [0, libc::NI_NUMERICHOST, libc::NI_NUMERICSERV, libc::NI_NAMEREQD, libc::NI_DGRAM]
    {
        for (host, service) in [(64, 64), (0, 64), (64, 0), (3, 64), (64, 2), (5000, 5000), (0, 0)]
        {
            all.push(names_into(flags, host, service));
        }
    }
    all
}

#[test]
fn names_are_those_of_libc() {
    let expected = all_names();
    assert_eq!(patched(all_names), expected);
}

type Host = (String, Vec<String>, c_int, Vec<Vec<u8>>);

/// # Safety
/// Null, or a host.
unsafe fn host(entry: *const hostent) -> Option<Host> {
    // SAFETY: the caller's promise: strings and lists.
    unsafe {
        let entry = entry.as_ref()?;
        let list = |mut place: *mut *mut c_char| {
            std::iter::from_fn(move || {
                let next = place.read_unaligned();
                place = place.add(1);
                (!next.is_null()).then_some(next)
            })
        };
        let text = |s: *const c_char| CStr::from_ptr(s).to_str().unwrap().to_owned();
        let bytes = |s: *mut c_char| {
            std::slice::from_raw_parts(s.cast::<u8>(), entry.h_length as usize).to_vec()
        };
        Some((
            text(entry.h_name),
            list(entry.h_aliases).map(|s| text(s)).collect(),
            entry.h_addrtype,
            list(entry.h_addr_list).map(bytes).collect(),
        ))
    }
}

fn hosts() -> Vec<Option<Host>> {
    let loopback = [127u8, 0, 0, 1];
    let address = loopback.as_ptr().cast();
    // SAFETY: strings, and bytes of an address.
    unsafe {
        vec![
            host(gethostbyname(c"localhost".as_ptr())),
            host(gethostbyname(c"127.0.0.1".as_ptr())),
            host(gethostbyname2(c"localhost".as_ptr(), libc::AF_INET6)),
            host(gethostbyname2(c"::1".as_ptr(), libc::AF_INET6)),
            host(gethostbyname2(c"127.1".as_ptr(), libc::AF_INET)),
            host(gethostbyaddr(address, 4, libc::AF_INET)),
        ]
    }
}

/// Into buffers of all sizes and alignments.
fn hosts_into() -> Vec<(c_int, bool, Option<Host>)> {
    let loopback = [127u8, 0, 0, 1];
    let mut all = Vec::new();
    for len in [0, 1, 40, 60, 100, 1000, 20_000] {
        for offset in 0..9 {
            // SAFETY: strings, bytes of an address, and as much room.
            unsafe {
                let mut buf = vec![0u64; 3000];
                let start = buf.as_mut_ptr().cast::<c_char>().add(offset);
                let mut entry: hostent = std::mem::zeroed();
                let (mut found, mut why) = (ptr::dangling_mut(), 77);
                let code = gethostbyname_r(
                    c"localhost".as_ptr(),
                    &mut entry,
                    start,
                    len,
                    &mut found,
                    &mut why,
                );
                let inside =
                    |p: *mut c_char| (start as usize..start as usize + len).contains(&(p as usize));
                assert!(found.is_null() || (found == &raw mut entry && inside(entry.h_name)));
                all.push((code, why == -1, host(found)));
                let address = loopback.as_ptr().cast();
                let mut found = ptr::dangling_mut();
                let code = gethostbyaddr_r(
                    address,
                    4,
                    libc::AF_INET,
                    &mut entry,
                    start,
                    len,
                    &mut found,
                    &mut why,
                );
                all.push((code, why == -1, host(found)));
            }
        }
    }
    all
}

#[test]
fn hosts_are_those_of_libc() {
    let expected = (hosts(), hosts_into());
    assert!(expected.0[0].is_some());
    assert!(expected.1.iter().any(|(code, ..)| *code == libc::ERANGE));
    assert!(expected.1.iter().any(|(code, _, host)| *code == 0 && host.is_some()));
    assert_eq!(patched(|| (hosts(), hosts_into())), expected);
}

#[test]
fn each_coroutine_has_its_own_answer() {
    patched(|| {
        // SAFETY: a string; the answer is this coroutine's.
        let mine = unsafe { gethostbyname(c"127.0.0.1".as_ptr()) };
        // SAFETY: as above.
        let before = unsafe { host(mine) };
        // SAFETY: as above.
        let theirs = spawn(|| unsafe { host(gethostbyname(c"10.0.0.1".as_ptr())) }).join().unwrap();
        assert_ne!(before, theirs);
        // SAFETY: as above.
        assert_eq!(unsafe { host(mine) }, before);
    });
}
