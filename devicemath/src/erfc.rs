//! The complementary error function.
//!
//! The intervals and their coefficients are those of FreeBSD's `s_erf.c`, as in the crate libm:
//!
//! Copyright (C) 1993 by Sun Microsystems, Inc. All rights reserved.
//! Developed at SunPro, a Sun Microsystems, Inc. business. Permission to use, copy, modify, and distribute
//! this software is freely granted, provided that this notice is preserved.
//!
//! The exponential differs: its whole argument is kept in two doubles, where the original multiplies two
//! exponentials and is wrong by up to 3 units in the last place.

#![expect(clippy::excessive_precision, reason = "the digits of the original")]

use crate::double_double::Double;

/// Numerator below 0.84375, of the square.
const PP: [f64; 5] = [
    1.28379167095512558561e-01,
    -3.25042107247001499370e-01,
    -2.84817495755985104766e-02,
    -5.77027029648944159157e-03,
    -2.37630166566501626084e-05,
];
/// Denominator below 0.84375, of the square.
const QQ: [f64; 6] = [
    1.0,
    3.97917223959155352819e-01,
    6.50222499887672944485e-02,
    5.08130628187576562776e-03,
    1.32494738004321644526e-04,
    -3.96022827877536812320e-06,
];
/// erf(1), to single precision.
const ERF_1: f64 = 8.45062911510467529297e-01;
/// Numerator from 0.84375 to 1.25.
const PA: [f64; 7] = [
    -2.36211856075265944077e-03,
    4.14856118683748331666e-01,
    -3.72207876035701323847e-01,
    3.18346619901161753674e-01,
    -1.10894694282396677476e-01,
    3.54783043256182359371e-02,
    -2.16637559486879084300e-03,
];
/// Denominator from 0.84375 to 1.25.
const QA: [f64; 7] = [
    1.0,
    1.06420880400844228286e-01,
    5.40397917702171048937e-01,
    7.18286544141962662868e-02,
    1.26171219808761642112e-01,
    1.36370839120290507362e-02,
    1.19844998467991074170e-02,
];
/// Numerator from 1.25 to 1 / 0.35.
const RA: [f64; 8] = [
    -9.86494403484714822705e-03,
    -6.93858572707181764372e-01,
    -1.05586262253232909814e1,
    -6.23753324503260060396e1,
    -1.62396669462573470355e2,
    -1.84605092906711035994e2,
    -8.12874355063065934246e1,
    -9.81432934416914548592e0,
];
/// Denominator from 1.25 to 1 / 0.35.
const SA: [f64; 9] = [
    1.0,
    1.96512716674392571292e1,
    1.37657754143519042600e2,
    4.34565877475229228821e2,
    6.45387271733267880336e2,
    4.29008140027567833386e2,
    1.08635005541779435134e2,
    6.57024977031928170135e0,
    -6.04244152148580987438e-02,
];
/// Numerator from 1 / 0.35 to 28.
const RB: [f64; 7] = [
    -9.86494292470009928597e-03,
    -7.99283237680523006574e-01,
    -1.77579549177547519889e1,
    -1.60636384855821916062e2,
    -6.37566443368389627722e2,
    -1.02509513161107724954e3,
    -4.83519191608651397019e2,
];
/// Denominator from 1 / 0.35 to 28.
const SB: [f64; 8] = [
    1.0,
    3.03380607434824582924e1,
    3.25792512996573918826e2,
    1.53672958608443695994e3,
    3.19985821950859553908e3,
    2.55305040643316442583e3,
    4.74528541206955367215e2,
    -2.24409524465858183362e1,
];

fn polynomial(coefficients: &[f64], x: f64) -> f64 {
    coefficients
        .iter()
        .rev()
        .fold(0.0, |sum, next| sum * x + next)
}

/// The same, with the terms of the lowest powers in two doubles.
fn exact_polynomial(coefficients: &[f64], x: f64) -> Double {
    let (first, rest) = coefficients.split_at(3);
    let sum = Double::of(polynomial(rest, x));
    first
        .iter()
        .rev()
        .fold(sum, |sum, next| sum * Double::of(x) + Double::of(*next))
}

pub(crate) fn erfc(x: f64) -> f64 {
    if !(0.25..27.3).contains(&x) {
        return libm::erfc(x);
    }
    if x < 0.84375 {
        let quotient = polynomial(&PP, x * x) / polynomial(&QQ, x * x);
        let error = Double::of(x) + Double::product(x, quotient);
        return (Double::ONE - error).rounded();
    }
    if x < 1.25 {
        let quotient = exact_polynomial(&PA, x - 1.0) / exact_polynomial(&QA, x - 1.0);
        return (Double::of(1.0 - ERF_1) - quotient).rounded();
    }
    let s = 1.0 / (x * x);
    let quotient = if x < 1.0 / 0.35 {
        polynomial(&RA, s) / polynomial(&SA, s)
    } else {
        polynomial(&RB, s) / polynomial(&SB, s)
    };
    let argument = Double::of(quotient) - Double::of(0.5625) - Double::product(x, x);
    let (part, exponent) = argument.by_ln_2();
    let less_one = libm::expm1(part.high);
    let power = Double::sum(1.0, less_one + part.low * (1.0 + less_one));
    libm::scalbn((power / Double::of(x)).rounded(), exponent)
}
