// Programs in crossbeam's style. Included into modules that bring `channel`, `spawn`, `sleep`, `yield_now` and `JoinHandle`.

use std::time::{Duration, Instant};

pub fn scenarios() {
    errors();
    traits();
    timers();
    dynamic();
    readiness();
    rendezvous();
    both_directions();
    fan_in();
    sieve();
    stopwatch();
    fibonacci();
}

fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

fn errors() {
    use channel::*;
    let (s, r) = bounded::<i32>(0);
    assert_eq!(s.try_send(1), Err(TrySendError::Full(1)));
    assert!(TrySendError::Full(1).is_full() && TrySendError::Disconnected(1).is_disconnected());
    assert_eq!(TrySendError::Full(7).into_inner(), 7);
    assert_eq!(r.try_recv(), Err(TryRecvError::Empty));
    assert!(TryRecvError::Empty.is_empty() && TryRecvError::Disconnected.is_disconnected());
    assert_eq!(s.send_timeout(2, ms(1)), Err(SendTimeoutError::Timeout(2)));
    assert!(SendTimeoutError::Timeout(2).is_timeout());
    assert_eq!(s.send_deadline(2, Instant::now()).unwrap_err().into_inner(), 2);
    assert_eq!(r.recv_timeout(ms(1)), Err(RecvTimeoutError::Timeout));
    assert_eq!(r.recv_deadline(Instant::now() + ms(1)), Err(RecvTimeoutError::Timeout));
    assert!(RecvTimeoutError::Timeout.is_timeout());
    drop(s);
    assert_eq!(r.recv(), Err(RecvError));
    assert_eq!(r.recv_timeout(Duration::MAX), Err(RecvTimeoutError::Disconnected));
    let (s, r) = unbounded();
    drop(r);
    assert_eq!(s.send(3), Err(SendError(3)));
    assert_eq!(SendError(3).into_inner(), 3);
    assert!(SendTimeoutError::from(SendError(1)).is_disconnected());
    assert_eq!(TrySendError::from(SendError(1)), TrySendError::Disconnected(1));
    assert_eq!(TryRecvError::from(RecvError), TryRecvError::Disconnected);
    assert_eq!(RecvTimeoutError::from(RecvError), RecvTimeoutError::Disconnected);
    let text = |e: &dyn std::error::Error| assert!(!e.to_string().is_empty());
    text(&SendError(1));
    text(&TrySendError::Full(1));
    text(&SendTimeoutError::Timeout(1));
    text(&RecvError);
    text(&TryRecvError::Empty);
    text(&RecvTimeoutError::Timeout);
    text(&TrySelectError);
    text(&SelectTimeoutError);
}

fn traits() {
    use channel::*;
    use std::panic::{RefUnwindSafe, UnwindSafe};
    fn all<T: Send + Sync + UnwindSafe + RefUnwindSafe + Clone + std::fmt::Debug>(_: &T) {}
    fn some<T: Send + Sync + Clone + std::fmt::Debug + Default>(_: &T) {}
    let (s, r) = bounded::<std::cell::Cell<i32>>(3);
    all(&s);
    all(&r);
    let mut select = Select::new();
    select.recv(&r);
    some(&select);
    assert_eq!(format!("{s:?} {r:?} {select:?}"), "Sender { .. } Receiver { .. } Select { .. }");
    assert_eq!(format!("{:?} {:?}", r.iter(), r.try_iter()), "Iter { .. } TryIter { .. }");
    static NEVER: Receiver<i32> = never();
    assert!(NEVER.is_empty() && NEVER.is_full() && NEVER.capacity() == Some(0));
    let (s, r) = unbounded();
    s.send(1).unwrap();
    s.send(2).unwrap();
    assert_eq!(r.try_iter().collect::<Vec<i32>>(), [1, 2]);
    s.send(3).unwrap();
    drop(s);
    for message in &r {
        assert_eq!(message, 3);
    }
    assert_eq!(r.into_iter().count(), 0);
}

