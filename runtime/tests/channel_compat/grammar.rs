// Every form of arm that crossbeam's macros accept. Included into modules that bring `channel` and std's names.

pub fn grammar() {
    arms();
    ends();
    bodies_move_once();
    control_flow();
    nesting();
    types();
    many();
    lazily();
}

fn arms() {
    let (s, r) = channel::unbounded::<i32>();
    channel::select! {
        send(s, 0) -> _ => {}
        recv(r) -> _ => {}
    }
    channel::select! {
        send(&&&&s, 0,) -> _ => {},
        recv(&&&&r,) -> _ => {},
        default(Duration::from_millis(1000),) => {},
    }
    while r.try_recv().is_ok() {}
    let value = channel::select! {
        recv(r) -> _ => 3.0,
        recv(r) -> _ => loop { unreachable!() },
        recv(r) -> _ => match 7 + 3 { _ => unreachable!() },
        default => 7.
    };
    assert_eq!(value, 7.0);
    channel::select! {
        recv(r) -> message => if message.is_err() { unreachable!() },
        default() => ()
    }
    channel::select! { default => {} }
    channel::select! { default() => {} }
    channel::select! { default(Duration::from_millis(1)) => {} }
    channel::select_biased! {
        recv(r) -> _ => (),
        default => {}
    };
    let text: String = channel::select! {
        recv(r) -> _ => "foo".into(),
        send(s, 0) -> _ => "bar".to_owned(),
        default => "baz".to_string(),
    };
    assert!(text == "bar" || text == "foo");
    let (s, r) = channel::unbounded::<(i32, Option<i32>)>();
    s.send((1, None)).unwrap();
    channel::select! {
        recv(r) -> (Ok((1, _)) | _) => {}
    }
    channel::select! {
        send(s, (2, { let x = 5; Some(x) })) -> (Ok(()) | Err(_)) => {}
        recv(r) -> r => assert!(r.is_err()),
    }
}

fn ends() {
    let (s, r) = channel::unbounded::<i32>();
    channel::select! {
        recv(Some(&r).unwrap_or(&channel::never())) -> _ => {},
        default => {}
    }
    channel::select! {
        recv(Some(r).unwrap_or(channel::never())) -> _ => {},
        default => {}
    }
    drop(s);
    let (s, r) = channel::unbounded::<i32>();
    channel::select! {
        recv((move || r)()) -> _ => {}
        send((move || s)(), 0) -> _ => {}
    }
    let (s, r) = channel::unbounded::<i32>();
    let (s, r) = (Box::new(s), Box::new(r));
    channel::select! {
        send(*s, 0) -> _ => {}
        recv(*r) -> _ => {}
    }
    channel::select! {
        send(s, 0) -> _ => {}
        recv(r) -> _ => {}
    }
    struct Sends(channel::Sender<i32>);
    impl std::ops::Deref for Sends {
        type Target = channel::Sender<i32>;
        fn deref(&self) -> &channel::Sender<i32> {
            &self.0
        }
    }
    let (s, r) = channel::bounded(1);
    let s = Sends(s);
    channel::select! {
        send(s, 0) -> _ => drop(r),
        recv(r) -> _ => drop(s),
    }
    // An arm may consume what it was selected on.
    let (s, r) = channel::bounded(1);
    channel::select! {
        send(s, 0) -> _ => { drop(s); }
        default => drop(s),
    }
    let list = vec![r];
    channel::select! {
        recv(list[0]) -> message => { assert_eq!(message, Ok(0)); drop(list) }
    }
}

fn bodies_move_once() {
    let (s, r) = channel::unbounded::<i32>();
    let (once, twice, thrice) = (Box::new(()), Box::new(()), Box::new(()));
    channel::select! {
        send(s, 0) -> _ => drop(once),
        recv(r) -> _ => drop(twice),
        default => drop(thrice),
    }
    let message = Box::new(5);
    let (s, r) = channel::unbounded();
    channel::select! {
        send(s, message) -> _ => {}
    }
    assert_eq!(r.recv(), Ok(Box::new(5)));
}

