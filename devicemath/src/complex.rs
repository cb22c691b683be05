//! Complex numbers by address, as `runtime/complex.c` has them: C99's rules for infinities, and quotients
//! that do not overflow on the way.

macro_rules! complex {
    ($number:ty, $bits:ident, $fmax:ident, $abs:ident, $copysign:ident, $scalbn:ident, $ilogb:ident,
     $hypot:ident, $parts:ident, $product:ident, $quotient:ident, $absolute:ident) => {
        mod $bits {
            use libm::{$abs as abs, $copysign as copysign, $fmax as fmax, $hypot as hypot};
            use libm::{$ilogb as ilogb, $scalbn as scalbn};

            type Complex = [$number; 2];

            /// # Safety
            /// The addresses are of complex numbers.
            #[unsafe(no_mangle)]
            pub unsafe extern "C" fn $parts(to: *mut Complex, from: *const Complex) {
                // SAFETY: see above.
                unsafe { *to = *from };
            }

            fn boxed(x: $number) -> $number {
                copysign(if x.is_infinite() { 1.0 } else { 0.0 }, x)
            }

            fn zeroed(x: $number) -> $number {
                if x.is_nan() { copysign(0.0, x) } else { x }
            }

            fn multiply(x: Complex, y: Complex) -> Complex {
                let ([mut a, mut b], [mut c, mut d]) = (x, y);
                let (ac, bd, ad, bc) = (a * c, b * d, a * d, b * c);
                let found = [ac - bd, ad + bc];
                if !(found[0].is_nan() && found[1].is_nan()) {
                    return found;
                }
                let mut again = false;
                if a.is_infinite() || b.is_infinite() {
                    (a, b, c, d) = (boxed(a), boxed(b), zeroed(c), zeroed(d));
                    again = true;
                }
                if c.is_infinite() || d.is_infinite() {
                    (c, d, a, b) = (boxed(c), boxed(d), zeroed(a), zeroed(b));
                    again = true;
                }
                let over = [ac, bd, ad, bc].iter().any(|part| part.is_infinite());
                if !again && over {
                    (a, b, c, d) = (zeroed(a), zeroed(b), zeroed(c), zeroed(d));
                    again = true;
                }
                if !again {
                    return found;
                }
                let far = <$number>::INFINITY;
                [far * (a * c - b * d), far * (a * d + b * c)]
            }

            fn divide(x: Complex, y: Complex) -> Complex {
                let ([mut a, mut b], [mut c, mut d]) = (x, y);
                let most = fmax(abs(c), abs(d));
                let mut shift = 0;
                if most.is_finite() && most != 0.0 {
                    shift = ilogb(most);
                    c = scalbn(c, -shift);
                    d = scalbn(d, -shift);
                }
                let size = c * c + d * d;
                let re = scalbn((a * c + b * d) / size, -shift);
                let im = scalbn((b * c - a * d) / size, -shift);
                if !(re.is_nan() && im.is_nan()) {
                    return [re, im];
                }
                let far = <$number>::INFINITY;
                if size == 0.0 && !(a.is_nan() && b.is_nan()) {
                    let far = copysign(far, c);
                    return [far * a, far * b];
                }
                if (a.is_infinite() || b.is_infinite()) && c.is_finite() && d.is_finite() {
                    (a, b) = (boxed(a), boxed(b));
                    return [far * (a * c + b * d), far * (b * c - a * d)];
                }
                if most.is_infinite() && a.is_finite() && b.is_finite() {
                    (c, d) = (boxed(c), boxed(d));
                    return [0.0 * (a * c + b * d), 0.0 * (b * c - a * d)];
                }
                [re, im]
            }

            /// # Safety
            /// The addresses are of complex numbers.
            #[unsafe(no_mangle)]
            pub unsafe extern "C" fn $product(
                to: *mut Complex,
                x: *const Complex,
                y: *const Complex,
            ) {
                // SAFETY: see above.
                unsafe { *to = multiply(*x, *y) };
            }

            /// # Safety
            /// The addresses are of complex numbers.
            #[unsafe(no_mangle)]
            pub unsafe extern "C" fn $quotient(
                to: *mut Complex,
                x: *const Complex,
                y: *const Complex,
            ) {
                // SAFETY: see above.
                unsafe { *to = divide(*x, *y) };
            }

            /// # Safety
            /// The addresses are of a number and a complex number.
            #[unsafe(no_mangle)]
            pub unsafe extern "C" fn $absolute(to: *mut $number, x: *const Complex) {
                // SAFETY: see above.
                unsafe { *to = hypot((*x)[0], (*x)[1]) };
            }
        }
    };
}

complex!(
    f64,
    double,
    fmax,
    fabs,
    copysign,
    scalbn,
    ilogb,
    hypot,
    cyl_complex_from_parts_f64,
    cyl_complex_prod_f64,
    cyl_complex_quot_f64,
    cyl_complex_abs_f64
);
complex!(
    f32,
    single,
    fmaxf,
    fabsf,
    copysignf,
    scalbnf,
    ilogbf,
    hypotf,
    cyl_complex_from_parts_f32,
    cyl_complex_prod_f32,
    cyl_complex_quot_f32,
    cyl_complex_abs_f32
);