fn timers() {
    use channel::*;
    let start = Instant::now();
    let r = after(ms(3));
    assert_eq!((r.len(), r.capacity(), r.is_full()), (0, Some(1), false));
    assert_eq!(r.try_recv(), Err(TryRecvError::Empty));
    assert!(r.recv().unwrap() >= start + ms(3));
    assert_eq!(r.recv_timeout(ms(1)), Err(RecvTimeoutError::Timeout), "once");
    let when = Instant::now();
    assert_eq!(at(when).recv(), Ok(when));
    let r = tick(ms(2));
    let times: Vec<_> = r.iter().take(3).collect();
    assert!(times.windows(2).all(|w| w[1] >= w[0] + ms(2)));
    sleep(ms(10));
    assert!(r.try_recv().is_ok());
    assert_eq!(r.try_recv(), Err(TryRecvError::Empty), "one is kept");
    assert!(r.clone().same_channel(&r) && !r.same_channel(&tick(ms(2))));
    assert!(never::<i32>().same_channel(&never()));
    for far in [after(Duration::MAX), tick(Duration::MAX)] {
        assert_eq!(far.recv_timeout(ms(1)), Err(RecvTimeoutError::Timeout));
    }
    let (_s, r) = unbounded::<u8>();
    let (mut ticks, timeout) = (0, after(ms(20)));
    let ticker = tick(ms(2));
    loop {
        select! {
            recv(ticker) -> _ => ticks += 1,
            recv(timeout) -> _ => break,
            recv(r) -> _ => unreachable!(),
        }
    }
    assert!((1..=10).contains(&ticks), "{ticks}");
}

fn dynamic() {
    use channel::*;
    let (s1, r1) = unbounded();
    let (s2, r2) = bounded::<String>(1);
    let mut select = Select::new();
    let one = select.recv(&r1);
    let two = select.recv(&r2);
    assert_eq!(select.try_select().err(), Some(TrySelectError));
    assert_eq!(select.select_timeout(ms(1)).err(), Some(SelectTimeoutError));
    assert_eq!(select.select_deadline(Instant::now()).err(), Some(SelectTimeoutError));
    s1.send(5).unwrap();
    let operation = select.select();
    assert_eq!(operation.index(), one);
    assert_eq!(operation.recv(&r1), Ok(5));
    select.remove(one);
    s1.send(6).unwrap();
    let sender = spawn(move || s2.send("hi".into()));
    let operation = select.select();
    assert_eq!(operation.index(), two);
    assert_eq!(operation.recv(&r2), Ok("hi".into()));
    sender.join().unwrap().unwrap();
    let operation = select.select();
    assert_eq!(operation.recv(&r2), Err(RecvError));
    let mut select = Select::new_biased();
    let (s3, r3) = bounded(1);
    let three = select.send(&s3);
    let one = select.recv(&r1);
    let operation = select.select();
    assert_eq!(operation.index(), three);
    operation.send(&s3, 1).unwrap();
    let operation = select.select();
    assert_eq!(operation.index(), one);
    assert_eq!(operation.recv(&r1), Ok(6));
    drop(r3);
    let operation = select.select();
    assert_eq!(operation.send(&s3, 7), Err(SendError(7)));
    assert!(Select::new().select_timeout(ms(1)).is_err());
}

fn readiness() {
    use channel::*;
    let (s, r) = bounded::<i32>(0);
    let mut select = Select::new();
    let recv = select.recv(&r);
    assert_eq!(select.try_ready(), Err(TryReadyError));
    assert_eq!(select.ready_timeout(ms(1)), Err(ReadyTimeoutError));
    assert_eq!(select.ready_deadline(Instant::now()), Err(ReadyTimeoutError));
    let sender = spawn(move || s.send(4));
    assert_eq!(select.ready(), recv);
    assert_eq!(r.recv(), Ok(4));
    sender.join().unwrap().unwrap();
    assert_eq!(select.ready(), recv);
    assert_eq!(r.try_recv(), Err(TryRecvError::Disconnected));

    let (s, r) = bounded::<i32>(0);
    let receiver = spawn(move || r.recv());
    let mut select = Select::new();
    let send = select.send(&s);
    loop {
        assert_eq!(select.ready(), send);
        if s.try_send(8).is_ok() {
            break;
        }
    }
    assert_eq!(receiver.join().unwrap(), Ok(8));
}

