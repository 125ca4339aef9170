//! Functions that have something to do on OS threads as well, where `hooks!` would leave them to libc.

/// Like `hooks!`, for functions that do the same wherever they are called: while one of the given groups is installed, the body is called,
/// with libc's own function (its arguments in place) first.
macro_rules! everywhere {
    ($groups:expr; $(fn $name:ident($($arg:ident: $ty:ty),* $(,)?) -> $ret:ty => $body:expr;)*) => {
        $(
            mod $name {
                #[allow(unused_imports)]
                use super::*;

                $crate::glibc::hook::original!($name($($arg: $ty),*) -> $ret);

                #[unsafe(no_mangle)]
                unsafe extern "C" fn $name($($arg: $ty),*) -> $ret {
                    // SAFETY: as the caller promised libc.
                    let own = || unsafe { next($($arg),*) };
                    if !$crate::glibc::hook::is_active($groups) {
                        return own();
                    }
                    let body: fn(&dyn Fn() -> $ret, $($ty),*) -> $ret = $body;
                    body(&own, $($arg),*)
                }

                pub(super) const OURS: *const () = $name as *const ();
            }
        )*

        pub(crate) static HOOKS: &[$crate::glibc::hook::Hook] = &[
            $($crate::glibc::hook::Hook { next: &$name::NEXT, ours: $name::OURS },)*
        ];
    };
}
pub(crate) use everywhere;

/// Like `everywhere!`, for functions whose arguments go to the one behind `=>` as they are. A version after the name is the one of libc's that
/// is meant, where it has several.
macro_rules! instead {
    ($group:ident; $(fn $name:ident($($arg:ident: $ty:ty),* $(,)?) -> $ret:ty $(, $version:literal)? => $body:path;)*) => {
        $(
            pub(crate) mod $name {
                #[allow(unused_imports)]
                use super::*;

                $crate::glibc::hook::original!($name($($arg: $ty),*) -> $ret $(, $version)?);

                #[unsafe(no_mangle)]
                unsafe extern "C" fn $name($($arg: $ty),*) -> $ret {
                    if $crate::glibc::hook::is_active($crate::Patches::$group) {
                        // SAFETY: as the caller promised libc.
                        unsafe { $body($($arg),*) }
                    } else {
                        // SAFETY: as above.
                        unsafe { next($($arg),*) }
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
pub(crate) use instead;
