//! Channels: what was accepted was received, or is left.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::AtomicUsize;

use greenwood_runtime::channel::{
    Receiver, RecvTimeoutError, Select, SendTimeoutError, Sender, TryRecvError, TrySendError,
    bounded, select, select_biased, unbounded,
};

use crate::letters::Letter;
use crate::random::{Patience, Random, Waits, any, count, read};

/// Of every kind.
pub struct Channels(Vec<Channel>);

struct Channel {
    sender: Sender<Letter>,
    receiver: Receiver<Letter>,
    accepted: AtomicUsize,
    received: AtomicUsize,
    /// Those who wait without a deadline, in a select too.
    sending: AtomicUsize,
    receiving: AtomicUsize,
}

impl Default for Channels {
    fn default() -> Channels {
        let ends = [bounded(0), bounded(0), bounded(1), bounded(1), bounded(4), unbounded()];
        Channels(ends.into_iter().map(|(s, r)| Channel::new(s, r)).collect())
    }
}

impl Channels {
    pub fn act(&self, random: &mut Random) {
        let mut any = || &self.0[random.below(self.0.len() as u64) as usize];
        let (one, two, three) = (any(), any(), any());
        match random.below(8) {
            0..=2 => one.send(random),
            3 | 4 => one.receive(random),
            5 => choose(one, two, three, random),
            6 => choose_biased(one, two, random),
            _ => choose_from_list(&[one, two, three], random),
        }
    }

    pub fn pump(&self) {
        self.0.iter().for_each(Channel::pump);
    }

    pub fn check(self) {
        for (i, channel) in self.0.into_iter().enumerate() {
            let left = channel.receiver.try_iter().count();
            let (accepted, received) = (read(&channel.accepted), read(&channel.received));
            assert_eq!(
                accepted,
                received + left,
                "channel {i}: accepted, received and {left} left"
            );
            assert!(!any(&channel.sending) && !any(&channel.receiving));
        }
    }
}

impl Channel {
    fn new(sender: Sender<Letter>, receiver: Receiver<Letter>) -> Channel {
        let zero = || AtomicUsize::new(0);
        Channel {
            sender,
            receiver,
            accepted: zero(),
            received: zero(),
            sending: zero(),
            receiving: zero(),
        }
    }

    fn letter(&self, random: &mut Random) -> Letter {
        Letter::new(random.one_in(3).then(|| self.sender.clone()))
    }

    fn send(&self, random: &mut Random) {
        let letter = self.letter(random);
        let accepted = match random.patience() {
            Patience::None => match self.sender.try_send(letter) {
                Err(TrySendError::Disconnected(_)) => unreachable!(),
                sent => sent.is_ok(),
            },
            Patience::Short(time) => match self.sender.send_timeout(letter, time) {
                Err(SendTimeoutError::Disconnected(_)) => unreachable!(),
                sent => sent.is_ok(),
            },
            Patience::Endless => {
                let _waits = Waits::counted(&self.sending);
                self.sender.send(letter).is_ok()
            }
        };
        if accepted {
            count(&self.accepted);
        }
    }

    fn receive(&self, random: &mut Random) {
        let received = match random.patience() {
            Patience::None => match self.receiver.try_recv() {
                Err(TryRecvError::Disconnected) => unreachable!(),
                received => received.ok(),
            },
            Patience::Short(time) => match self.receiver.recv_timeout(time) {
                Err(RecvTimeoutError::Disconnected) => unreachable!(),
                received => received.ok(),
            },
            Patience::Endless => {
                let _waits = Waits::counted(&self.receiving);
                self.receiver.recv().ok()
            }
        };
        self.got(received);
    }

    fn got(&self, letter: Option<Letter>) {
        if letter.is_some() {
            count(&self.received);
        }
    }

    fn sent(&self, accepted: bool) {
        assert!(accepted, "nobody has gone");
        count(&self.accepted);
    }

    /// One who waits for what is there is left to hang.
    fn pump(&self) {
        let (sending, receiving) = (any(&self.sending), any(&self.receiving));
        if receiving && !sending && self.sender.is_empty() {
            if self.sender.try_send(Letter::new(None)).is_ok() {
                count(&self.accepted);
            }
        } else if sending && self.sender.is_full() {
            self.got(self.receiver.try_recv().ok());
        }
    }
}

fn choose(one: &Channel, two: &Channel, three: &Channel, random: &mut Random) {
    // The receiver that a send was selected with may go before it has the message: the send then waits for another.
    let _waits = (Waits::counted(&two.sending), Waits::counted(&three.sending));
    match random.patience() {
        Patience::None => select! {
            recv(one.receiver) -> letter => one.got(letter.ok()),
            send(two.sender, two.letter(random)) -> sent => two.sent(sent.is_ok()),
            default => {}
        },
        Patience::Short(time) => select! {
            recv(one.receiver) -> letter => one.got(letter.ok()),
            recv(two.receiver) -> letter => two.got(letter.ok()),
            send(three.sender, slowly(three, random)) -> sent => three.sent(sent.is_ok()),
            default(time) => {}
        },
        Patience::Endless => {
            let _waits = Waits::counted(&one.receiving);
            select! {
                recv(one.receiver) -> letter => one.got(letter.ok()),
                send(two.sender, slowly(two, random)) -> sent => two.sent(sent.is_ok()),
            }
        }
    }
}

/// A message that takes its time, or is not made after all.
fn slowly(channel: &Channel, random: &mut Random) -> Letter {
    random.pause();
    channel.letter(random)
}

fn choose_biased(one: &Channel, two: &Channel, random: &mut Random) {
    let _waits = (Waits::counted(&one.sending), Waits::counted(&two.sending));
    let time = random.short();
    select_biased! {
        send(one.sender, slowly(one, random)) -> sent => one.sent(sent.is_ok()),
        send(two.sender, slowly(two, random)) -> sent => two.sent(sent.is_ok()),
        recv(one.receiver) -> letter => one.got(letter.ok()),
        default(time) => {}
    }
}

fn choose_from_list(channels: &[&Channel], random: &mut Random) {
    let mut select = Select::new();
    for channel in channels {
        select.recv(&channel.receiver);
    }
    let sends = channels.len();
    for channel in channels {
        select.send(&channel.sender);
    }
    if random.one_in(3) {
        // Only told: others may be faster.
        if let Ok(index) = select.ready_timeout(random.short())
            && let Some(channel) = channels.get(index)
        {
            channel.got(channel.receiver.try_recv().ok());
        }
        return;
    }
    let Ok(operation) = select.select_timeout(random.short()) else { return };
    if random.one_in(4) {
        // Goes while this unwinds, as it would in a panic.
        let abandoned = catch_unwind(AssertUnwindSafe(move || {
            let _operation = operation;
            resume_unwind(Box::new(()));
        }));
        return drop(abandoned);
    }
    let index = operation.index();
    match channels.get(index) {
        Some(channel) => channel.got(operation.recv(&channel.receiver).ok()),
        None => {
            let channel = channels[index - sends];
            let _waits = Waits::counted(&channel.sending);
            channel.sent(operation.send(&channel.sender, slowly(channel, random)).is_ok());
        }
    }
}
