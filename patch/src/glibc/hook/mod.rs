//! How a function of libc's is replaced: the macro that defines one, what comes next, and the gate that every call passes.
//!
//! A function that this crate defines under libc's name is what std, every crate and, as the linker exports it, every C library
//! of the program calls. Off a coroutine, before [`install`](crate::install), and where the runtime itself is what calls, it does nothing but call libc's own.

mod answer;
mod everywhere;
mod gate;
mod next;

pub(crate) use answer::{Answer, answer, errno, keeping_errno, set_errno};
pub(crate) use everywhere::{everywhere, instead};
pub(crate) use gate::{ACTIVE, enter, is_active};
pub(crate) use next::{Next, is_ours, resolve};

/// One replaced function.
#[derive(Clone, Copy)]
pub(crate) struct Hook {
    pub(crate) next: &'static Next,
    /// This crate's function.
    pub(crate) ours: *const (),
}

// SAFETY: an address of code, which nobody writes to.
unsafe impl Sync for Hook {}

/// Defines `NEXT` and `next`, libc's own function of a name, and of a version where it has several.
macro_rules! original {
    ($name:ident($($arg:ident: $ty:ty),*) -> $ret:ty $(, $version:literal)?) => {
        pub(super) static NEXT: $crate::glibc::hook::Next = $crate::glibc::hook::Next::new(
            match std::ffi::CStr::from_bytes_with_nul(concat!(stringify!($name), "\0").as_bytes()) {
                Ok(name) => name,
                Err(_) => unreachable!(),
            },
        )$(.of_version($version))?;

        /// libc's own.
        #[allow(dead_code)]
        #[inline(always)]
        pub(crate) unsafe fn next($($arg: $ty),*) -> $ret {
            let Some(next) = NEXT.get() else { return <$ret as $crate::glibc::hook::Answer>::missing() };
            // SAFETY: the dynamic linker found it under the name of a function with this signature.
            let next: unsafe extern "C" fn($($ty),*) -> $ret = unsafe { std::mem::transmute(next) };
            // SAFETY: the caller's arguments are passed on as they are.
            unsafe { next($($arg),*) }
        }
    };
}
pub(crate) use original;

/// Defines functions of libc's, each in a module of its name with `next`, libc's own. On a coroutine, with its group of patches (one of
/// several) installed, a function passes its arguments to the one behind `=>`, after the proof that the call may wait.
///
/// Variadic functions are declared with all the arguments that they may have: on the machines this is for, each has its
/// register (or place on the stack) whether the caller has set it or not.
macro_rules! hooks {
    ($first:ident $(| $more:ident)*; $(fn $name:ident($($arg:ident: $ty:ty),* $(,)?) -> $ret:ty => $body:path;)*) => {
        /// Any of these is enough.
        const GROUPS: $crate::Patches = $crate::Patches::$first$(.or($crate::Patches::$more))*;

        $(
            pub(crate) mod $name {
                #[allow(unused_imports)]
                use super::*;

                $crate::glibc::hook::original!($name($($arg: $ty),*) -> $ret);

                #[unsafe(no_mangle)]
                unsafe extern "C" fn $name($($arg: $ty),*) -> $ret {
                    // SAFETY: dropped at the end of this.
                    match unsafe { $crate::glibc::hook::enter(GROUPS) } {
                        // SAFETY: as the caller promised libc.
                        None => unsafe { next($($arg),*) },
                        // SAFETY: as above.
                        Some(call) => unsafe { $body(&call, $($arg),*) },
                    }
                }

                pub(super) const OURS: *const () = $name as *const ();
            }
        )*

        pub(crate) static HOOKS: &[$crate::glibc::hook::Hook] = &[
            $($crate::glibc::hook::Hook { next: &$name::NEXT, ours: $name::OURS },)*
        ];
    };
}
pub(crate) use hooks;

#[cfg(test)]
mod tests {
    use greenwood_runtime::interpose::Call;
    use libc::c_int;

    use super::errno;

    hooks! {
        IO;
        fn greenwood_function_of_no_libc(number: c_int) -> c_int => never;
    }

    unsafe fn never(_: &Call, _: c_int) -> c_int {
        unreachable!("nothing is installed")
    }

    #[test]
    fn a_function_that_libc_lacks_fails() {
        assert!(HOOKS[0].next.get().is_none());
        // SAFETY: takes a number.
        assert_eq!(unsafe { greenwood_function_of_no_libc::next(1) }, -1);
        assert_eq!(errno(), libc::ENOSYS);
    }
}
