//! Unix-domain addresses between std's type, which users see, and socket2's, which system calls take.

use std::ffi::OsStr;
use std::io;
#[cfg(target_os = "android")]
use std::os::android::net::SocketAddrExt;
#[cfg(target_os = "linux")]
use std::os::linux::net::SocketAddrExt;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::SocketAddr;

use socket2::SockAddr;

/// std's address for the kernel's.
///
/// No length at all (a datagram from an unnamed socket) means unnamed, as in std. A path of all 108 bytes, which only
/// other libraries can bind since std wants room for a NUL, has no constructor in std and counts as unnamed too:
/// losing the datagram over it would be worse.
pub(crate) fn from_kernel(addr: Option<&SockAddr>) -> io::Result<SocketAddr> {
    let Some(addr) = addr else { return unnamed() };
    if addr.len() > 0 && !addr.is_unix() {
        return Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            "file descriptor did not correspond to a Unix socket",
        ));
    }
    #[cfg(any(target_os = "linux", target_os = "android"))]
    if let Some(name) = addr.as_abstract_namespace() {
        return SocketAddr::from_abstract_name(name);
    }
    match addr.as_pathname().map(SocketAddr::from_pathname) {
        Some(Ok(path)) => Ok(path),
        Some(Err(_)) | None => unnamed(),
    }
}

/// The kernel's address for std's.
pub(crate) fn to_kernel(addr: &SocketAddr) -> io::Result<SockAddr> {
    #[cfg(any(target_os = "linux", target_os = "android"))]
    if let Some(name) = addr.as_abstract_name() {
        let name: Vec<u8> = std::iter::once(0).chain(name.iter().copied()).collect();
        return SockAddr::unix(OsStr::from_bytes(&name));
    }
    SockAddr::unix(addr.as_pathname().map_or(OsStr::from_bytes(b""), |path| path.as_os_str()))
}

fn unnamed() -> io::Result<SocketAddr> {
    SocketAddr::from_pathname("")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn round_trip(addr: &SocketAddr) -> SocketAddr {
        from_kernel(Some(&to_kernel(addr).unwrap())).unwrap()
    }

    #[test]
    fn every_kind_survives_the_round_trip() {
        let path = SocketAddr::from_pathname("/tmp/a socket").unwrap();
        assert_eq!(round_trip(&path).as_pathname(), path.as_pathname());
        let longest = "x".repeat(107);
        assert_eq!(
            round_trip(&SocketAddr::from_pathname(&longest).unwrap())
                .as_pathname()
                .unwrap()
                .as_os_str(),
            OsStr::new(&longest)
        );
        assert!(round_trip(&unnamed().unwrap()).is_unnamed());
    }

    #[test]
    #[cfg(any(target_os = "linux", target_os = "android"))]
    fn abstract_names_keep_every_byte() {
        for name in [&b""[..], b"name", b"\0inner\0nul\0", &[7; 107]] {
            let addr = SocketAddr::from_abstract_name(name).unwrap();
            assert_eq!(round_trip(&addr).as_abstract_name(), Some(name));
        }
    }

    #[test]
    fn another_family_is_refused_as_in_std() {
        let inet = SockAddr::from(std::net::SocketAddr::from(([127, 0, 0, 1], 1)));
        assert_eq!(from_kernel(Some(&inet)).unwrap_err().kind(), io::ErrorKind::InvalidInput);
    }
}