fn control_flow() {
    let (s, r) = channel::unbounded();
    (0..3).for_each(|i| s.send(i).unwrap());
    let got = 'outer: loop {
        channel::select! {
            recv(r) -> message => match message {
                Ok(0) => continue,
                Ok(1) => continue 'outer,
                Ok(n) => break 'outer n,
                Err(_) => return,
            },
            recv(channel::never::<u8>()) -> _ => break 9,
        }
    };
    assert_eq!(got, 2);
    fn question(r: &channel::Receiver<i32>) -> Result<i32, channel::RecvError> {
        channel::select! {
            recv(r) -> message => Ok(message? + 1),
            recv(channel::never::<()>()) -> _ => return Ok(7),
        }
    }
    s.send(4).unwrap();
    assert_eq!(question(&r), Ok(5));
    drop(s);
    assert_eq!(question(&r), Err(channel::RecvError));
}

fn nesting() {
    let (s, r) = channel::unbounded::<i32>();
    drop(s);
    let mut depth = 0;
    channel::select! {
        recv(r) -> _ => {
            depth += 1;
            channel::select! {
                recv(r) -> _ => {
                    depth += 1;
                    channel::select_biased! {
                        recv(r) -> _ => depth += 1,
                        recv(r) -> _ => unreachable!(),
                    }
                }
                recv(channel::never::<i32>()) -> _ => unreachable!()
            }
        }
        recv(channel::never::<i32>()) -> _ => {}
    }
    assert_eq!(depth, 3);
}

fn types() {
    let (s, r) = channel::bounded::<i32>(0);
    channel::select! {
        recv(r) -> result => { let _: Result<i32, channel::RecvError> = result; }
        default => {}
    }
    channel::select! {
        send(s, 0) -> result => { let _: Result<(), channel::SendError<i32>> = result; }
        default(Duration::from_millis(0)) => {}
    }
    // Inferred by the arms.
    let (s, r) = channel::unbounded();
    channel::select! {
        recv(r) -> _ => {}
        default => {}
    }
    s.send(()).unwrap();
    let (s, r) = channel::unbounded();
    channel::select! {
        send(s, ()) -> _ => {}
    }
    r.recv().unwrap();
}

fn many() {
    let ends: Vec<_> = (0..20).map(|_| channel::bounded::<usize>(1)).collect();
    let mut seen = [false; 20];
    for i in 0..20 {
        ends[i].0.send(i).unwrap();
        let n = channel::select! {
            recv(ends[0].1) -> m => m.unwrap(),
            recv(ends[1].1) -> m => m.unwrap(),
            recv(ends[2].1) -> m => m.unwrap(),
            recv(ends[3].1) -> m => { m.unwrap() }
            recv(ends[4].1) -> m => { m.unwrap() },
            recv(ends[5].1) -> m => m.unwrap(),
            recv(ends[6].1) -> m => m.unwrap(),
            recv(ends[7].1) -> m => m.unwrap(),
            recv(ends[8].1) -> m => m.unwrap(),
            recv(ends[9].1) -> m => m.unwrap(),
            recv(ends[10].1) -> m => m.unwrap(),
            recv(ends[11].1) -> m => m.unwrap(),
            recv(ends[12].1) -> m => m.unwrap(),
            recv(ends[13].1) -> m => m.unwrap(),
            recv(ends[14].1) -> m => m.unwrap(),
            recv(ends[15].1) -> m => m.unwrap(),
            recv(ends[16].1) -> m => m.unwrap(),
            recv(ends[17].1) -> m => m.unwrap(),
            recv(ends[18].1) -> m => m.unwrap(),
            recv(ends[19].1) -> m => m.unwrap(),
            default => unreachable!(),
        };
        seen[n] = true;
    }
    assert!(seen.iter().all(|s| *s));
}

/// A message is made only for the send that was selected.
fn lazily() {
    let (full, _r) = channel::bounded(0);
    let (s, r) = channel::bounded(1);
    let mut made = 0;
    channel::select! {
        send(full, { made += 9; 9 }) -> _ => {}
        send(s, { made += 1; 3 }) -> result => result.unwrap(),
    }
    assert_eq!((made, r.recv()), (1, Ok(3)));
}
