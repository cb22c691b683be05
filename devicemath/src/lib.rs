//! libm's functions under their C names, for GPUs: the machine code is made from this crate's
//! bitcode, for another machine than the one that it was compiled for.
//!
//! Where the crate libm's is off by more than two units in the last place, the function is our own.

#![no_std]

#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    loop {}
}

/// Functions under their names in C, of one argument and of two.
macro_rules! functions {
    ($number:ty; $($name:ident)*; $($second:ident)*) => {
        $(
            #[unsafe(no_mangle)]
            pub extern "C" fn $name(x: $number) -> $number {
                from::$name(x)
            }
        )*
        $(
            #[unsafe(no_mangle)]
            pub extern "C" fn $second(x: $number, y: $number) -> $number {
                from::$second(x, y)
            }
        )*
    };
}

mod complex;
mod double_double;
mod erfc;
mod gamma;
mod slices;
mod tanh;

mod double {
    mod from {
        pub(super) use crate::erfc::erfc;
        pub(super) use crate::gamma::{lgamma, tgamma};
        pub(super) use crate::tanh::tanh;
        pub(super) use libm::*;
    }

    functions! { f64;
        sin cos tan asin acos atan sinh cosh tanh asinh acosh atanh
        exp exp2 expm1 log log2 log10 log1p cbrt erf erfc tgamma lgamma;
        atan2 pow fmod hypot remainder nextafter fdim
    }
}

mod single {
    use libm as from;

    functions! { f32;
        sinf cosf tanf asinf acosf atanf sinhf coshf tanhf asinhf acoshf atanhf
        expf exp2f expm1f logf log2f log10f log1pf cbrtf erff erfcf tgammaf lgammaf;
        atan2f powf fmodf hypotf remainderf nextafterf fdimf
    }
}
