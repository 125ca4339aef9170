//! The channel, modelled with loom where two meet.

use std::sync::Arc;
use std::time::Instant;

use loom::thread;

use super::select::internal::{Case, Receives, Sends, select_cases, select_cases_timeout};
use super::{Receiver, Sender, bounded};

fn model(preemptions: usize, f: impl Fn() + Sync + Send + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(preemptions);
    builder.check(f);
}

/// A message sent while its receiver gives up is received, or still there.
#[test]
fn loom_a_time_out_loses_no_message() {
    model(3, || {
        let (s, r) = bounded(1);
        let sender = thread::spawn(move || s.send(7).unwrap());
        let got = r.recv_deadline(Instant::now());
        sender.join().unwrap();
        assert!(got == Ok(7) || r.try_recv() == Ok(7));
    });
}

/// A rendezvous given up by the sender: it has its message back, or the receiver has it.
#[test]
fn loom_a_rendezvous_or_none() {
    model(3, || {
        let (s, r) = bounded(0);
        let receiver = thread::spawn(move || r.recv_deadline(Instant::now()).ok());
        let sent = s.send_deadline(7, Instant::now()).is_ok();
        assert_eq!(receiver.join().unwrap(), sent.then_some(7));
    });
}

#[test]
fn loom_disconnection_is_noticed() {
    model(3, || {
        let (s, r) = bounded::<u8>(0);
        let receiver = thread::spawn(move || r.recv());
        drop(s);
        assert!(receiver.join().unwrap().is_err());
    });
}

/// Sends or receives, and says which.
fn meet(s: &Sender<u8>, r: &Receiver<u8>, mine: u8) -> Option<u8> {
    let (sends, receives) = (Sends::new(s), Receives::new(r));
    let selected = select_cases(&[Case::send(&sends), Case::recv(&receives)], true);
    match selected.index() {
        0 => {
            sends.operation(selected).send(s, mine).unwrap();
            None
        }
        _ => Some(receives.complete(selected).unwrap()),
    }
}

/// Two selects that may both send and receive: one does each.
#[test]
fn loom_two_selects_meet() {
    model(2, || {
        let (s, r) = bounded(0);
        let ends = (s.clone(), r.clone());
        let other = thread::spawn(move || meet(&ends.0, &ends.1, 2));
        let got = meet(&s, &r, 1);
        let others = other.join().unwrap();
        assert!((got, others) == (None, Some(1)) || (got, others) == (Some(2), None));
    });
}

/// A select whose time is over while a sender claims it.
#[test]
fn loom_a_select_times_out() {
    model(2, || {
        let ends = Arc::new((bounded::<u8>(1), bounded::<u8>(1)));
        let sender = ends.clone();
        let sends = thread::spawn(move || sender.1.0.send(5).unwrap());
        let (one, two) = (&ends.0.1, &ends.1.1);
        let (first, second) = (Receives::new(one), Receives::new(two));
        let cases = &[Case::recv(&first), Case::recv(&second)];
        let got = select_cases_timeout(cases, std::time::Duration::ZERO, true)
            .map(|selected| second.complete(selected).unwrap());
        sends.join().unwrap();
        assert_eq!(got.or_else(|| two.try_recv().ok()), Some(5));
    });
}