fn rendezvous() {
    use channel::*;
    let (s, r) = bounded(0);
    let (other, never_sent) = bounded::<i32>(0);
    let sender = spawn(move || {
        for i in 0..100 {
            select! {
                send(s, i) -> result => result.unwrap(),
                recv(never_sent) -> _ => unreachable!(),
            }
        }
    });
    for i in 0..100 {
        select! {
            recv(r) -> message => assert_eq!(message, Ok(i)),
            recv(never::<i32>()) -> _ => unreachable!(),
        }
    }
    sender.join().unwrap();
    drop(other);
}

/// Each sends on, and receives from, the same channel in one select: it never meets itself.
fn both_directions() {
    use channel::*;
    let (s, r) = bounded(0);
    let (done, all) = bounded(0);
    let parties: Vec<JoinHandle<(i32, i32)>> = (0..4)
        .map(|n| {
            let (s, r, all) = (s.clone(), r.clone(), all.clone());
            spawn(move || {
                let (mut sent, mut received) = (0, 0);
                loop {
                    select! {
                        send(s, n) -> _ => sent += 1,
                        recv(r) -> other => { assert_ne!(other, Ok(n)); received += 1 }
                        recv(all) -> _ => return (sent, received),
                    }
                    if (sent + received) % 8 == 0 {
                        yield_now();
                    }
                }
            })
        })
        .collect();
    sleep(ms(5));
    drop::<Sender<()>>(done);
    let (sent, received) = parties.into_iter().map(|p| p.join().unwrap()).fold((0, 0), |a, b| (a.0 + b.0, a.1 + b.1));
    assert_eq!(sent, received);
    assert!(sent > 0);
}

fn fan_in() {
    use channel::*;
    let (ends, receivers): (Vec<_>, Vec<_>) = (0..5).map(|n| bounded::<usize>(n)).unzip();
    let senders: Vec<_> = ends
        .into_iter()
        .map(|s| spawn(move || (0..50).for_each(|i| s.send(i).unwrap())))
        .collect();
    let mut select = Select::new();
    for r in &receivers {
        select.recv(r);
    }
    let (mut next, mut left) = ([0; 5], 5);
    while left > 0 {
        let operation = select.select();
        let n = operation.index();
        match operation.recv(&receivers[n]) {
            Ok(i) => {
                assert_eq!(i, next[n]);
                next[n] += 1;
            }
            Err(RecvError) => {
                select.remove(n);
                left -= 1;
            }
        }
    }
    assert_eq!(next, [50; 5]);
    senders.into_iter().for_each(|s| s.join().unwrap());
}

/// A chain of filters, one for each prime.
fn sieve() {
    use channel::*;
    let (s, mut r) = bounded(0);
    spawn(move || (2..).find(|i| s.send(*i).is_err()));
    let mut primes: Vec<u32> = Vec::new();
    for _ in 0..8 {
        let prime = r.recv().unwrap();
        primes.push(prime);
        let (s, next) = bounded(0);
        spawn(move || r.iter().filter(|i| i % prime != 0).find(|i| s.send(*i).is_err()));
        r = next;
    }
    assert_eq!(primes, [2, 3, 5, 7, 11, 13, 17, 19]);
}

fn stopwatch() {
    use channel::*;
    let start = Instant::now();
    let (stop, stopped) = bounded::<()>(0);
    let stopper = spawn(move || { sleep(ms(8)); drop(stop) });
    let update = tick(ms(1));
    let mut shown = 0;
    loop {
        select! {
            recv(update) -> _ => shown += 1,
            recv(stopped) -> _ => break,
        }
    }
    assert!(start.elapsed() >= ms(8) && shown > 0);
    stopper.join().unwrap();
}

fn fibonacci() {
    use channel::*;
    let (s, r) = bounded(0);
    spawn(move || {
        let (mut x, mut y) = (0, 1);
        while s.send(x).is_ok() {
            (x, y) = (y, x + y);
        }
    });
    assert_eq!(r.iter().take(10).collect::<Vec<u64>>(), [0, 1, 1, 2, 3, 5, 8, 13, 21, 34]);
}
