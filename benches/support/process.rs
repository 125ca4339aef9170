//! What the kernel counts for this process. Linux.

use std::time::Duration;

/// CPU time, user and system, of all threads of this process so far: unlike wall time it says little about the
/// neighbours on a shared machine.
pub fn cpu_time() -> Duration {
    clock(libc::CLOCK_PROCESS_CPUTIME_ID)
}

/// CPU time of the calling thread so far.
pub fn thread_cpu_time() -> Duration {
    clock(libc::CLOCK_THREAD_CPUTIME_ID)
}

fn clock(id: libc::clockid_t) -> Duration {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the pointer is to a valid timespec.
    let result = unsafe { libc::clock_gettime(id, &mut time) };
    assert_eq!(result, 0, "the clock exists");
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

/// The CPU time that `body` takes, in nanoseconds for each of `count` operations.
pub fn cpu_nanos_each(count: usize, body: impl FnOnce()) -> f64 {
    let before = cpu_time();
    body();
    nanos_each(count, before)
}

/// The CPU time since `before`, in nanoseconds for each of `count` operations.
pub fn nanos_each(count: usize, before: Duration) -> f64 {
    (cpu_time() - before).as_nanos() as f64 / count as f64
}

/// Memory of this process in bytes.
#[derive(Clone, Copy, Debug)]
pub struct Memory {
    pub resident: f64,
    pub page_tables: f64,
}

impl Memory {
    /// As it is now, by proc_pid_status(5). The kernel keeps VmRSS in per-CPU counters that may lag by some pages a
    /// core: measure millions of bytes with it, not thousands.
    pub fn now() -> Memory {
        let text = std::fs::read_to_string("/proc/self/status").expect("read /proc/self/status");
        Memory {
            resident: field(&text, "VmRSS:") * 1024.0,
            page_tables: field(&text, "VmPTE:") * 1024.0,
        }
    }

    pub fn total(self) -> f64 {
        self.resident + self.page_tables
    }

    /// What has come since `before`, for each of `count`.
    pub fn each_since(self, before: Memory, count: usize) -> Memory {
        Memory {
            resident: (self.resident - before.resident) / count as f64,
            page_tables: (self.page_tables - before.page_tables) / count as f64,
        }
    }
}

/// The number after `name` in a status file.
fn field(text: &str, name: &str) -> f64 {
    let line = text.lines().find_map(|line| line.strip_prefix(name));
    let number = line.and_then(|l| l.split_whitespace().next()).and_then(|n| n.parse().ok());
    number.unwrap_or_else(|| panic!("no {name} in the status file"))
}

/// Context switches, voluntary and not, of all threads but the caller so far: an idle thread has none.
pub fn switches_of_others() -> f64 {
    // SAFETY: no preconditions.
    let own = unsafe { libc::gettid() }.to_string();
    let tasks = std::fs::read_dir("/proc/self/task").expect("list the threads");
    let mut sum = 0.0;
    for task in tasks.flatten().filter(|task| task.file_name() != *own) {
        // A thread may end between the listing and the read.
        let Ok(text) = std::fs::read_to_string(task.path().join("status")) else { continue };
        sum += field(&text, "voluntary_ctxt_switches:");
        sum += field(&text, "nonvoluntary_ctxt_switches:");
    }
    sum
}
