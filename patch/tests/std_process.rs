//! Processes, by std and by C, and pipes to and from them.

mod common;

use std::io::{self, BufRead, BufReader, Read, Write};
use std::process::{Child, Command, Stdio};
use std::ptr;
use std::time::Duration;

use common::{Others, patched, until};
use greenwood_runtime::{JoinHandle, spawn, timeout};
use libc::{c_int, pid_t};

/// A child that ends when its input does.
fn cat() -> Child {
    Command::new("cat").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap()
}

fn errno() -> c_int {
    io::Error::last_os_error().raw_os_error().unwrap()
}

fn has_waited<T>(handle: &JoinHandle<T>) -> bool {
    handle.coroutine().waits_for().is_some()
}

#[test]
fn pipes() {
    patched(|| {
        let (mut reader, mut writer) = io::pipe().unwrap();
        let others = Others::new();
        let received = spawn(move || {
            let mut all = Vec::new();
            reader.read_to_end(&mut all).unwrap();
            all.len()
        });
        others.run_during(|| greenwood_runtime::sleep(Duration::from_millis(2)));
        // More than the pipe holds.
        writer.write_all(&[7; 1 << 20]).unwrap();
        drop(writer);
        assert_eq!(received.join().unwrap(), 1 << 20);
    });
}

#[test]
fn a_childs_output() {
    patched(|| {
        let others = Others::new();
        let script = "echo out; sleep 0.05; echo err >&2; exit 3";
        let output =
            others.run_during(|| Command::new("sh").args(["-c", script]).output().unwrap());
        assert_eq!(output.status.code(), Some(3));
        assert_eq!((&output.stdout[..], &output.stderr[..]), (&b"out\n"[..], &b"err\n"[..]));
    });
}

#[test]
fn a_childs_end() {
    patched(|| {
        let mut child = cat();
        let (input, output) = (child.stdin.take(), child.stdout.take());
        let waiter = spawn(move || (child.wait().unwrap(), child.wait().unwrap()));
        until(|| has_waited(&waiter));
        let talk = spawn(move || {
            let mut line = String::new();
            let mut input = input.unwrap();
            input.write_all(b"hello\n").unwrap();
            BufReader::new(output.unwrap()).read_line(&mut line).unwrap();
            line
        });
        assert_eq!(talk.join().unwrap(), "hello\n");
        let (first, second) = waiter.join().unwrap();
        assert!(first.success() && second.success());
    });
}

#[test]
fn many_children_at_once() {
    patched(|| {
        let all: Vec<_> = (0..20)
            .map(|i| {
                spawn(move || {
                    let script = format!("sleep 0.02; echo {i}");
                    Command::new("sh").args(["-c", &script]).output().unwrap().stdout
                })
            })
            .collect();
        for (i, one) in all.into_iter().enumerate() {
            assert_eq!(one.join().unwrap(), format!("{i}\n").into_bytes());
        }
    });
}

fn wait(pid: pid_t, options: c_int) -> (pid_t, c_int) {
    let mut status = 0;
    // SAFETY: a number that is there.
    let pid = unsafe { libc::waitpid(pid, &mut status, options) };
    (pid, status)
}

/// Children in a group of their own, so that the tests beside do not take them.
fn group() -> (pid_t, Child, Child) {
    use std::os::unix::process::CommandExt;
    let start = |group| {
        let mut command = Command::new("cat");
        command.stdin(Stdio::piped()).stdout(Stdio::null()).process_group(group).spawn().unwrap()
    };
    let first = start(0);
    let second = start(first.id() as i32);
    (first.id() as pid_t, first, second)
}

#[test]
fn one_of_a_group() {
    patched(|| {
        let (group, mut first, mut second) = group();
        let others = Others::new();
        let waiters = [
            spawn(move || wait(-group, 0).0),
            spawn(move || wait(-group, 0).0),
            spawn(move || wait(-group, 0).0),
        ];
        until(|| waiters.iter().all(has_waited));
        drop(second.stdin.take());
        until(|| waiters.iter().any(JoinHandle::is_finished));
        others.run_during(|| greenwood_runtime::sleep(Duration::from_millis(2)));
        assert_eq!(waiters.iter().filter(|w| w.is_finished()).count(), 1);
        drop(first.stdin.take());
        let mut ended: Vec<_> = waiters.into_iter().map(|w| w.join().unwrap()).collect();
        ended.sort();
        // One of them finds that there are none left.
        let mut expected = vec![-1, first.id() as pid_t, second.id() as pid_t];
        expected.sort();
        assert_eq!(ended, expected);
    });
}

#[test]
// C waits for them.
#[allow(clippy::zombie_processes)]
fn stops_and_continuations() {
    patched(|| {
        let mut child = cat();
        let pid = child.id() as pid_t;
        let signal = |signal| {
            // SAFETY: a child of ours.
            assert_eq!(unsafe { libc::kill(pid, signal) }, 0);
        };
        let stopped = spawn(move || wait(pid, libc::WUNTRACED));
        until(|| has_waited(&stopped));
        signal(libc::SIGSTOP);
        let (found, status) = stopped.join().unwrap();
        assert!(found == pid && libc::WIFSTOPPED(status));

        let continued = spawn(move || wait(pid, libc::WCONTINUED));
        until(|| has_waited(&continued));
        signal(libc::SIGCONT);
        let (found, status) = continued.join().unwrap();
        assert!(found == pid && libc::WIFCONTINUED(status));

        let killed = spawn(move || wait(pid, libc::WUNTRACED));
        until(|| has_waited(&killed));
        signal(libc::SIGKILL);
        let (found, status) = killed.join().unwrap();
        assert!(found == pid && libc::WIFSIGNALED(status));
        drop(child.stdin.take());
    });
}

