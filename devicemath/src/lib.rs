//! libm's functions under their C names, for GPUs: the machine code is made from this crate's
//! bitcode, for another machine than the one that it was compiled for.

#![no_std]

#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    loop {}
}

macro_rules! functions {
    ($number:ty; $($name:ident)*; $($second:ident)*) => {
        $(
            #[unsafe(no_mangle)]
            pub extern "C" fn $name(x: $number) -> $number {
                libm::$name(x)
            }
        )*
        $(
            #[unsafe(no_mangle)]
            pub extern "C" fn $second(x: $number, y: $number) -> $number {
                libm::$second(x, y)
            }
        )*
    };
}

mod complex;
mod slices;

mod double {
    functions! { f64;
        sin cos tan asin acos atan sinh cosh tanh asinh acosh atanh
        exp exp2 expm1 log log2 log10 log1p cbrt erf erfc tgamma lgamma;
        atan2 pow fmod hypot remainder nextafter fdim
    }
}

mod single {
    functions! { f32;
        sinf cosf tanf asinf acosf atanf sinhf coshf tanhf asinhf acoshf atanhf
        expf exp2f expm1f logf log2f log10f log1pf cbrtf erff erfcf tgammaf lgammaf;
        atan2f powf fmodf hypotf remainderf nextafterf fdimf
    }
}
