//! How far uploads have come: on a terminal one line that is drawn again and again, elsewhere a line now and then.

use std::collections::BTreeMap;
use std::io::{self, IsTerminal, Write};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// The shortest time between two drawings.
const PAUSE: Duration = Duration::from_millis(100);

/// What is written of a name on a terminal, where a line must fit.
const NAME: usize = 32;

/// Uploads report here and never wait: writing is done by a thread, since a terminal can be stopped and a pipe be full.
pub struct Progress {
    board: Arc<Mutex<Board>>,
    bell: SyncSender<()>,
    writer: Mutex<Option<JoinHandle<()>>>,
}

#[derive(Default)]
struct Board {
    running: BTreeMap<u64, State>,
    next: u64,
    /// Lines of uploads that have ended.
    ended: Vec<String>,
    /// Whether nothing more will come.
    over: bool,
}

struct State {
    name: String,
    received: u64,
    length: Option<u64>,
    began: Instant,
    /// Of the length, in tenths: how far the last line was.
    told: u64,
}

impl Progress {
    pub fn new() -> io::Result<Progress> {
        let board = Arc::new(Mutex::new(Board::default()));
        let (bell, rung) = sync_channel(1);
        let shared = board.clone();
        let terminal = io::stdout().is_terminal();
        let write = move || write(&shared, &rung, terminal);
        let writer = std::thread::Builder::new().name("progress".to_owned()).spawn(write)?;
        Ok(Progress { board, bell, writer: Mutex::new(Some(writer)) })
    }

    /// The begin of an upload, of `length` bytes if that is known.
    pub fn begin(&self, name: &str, length: Option<u64>) -> Upload<'_> {
        let mut board = lock(&self.board);
        let id = board.next;
        board.next += 1;
        // Nobody may move the cursor by a file's name.
        let name = name.escape_debug().to_string();
        let state = State { name, received: 0, length, began: Instant::now(), told: 0 };
        board.running.insert(id, state);
        Upload { progress: self, id, complete: false }
    }

    fn ring(&self) {
        // A bell that rings already is as good.
        let _ = self.bell.try_send(());
    }

    /// Waits until the last line is written. To be called when all uploads have ended.
    pub fn finish(&self) {
        lock(&self.board).over = true;
        self.ring();
        if let Some(writer) = lock(&self.writer).take() {
            let _ = writer.join();
        }
    }
}

/// One upload; it has failed if it is dropped without having been completed.
pub struct Upload<'p> {
    progress: &'p Progress,
    id: u64,
    complete: bool,
}

impl Upload<'_> {
    pub fn add(&self, bytes: usize) {
        if let Some(state) = lock(&self.progress.board).running.get_mut(&self.id) {
            state.received += bytes as u64;
        }
        self.progress.ring();
    }

    pub fn complete(mut self) {
        self.complete = true;
    }
}

impl Drop for Upload<'_> {
    fn drop(&mut self) {
        let mut board = lock(&self.progress.board);
        if let Some(State { name, received, began, .. }) = board.running.remove(&self.id) {
            let (size, seconds) = (in_units(received), began.elapsed().as_secs_f64());
            board.ended.push(match self.complete {
                true => format!("{name}: {size} in {seconds:.1} s"),
                false => format!("{name}: failed after {size}"),
            });
        }
        drop(board);
        self.progress.ring();
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn write(board: &Mutex<Board>, rung: &Receiver<()>, terminal: bool) {
    while rung.recv().is_ok() {
        let (text, over) = {
            let mut board = lock(board);
            let text = if terminal { drawn(&mut board) } else { told(&mut board) };
            (text, board.over)
        };
        // With nobody left to read it, there is nothing to be done.
        let mut out = io::stdout();
        let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
        if over {
            return;
        }
        std::thread::sleep(PAUSE);
    }
}

/// What has ended, each on a line, and the state of the others over the last one.
fn drawn(board: &mut Board) -> String {
    let mut text = String::new();
    for line in board.ended.drain(..) {
        text += &format!("\r{line}\x1b[K\n");
    }
    let running: Vec<_> = board.running.values().collect();
    let state = match *running {
        [] => String::new(),
        [one] => {
            let name: String = one.name.chars().take(NAME).collect();
            format!("{name} {}", of(one.received, one.length))
        }
        _ => {
            let received = running.iter().map(|state| state.received).sum();
            let length = running.iter().map(|state| state.length).sum();
            format!("{} uploads {}", running.len(), of(received, length))
        }
    };
    text + &format!("\r{state}\x1b[K")
}

/// A line for what has ended, and for each other tenth of a length that has come.
fn told(board: &mut Board) -> String {
    let mut text = String::new();
    for state in board.running.values_mut() {
        if let Some(length @ 1..) = state.length {
            let tenths = (u128::from(state.received) * 10 / u128::from(length)) as u64;
            if tenths > state.told {
                state.told = tenths;
                text += &format!("{} {}\n", state.name, of(state.received, state.length));
            }
        }
    }
    for line in board.ended.drain(..) {
        text += &format!("{line}\n");
    }
    text
}

fn of(received: u64, length: Option<u64>) -> String {
    match length {
        Some(length @ 1..) => {
            let percent = u128::from(received) * 100 / u128::from(length);
            format!("{percent} %, {} of {}", in_units(received), in_units(length))
        }
        _ => in_units(received),
    }
}

fn in_units(bytes: u64) -> String {
    match bytes {
        0..0x400 => format!("{bytes} B"),
        0x400..0x10_0000 => format!("{:.1} KiB", bytes as f64 / 1024.0),
        0x10_0000..0x4000_0000 => format!("{:.1} MiB", bytes as f64 / f64::from(1 << 20)),
        _ => format!("{:.2} GiB", bytes as f64 / f64::from(1 << 30)),
    }
}
