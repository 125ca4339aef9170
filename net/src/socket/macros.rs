//! The parts that several socket types have word for word: descriptor traits, modes, `Read` and `Write`, `Debug`.

/// Conversions between the type, std's and descriptors. `$adopt` makes the type of std's, `$release` the reverse.
macro_rules! fd_traits {
    ($ours:ident, $std:ty, $adopt:expr) => {
        impl From<$std> for $ours {
            /// Takes over std's socket, with the non-blocking mode and time-outs it has. Never suspends.
            fn from(io: $std) -> $ours {
                $adopt(io)
            }
        }

        impl From<$ours> for $std {
            /// Gives std's socket back, in the modes that were set through this type. Never suspends.
            fn from(socket: $ours) -> $std {
                socket.0.into_std()
            }
        }

        impl From<::std::os::fd::OwnedFd> for $ours {
            fn from(fd: ::std::os::fd::OwnedFd) -> $ours {
                $ours::from(<$std>::from(fd))
            }
        }

        impl From<$ours> for ::std::os::fd::OwnedFd {
            fn from(socket: $ours) -> ::std::os::fd::OwnedFd {
                <$std>::from(socket).into()
            }
        }

        impl ::std::os::fd::AsFd for $ours {
            fn as_fd(&self) -> ::std::os::fd::BorrowedFd<'_> {
                self.0.as_fd()
            }
        }

        impl ::std::os::fd::AsRawFd for $ours {
            fn as_raw_fd(&self) -> ::std::os::fd::RawFd {
                ::std::os::fd::AsRawFd::as_raw_fd(&::std::os::fd::AsFd::as_fd(self))
            }
        }

        impl ::std::os::fd::FromRawFd for $ours {
            unsafe fn from_raw_fd(fd: ::std::os::fd::RawFd) -> $ours {
                // SAFETY: the caller owns `fd` and gives it up: the contract of this function is that of std's.
                $ours::from(unsafe { <$std as ::std::os::fd::FromRawFd>::from_raw_fd(fd) })
            }
        }

        impl ::std::os::fd::IntoRawFd for $ours {
            fn into_raw_fd(self) -> ::std::os::fd::RawFd {
                ::std::os::fd::IntoRawFd::into_raw_fd(<$std>::from(self))
            }
        }
    };
}
pub(crate) use fd_traits;

/// `Debug` with std's text, fields included: it prints the same local and peer address and descriptor.
macro_rules! debug_as_std {
    ($ours:ident) => {
        impl ::std::fmt::Debug for $ours {
            fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                ::std::fmt::Debug::fmt(self.0.io(), f)
            }
        }
    };
}
pub(crate) use debug_as_std;

/// `set_nonblocking` and `take_error`, which all six types have.
macro_rules! nonblocking_methods {
    () => {
        /// Moves the socket into or out of non-blocking mode.
        ///
        /// In it, calls that would wait return [`WouldBlock`](std::io::ErrorKind::WouldBlock) at once, on a coroutine
        /// too. Clones share the mode. A mode that is changed behind this type's back, by `fcntl` on the raw
        /// descriptor, is not noticed by coroutines. Never suspends.
        ///
        /// # Errors
        ///
        /// The error of `ioctl(FIONBIO)`.
        pub fn set_nonblocking(&self, nonblocking: bool) -> ::std::io::Result<()> {
            let set = || self.0.io().set_nonblocking(nonblocking);
            self.0.modes().set_nonblocking(::std::os::fd::AsFd::as_fd(self), nonblocking, set)
        }

        /// Takes the socket's pending error, `SO_ERROR`, and clears it. Never suspends.
        ///
        /// # Errors
        ///
        /// The error of `getsockopt`.
        pub fn take_error(&self) -> ::std::io::Result<Option<::std::io::Error>> {
            self.0.io().take_error()
        }
    };
}
pub(crate) use nonblocking_methods;

