//! What the kernel tells of other processes, and lets one set for this one. Linux.

use std::fs;
use std::io;
use std::process::Child;
use std::time::Duration;

/// CPU time, user and system, of all threads that the process has or had.
pub fn cpu_time(pid: libc::pid_t) -> Duration {
    let mut clock = 0;
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: both pointers are valid.
    let failed = unsafe {
        libc::clock_getcpuclockid(pid, &mut clock) != 0
            || libc::clock_gettime(clock, &mut time) != 0
    };
    assert!(!failed, "process {pid} has ended");
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

/// User CPU time, in the hundredths of a second of proc_pid_stat(5).
pub fn user_time(pid: libc::pid_t) -> Duration {
    let stat = read(pid, "stat");
    // The name in parentheses may hold anything; state is the third field, utime the 14th.
    let ticks = stat.rsplit(')').next().and_then(|rest| rest.split_whitespace().nth(11));
    let ticks: u64 = ticks.and_then(|ticks| ticks.parse().ok()).expect("utime");
    // SAFETY: no preconditions.
    let per_second = unsafe { libc::sysconf(libc::_SC_CLK_TCK) };
    Duration::from_secs_f64(ticks as f64 / per_second as f64)
}

/// The resident set in bytes. Counted page by page, unlike what `status` and `statm` say, which lags.
pub fn resident(pid: libc::pid_t) -> u64 {
    let text = read(pid, "smaps_rollup");
    let line = text.lines().find_map(|line| line.strip_prefix("Rss:"));
    let kib = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
    kib.expect("Rss") * 1024
}

/// The processes that this one has started.
pub fn children(pid: libc::pid_t) -> Vec<libc::pid_t> {
    let list = read(pid, &format!("task/{pid}/children"));
    list.split_whitespace().map(|pid| pid.parse().expect("a process's number")).collect()
}

fn read(pid: libc::pid_t, name: &str) -> String {
    let path = format!("/proc/{pid}/{name}");
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// Asks a child that has not been waited for to end.
pub fn terminate(child: &Child) {
    send(child, libc::SIGTERM);
}

/// What Ctrl-C would do.
pub fn interrupt(child: &Child) {
    send(child, libc::SIGINT);
}

fn send(child: &Child, signal: libc::c_int) {
    // SAFETY: no preconditions; the number is the child's own until it is waited for.
    unsafe { libc::kill(child.id() as libc::pid_t, signal) };
}

/// Allows this process, and those it starts, as many descriptors as it may have. Returns the number.
pub fn raise_descriptor_limit() -> usize {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: the pointer is to a valid rlimit.
    assert_eq!(unsafe { libc::getrlimit(libc::RLIMIT_NOFILE, &mut limit) }, 0);
    limit.rlim_cur = limit.rlim_max;
    // SAFETY: likewise.
    assert_eq!(unsafe { libc::setrlimit(libc::RLIMIT_NOFILE, &limit) }, 0);
    limit.rlim_max as usize
}

/// Holds the calling thread, and what it starts, on the last CPU it may run on until dropped: the first one often has the
/// interrupts.
pub struct OneCpu(libc::cpu_set_t);

impl OneCpu {
    pub fn hold() -> OneCpu {
        let allowed = affinity();
        // SAFETY: the number is below the set's size.
        let last = (0..libc::CPU_SETSIZE as usize)
            .rfind(|&cpu| unsafe { libc::CPU_ISSET(cpu, &allowed) })
            .expect("a thread has a CPU");
        // SAFETY: a set of zeros is valid, and empty.
        let mut one: libc::cpu_set_t = unsafe { std::mem::zeroed() };
        // SAFETY: as above.
        unsafe { libc::CPU_SET(last, &mut one) };
        set_affinity(&one);
        OneCpu(allowed)
    }
}

impl Drop for OneCpu {
    fn drop(&mut self) {
        set_affinity(&self.0);
    }
}

fn affinity() -> libc::cpu_set_t {
    // SAFETY: a set of zeros is valid, the pointer and size are the set's.
    unsafe {
        let mut set = std::mem::zeroed();
        let result = libc::sched_getaffinity(0, size_of::<libc::cpu_set_t>(), &mut set);
        assert_eq!(result, 0, "{}", io::Error::last_os_error());
        set
    }
}

fn set_affinity(set: &libc::cpu_set_t) {
    // SAFETY: the pointer and size are the set's.
    let result = unsafe { libc::sched_setaffinity(0, size_of::<libc::cpu_set_t>(), set) };
    assert_eq!(result, 0, "{}", io::Error::last_os_error());
}
