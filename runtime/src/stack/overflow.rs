//! The report of a coroutine's stack overflow: names the coroutine, the size and the remedy, then aborts.

use super::GUARD_SIZE;
use crate::context;
use crate::sys::fault;

/// Starts recognising faults in guards. Faults that are not ours go on to whatever handled them before.
pub(crate) fn install_handler() {
    fault::install(inspect);
}

/// Runs in a signal handler: no allocation, no lock, no unwinding.
fn inspect(address: usize) {
    let Some(cx) = context::current() else { return };
    let limit = cx.stack_limit();
    if limit == 0 || !(limit - GUARD_SIZE..limit).contains(&address) {
        return;
    }
    let mut line = Line::default();
    line.text("\ncoroutine ");
    line.number(cx.id());
    if let Some(name) = cx.name() {
        line.text(" '");
        line.text(name);
        line.text("'");
    }
    line.text(" has overflowed its stack of ");
    line.number((cx.stack_base() - limit) as u64);
    line.text(" bytes; raise it with Builder::stack_size or RuntimeBuilder::stack_size\n");
    line.write();
    // SAFETY: ends the process.
    unsafe { libc::abort() };
}

/// A line of text built without allocating. What does not fit is cut off.
struct Line {
    bytes: [u8; 512],
    len: usize,
}

impl Default for Line {
    fn default() -> Line {
        Line { bytes: [0; 512], len: 0 }
    }
}

impl Line {
    fn text(&mut self, text: &str) {
        let n = text.len().min(self.bytes.len() - self.len);
        self.bytes[self.len..self.len + n].copy_from_slice(&text.as_bytes()[..n]);
        self.len += n;
    }

    fn number(&mut self, mut n: u64) {
        let mut digits = [0; 20];
        let mut at = digits.len();
        loop {
            at -= 1;
            digits[at] = b'0' + (n % 10) as u8;
            n /= 10;
            if n == 0 {
                break;
            }
        }
        self.text(std::str::from_utf8(&digits[at..]).unwrap_or("?"));
    }

    fn write(&self) {
        // SAFETY: writes our own bytes; nothing can be done about a failure here.
        unsafe { libc::write(2, self.bytes.as_ptr().cast(), self.len) };
    }
}