/// Time-outs, which the four types that read and write have, besides [`nonblocking_methods`].
macro_rules! mode_methods {
    () => {
        $crate::socket::nonblocking_methods!();

        /// Sets how long a call that receives waits. `None`, the default, is for ever.
        ///
        /// On time-out it returns [`WouldBlock`](std::io::ErrorKind::WouldBlock), as std does on Unix. Clones share
        /// the setting (`SO_RCVTIMEO`); one that is made on the raw descriptor is not noticed by coroutines. Never
        /// suspends.
        ///
        /// # Errors
        ///
        /// `InvalidInput` for a zero `timeout`; otherwise the error of `setsockopt`.
        pub fn set_read_timeout(
            &self,
            timeout: Option<::std::time::Duration>,
        ) -> ::std::io::Result<()> {
            self.0.modes().set_read_timeout(timeout, || self.0.io().set_read_timeout(timeout))
        }

        /// Sets how long a call that sends waits. `None`, the default, is for ever.
        ///
        /// On time-out it returns the number of bytes that went out, or
        /// [`WouldBlock`](std::io::ErrorKind::WouldBlock) if there were none. Shared and noticed as
        /// [`set_read_timeout`](Self::set_read_timeout) says (`SO_SNDTIMEO`). Never suspends.
        ///
        /// # Errors
        ///
        /// `InvalidInput` for a zero `timeout`; otherwise the error of `setsockopt`.
        pub fn set_write_timeout(
            &self,
            timeout: Option<::std::time::Duration>,
        ) -> ::std::io::Result<()> {
            self.0.modes().set_write_timeout(timeout, || self.0.io().set_write_timeout(timeout))
        }

        /// The read time-out, as the kernel has rounded it. Never suspends.
        ///
        /// # Errors
        ///
        /// The error of `getsockopt`.
        pub fn read_timeout(&self) -> ::std::io::Result<Option<::std::time::Duration>> {
            self.0.io().read_timeout()
        }

        /// The write time-out, as the kernel has rounded it. Never suspends.
        ///
        /// # Errors
        ///
        /// The error of `getsockopt`.
        pub fn write_timeout(&self) -> ::std::io::Result<Option<::std::time::Duration>> {
            self.0.io().write_timeout()
        }
    };
}
pub(crate) use mode_methods;

/// `Read` and `Write` for a stream type and for references to it.
macro_rules! read_write {
    ($ours:ident) => {
        impl ::std::io::Read for $ours {
            fn read(&mut self, buf: &mut [u8]) -> ::std::io::Result<usize> {
                (&*self).read(buf)
            }

            fn read_vectored(
                &mut self,
                bufs: &mut [::std::io::IoSliceMut<'_>],
            ) -> ::std::io::Result<usize> {
                (&*self).read_vectored(bufs)
            }
        }

        impl ::std::io::Read for &$ours {
            fn read(&mut self, buf: &mut [u8]) -> ::std::io::Result<usize> {
                if self.0.is_plain() { self.0.io().read(buf) } else { self.0.recv(buf) }
            }

            fn read_vectored(
                &mut self,
                bufs: &mut [::std::io::IoSliceMut<'_>],
            ) -> ::std::io::Result<usize> {
                if self.0.is_plain() || bufs.iter().all(|buf| buf.is_empty()) {
                    self.0.io().read_vectored(bufs)
                } else {
                    self.0.recv_vectored(bufs)
                }
            }
        }

        impl ::std::io::Write for $ours {
            fn write(&mut self, buf: &[u8]) -> ::std::io::Result<usize> {
                (&*self).write(buf)
            }

            fn write_vectored(
                &mut self,
                bufs: &[::std::io::IoSlice<'_>],
            ) -> ::std::io::Result<usize> {
                (&*self).write_vectored(bufs)
            }

            /// Does nothing: what was written is in the kernel.
            fn flush(&mut self) -> ::std::io::Result<()> {
                Ok(())
            }
        }

        impl ::std::io::Write for &$ours {
            fn write(&mut self, buf: &[u8]) -> ::std::io::Result<usize> {
                if self.0.is_plain() { self.0.io().write(buf) } else { self.0.write(buf) }
            }

            fn write_vectored(
                &mut self,
                bufs: &[::std::io::IoSlice<'_>],
            ) -> ::std::io::Result<usize> {
                if self.0.is_plain() || bufs.iter().all(|buf| buf.is_empty()) {
                    self.0.io().write_vectored(bufs)
                } else {
                    self.0.write_vectored(bufs)
                }
            }

            /// Does nothing: what was written is in the kernel.
            fn flush(&mut self) -> ::std::io::Result<()> {
                Ok(())
            }
        }
    };
}
pub(crate) use read_write;
