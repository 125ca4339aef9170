//! Names: literals, localhost, names that do not exist, deadlines.

mod common;

use common::*;
use greenwood_net::dns::lookup_host;
use greenwood_net::{SocketAddr, TcpListener, TcpStream, ToSocketAddrs, UdpSocket};
use std::io::ErrorKind;
use std::time::Duration;

const LONG: Duration = Duration::from_secs(30);

fn addrs(from: impl ToSocketAddrs) -> Vec<SocketAddr> {
    from.to_socket_addrs().unwrap().collect()
}

#[test]
fn literals_need_no_lookup() {
    both(|| {
        let expected: Vec<SocketAddr> = vec!["127.0.0.1:80".parse().unwrap()];
        assert_eq!(addrs("127.0.0.1:80"), expected);
        assert_eq!(addrs(("127.0.0.1", 80)), expected);
        assert_eq!(addrs((String::from("127.0.0.1"), 80)), expected);
        assert_eq!(addrs(&expected[..]), expected);
        assert_eq!(addrs(expected[0]), expected);
        assert_eq!(addrs("[::1]:80"), ["[::1]:80".parse().unwrap()]);
        assert_eq!(lookup_host("::1", 5, Duration::ZERO).unwrap(), ["[::1]:5".parse().unwrap()]);
    });
}

#[test]
fn localhost_is_the_loopback() {
    both(|| {
        let ours = addrs("localhost:1234");
        let std: Vec<_> =
            std::net::ToSocketAddrs::to_socket_addrs("localhost:1234").unwrap().collect();
        assert_eq!(ours, std);
        assert!(ours.iter().all(|addr| addr.ip().is_loopback() && addr.port() == 1234));
    });
}

#[test]
fn text_of_another_form_is_refused() {
    both(|| {
        for text in ["localhost", "localhost:", "localhost:70000", "localhost:-1", ""] {
            let ours = text.to_socket_addrs().unwrap_err();
            let std = std::net::ToSocketAddrs::to_socket_addrs(text).unwrap_err();
            assert_eq!((ours.kind(), ours.to_string()), (std.kind(), std.to_string()), "{text:?}");
        }
        let nul = ("a\0b", 1).to_socket_addrs().unwrap_err();
        assert_eq!(nul.kind(), ErrorKind::InvalidInput);
    });
}

#[test]
fn errors_name_the_host_and_keep_std_s_kind() {
    both(|| {
        // RFC 6761, section 6.4: "invalid" is never delegated.
        let ours = lookup_host("no-such-host.invalid", 80, LONG).unwrap_err();
        let std = std::net::ToSocketAddrs::to_socket_addrs("no-such-host.invalid:80").unwrap_err();
        assert_eq!(ours.kind(), std.kind());
        assert!(ours.to_string().starts_with("no-such-host.invalid: "), "{ours}");
        assert!(ours.to_string().ends_with(&std.to_string()), "{ours}");
        assert!(TcpStream::connect("no-such-host.invalid:80").is_err());
        assert!(UdpSocket::bind("no-such-host.invalid:80").is_err());
    });
}

#[test]
fn a_deadline_in_the_past_times_out_or_finds() {
    both(|| match lookup_host("localhost", 1, Duration::ZERO) {
        Ok(found) => assert!(found.iter().all(|addr| addr.ip().is_loopback())),
        Err(error) => {
            assert_eq!(error.kind(), ErrorKind::TimedOut);
            assert!(error.to_string().starts_with("localhost: "), "{error}");
        }
    });
}

#[test]
fn many_lookups_at_once_all_end() {
    both(|| {
        let lookups: Vec<_> =
            (0..100).map(|_| go(|| lookup_host("localhost", 9, LONG).unwrap())).collect();
        assert!(lookups.into_iter().all(|lookup| !lookup.join().is_empty()));
    });
}

#[test]
fn names_work_for_bind_connect_and_send() {
    both(|| {
        let listener = TcpListener::bind("localhost:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let client = TcpStream::connect(("localhost", port)).unwrap();
        assert_eq!(client.peer_addr().unwrap().port(), port);
        let udp = UdpSocket::bind("localhost:0").unwrap();
        udp.send_to(b"x", ("localhost", udp.local_addr().unwrap().port())).unwrap();
        assert_eq!(udp.recv(&mut [0; 4]).unwrap(), 1);
    });
}