#[test]
// C waits for them.
#[allow(clippy::zombie_processes)]
fn waitid_by_pid_and_by_descriptor() {
    /// What it fills in of a structure of ones.
    fn info(kind: libc::idtype_t, id: u32, options: c_int) -> (c_int, c_int, [u8; 128]) {
        let mut info = [0xff_u8; 128];
        // SAFETY: as large as the structure.
        let result = unsafe { libc::waitid(kind, id, info.as_mut_ptr().cast(), options) };
        (result, if result < 0 { errno() } else { 0 }, info)
    }
    /// By process and by descriptor: looked at, taken, and gone.
    fn all() -> Vec<(c_int, c_int, [u8; 128])> {
        let mut results = Vec::new();
        for by_descriptor in [false, true] {
            let child = Command::new("sh").args(["-c", "sleep 0.02; exit 3"]).spawn().unwrap();
            let mut id = child.id();
            let mut kind = libc::P_PID;
            if by_descriptor {
                // SAFETY: numbers.
                id = unsafe { libc::syscall(libc::SYS_pidfd_open, id, 0) } as u32;
                kind = libc::P_PIDFD;
            }
            for options in [libc::WEXITED | libc::WNOWAIT, libc::WEXITED, libc::WEXITED, 0] {
                let (result, errno, mut info) = info(kind, id, options);
                if result == 0 {
                    assert_eq!(info[16..20], child.id().to_ne_bytes());
                    info[16..20].fill(0);
                }
                results.push((result, errno, info));
            }
            if by_descriptor {
                // SAFETY: this test's own.
                unsafe { libc::close(id as c_int) };
            }
        }
        results
    }
    let expected = all();
    assert_eq!(expected[2].1, libc::ECHILD);
    let found = patched(|| {
        let others = Others::new();
        others.run_during(all)
    });
    assert_eq!(found, expected);
}

#[test]
// C waits for them.
#[allow(clippy::zombie_processes)]
fn odd_arguments_are_answered_as_ever() {
    fn all() -> Vec<(c_int, c_int)> {
        let none = pid_t::MAX - 1;
        let call = |f: &dyn Fn() -> c_int| {
            // SAFETY: the caller's own.
            unsafe { *libc::__errno_location() = 77 };
            (f(), errno())
        };
        let mut child = cat();
        let pid = child.id() as pid_t;
        let results = vec![
            call(&|| wait(none, 0).0),
            call(&|| wait(-none, 0).0),
            call(&|| wait(pid_t::MIN, 0).0),
            call(&|| wait(1, 0).0),
            call(&|| wait(pid, 0x1234_0000).0),
            call(&|| wait(pid, libc::WNOHANG).0),
            // SAFETY: the kernel looks at the address.
            call(&|| unsafe { libc::waitid(99, 0, ptr::null_mut(), libc::WEXITED) }),
        ];
        drop(child.stdin.take());
        let ended = call(&|| wait(pid, libc::__WALL).0 - pid);
        results.into_iter().chain([ended]).collect()
    }
    let expected = all();
    assert_eq!((expected[0], expected[7]), ((-1, libc::ECHILD), (0, 77)));
    assert_eq!(patched(all), expected);
}

#[test]
fn an_interrupted_wait_takes_nothing() {
    patched(|| {
        let (group, mut first, mut second) = group();
        for pid in [first.id() as pid_t, -group] {
            let waiter = spawn(move || ((wait(pid, 0).0, errno()), (wait(pid, 0).0, errno())));
            until(|| has_waited(&waiter));
            waiter.cancel();
            let cancelled = (-1, libc::ECANCELED);
            assert_eq!(waiter.join().unwrap(), (cancelled, cancelled));
            let ended = timeout(Duration::from_millis(1), || (wait(pid, 0).0, errno()));
            assert_eq!(ended.unwrap(), (-1, libc::ETIMEDOUT));
        }
        drop((first.stdin.take(), second.stdin.take()));
        assert!(first.wait().unwrap().success() && second.wait().unwrap().success());
    });
}

#[test]
fn the_shell() {
    unsafe extern "C" {
        fn popen(command: *const libc::c_char, mode: *const libc::c_char) -> *mut libc::FILE;
        fn pclose(stream: *mut libc::FILE) -> c_int;
    }
    patched(|| {
        let others = Others::new();
        // SAFETY: strings.
        let status = others.run_during(|| unsafe { libc::system(c"sleep 0.02; exit 3".as_ptr()) });
        assert_eq!(libc::WEXITSTATUS(status), 3);
        // SAFETY: as above.
        assert_ne!(unsafe { libc::system(ptr::null()) }, 0);
        let status = others.run_during(|| {
            // SAFETY: strings, and a stream that is closed once.
            unsafe { pclose(popen(c"sleep 0.02; exit 4".as_ptr(), c"r".as_ptr())) }
        });
        assert_eq!(libc::WEXITSTATUS(status), 4);
        let ended = timeout(Duration::from_millis(1), || {
            // SAFETY: as above.
            (unsafe { libc::system(c"sleep 0.1".as_ptr()) }, errno())
        });
        assert_eq!(ended.unwrap(), (-1, libc::ETIMEDOUT));
    });
}
