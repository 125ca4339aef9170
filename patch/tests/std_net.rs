//! std's sockets, unchanged, on one worker.

mod common;

use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::time::Duration;

use common::{Others, patched};
use greenwood_runtime::spawn;

fn pair() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    (client, listener.accept().unwrap().0)
}

#[test]
fn many_clients_of_one_server() {
    patched(|| {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let server = spawn(move || {
            for _ in 0..50 {
                let (mut stream, _) = listener.accept().unwrap();
                spawn(move || {
                    let mut buf = [0; 64];
                    while let Ok(n @ 1..) = stream.read(&mut buf) {
                        stream.write_all(&buf[..n]).unwrap();
                    }
                });
            }
        });
        let clients: Vec<_> = (0..50u32)
            .map(|i| {
                spawn(move || {
                    let mut stream = TcpStream::connect(address).unwrap();
                    for round in 0..20 {
                        let message = (i * 1000 + round).to_be_bytes();
                        stream.write_all(&message).unwrap();
                        let mut back = [0; 4];
                        stream.read_exact(&mut back).unwrap();
                        assert_eq!(back, message);
                    }
                })
            })
            .collect();
        clients.into_iter().for_each(|c| c.join().unwrap());
        server.join().unwrap();
    });
}

#[test]
fn a_read_lets_others_run() {
    patched(|| {
        let (mut a, mut b) = pair();
        let others = Others::new();
        let reader = spawn(move || {
            let mut byte = [0];
            a.read_exact(&mut byte).unwrap();
            byte[0]
        });
        others.run_during(|| greenwood_runtime::sleep(Duration::from_millis(5)));
        b.write_all(&[7]).unwrap();
        assert_eq!(reader.join().unwrap(), 7);
    });
}

#[test]
fn a_large_write_waits_for_its_reader() {
    patched(|| {
        const LEN: usize = 8 << 20;
        let (mut a, mut b) = pair();
        let writer = spawn(move || a.write(&vec![1; LEN]).unwrap());
        let mut all = Vec::new();
        b.read_to_end(&mut all).unwrap();
        // On a blocking socket one call writes everything.
        assert_eq!((writer.join().unwrap(), all.len()), (LEN, LEN));
    });
}

#[test]
fn time_outs_and_modes() {
    patched(|| {
        let (mut a, mut b) = pair();
        let others = Others::new();
        a.set_read_timeout(Some(Duration::from_millis(5))).unwrap();
        let error = others.run_during(|| a.read(&mut [0]).unwrap_err());
        assert_eq!(error.raw_os_error(), Some(libc::EAGAIN));
        a.set_read_timeout(None).unwrap();

        a.set_nonblocking(true).unwrap();
        assert_eq!(a.read(&mut [0]).unwrap_err().kind(), io::ErrorKind::WouldBlock);
        b.write_all(&[1]).unwrap();
        assert_eq!(a.read(&mut [0]).unwrap(), 1);
        assert_eq!(a.read(&mut [0]).unwrap_err().kind(), io::ErrorKind::WouldBlock);
        a.set_nonblocking(false).unwrap();

        let clone = a.try_clone().unwrap();
        let reader = spawn(move || (&clone).read(&mut [0]).unwrap());
        others.run_during(|| greenwood_runtime::sleep(Duration::from_millis(2)));
        b.write_all(&[1]).unwrap();
        assert_eq!(reader.join().unwrap(), 1);
    });
}

#[test]
fn datagrams() {
    patched(|| {
        let (a, b) =
            (UdpSocket::bind("127.0.0.1:0").unwrap(), UdpSocket::bind("127.0.0.1:0").unwrap());
        let (to, from) = (a.local_addr().unwrap(), b.local_addr().unwrap());
        let others = Others::new();
        let receiver = spawn(move || {
            let mut buf = [0; 16];
            let (n, from) = a.recv_from(&mut buf).unwrap();
            (buf[..n].to_vec(), from)
        });
        others.run_during(|| greenwood_runtime::sleep(Duration::from_millis(2)));
        b.send_to(b"hello", to).unwrap();
        assert_eq!(receiver.join().unwrap(), (b"hello".to_vec(), from));
    });
}

#[test]
fn a_cancelled_read_fails() {
    patched(|| {
        let (mut a, _b) = pair();
        let reader = spawn(move || {
            let first = a.read(&mut [0]).unwrap_err().raw_os_error();
            // No unwinding, however often it goes on.
            let second = a.read(&mut [0]).unwrap_err().raw_os_error();
            (first, second)
        });
        common::until(|| reader.coroutine().waits_for() == Some("read"));
        reader.cancel();
        assert_eq!(reader.join().unwrap(), (Some(libc::ECANCELED), Some(libc::ECANCELED)));
    });
}
