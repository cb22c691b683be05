//! The gamma function and its logarithm, from Stirling's series with 106 bits: libm's are wrong by up to 8
//! units in the last place.

use crate::double_double::{Double, PI};

/// ln(2 pi) / 2
const HALF_LN_2_PI: Double = Double {
    high: f64::from_bits(0x3fed67f1c864beb5),
    low: f64::from_bits(0xbc865b5a1b7ff5df_u64),
};
/// Stirling's series is used from here on.
const FAR: f64 = 16.0;
/// B(2k) / (2k (2k - 1)) from k = 3 on: numerators and denominators.
const SERIES: [(f64, f64); 8] = [
    (1.0, 1260.0),
    (-1.0, 1680.0),
    (1.0, 1188.0),
    (-691.0, 360_360.0),
    (1.0, 156.0),
    (-3617.0, 122_400.0),
    (43_867.0, 244_188.0),
    (-174_611.0, 125_400.0),
];
/// zeta(n) / n for n from 2 on, with Euler's constant before them.
const ZETA: [f64; 6] = [
    0.577_215_664_901_532_9,
    0.822_467_033_424_113_2,
    0.400_685_634_386_531_4,
    0.270_580_808_427_784_5,
    0.207_385_551_028_673_98,
    0.169_557_176_997_408_2,
];

/// The logarithm of the gamma function and what it is to be divided by, for positive numbers.
fn stirling(x: f64) -> (Double, Double) {
    let (mut z, mut divisor) = (Double::of(x), Double::ONE);
    while z.high < FAR {
        divisor = divisor * z;
        z = z + Double::ONE;
    }
    let inverse = Double::ONE / z;
    let square = inverse * inverse;
    let mut rest = 0.0;
    for (over, under) in SERIES.iter().rev() {
        rest = rest * square.high + over / under;
    }
    let third = Double::ONE / Double::of(360.0) - square * Double::of(rest);
    let series = inverse * (Double::ONE / Double::of(12.0) - square * third);
    let log = (z - Double::of(0.5)) * z.ln() - z + HALF_LN_2_PI + series;
    (log, divisor)
}

/// How far a number is from the nearest integer, and whether that one is odd.
fn off_integer(x: f64) -> (f64, bool) {
    let nearest = libm::rint(x);
    (libm::fabs(x - nearest), libm::fmod(nearest, 2.0) != 0.0)
}

pub(crate) fn tgamma(x: f64) -> f64 {
    if x.is_nan() || x == f64::INFINITY {
        return x;
    }
    let size = libm::fabs(x);
    if size < 1e-18 {
        return 1.0 / x;
    }
    if x < 0.0 && libm::rint(x) == x {
        return f64::NAN; // minus infinity, too
    }
    if x > 172.0 {
        return f64::INFINITY;
    }
    if x < -185.0 {
        return if libm::fmod(libm::floor(x), 2.0) == 0.0 {
            0.0
        } else {
            -0.0
        };
    }
    let (log, divisor) = stirling(size);
    let (power, exponent) = log.exp();
    let gamma = power / divisor;
    if x > 0.0 {
        return libm::scalbn(gamma.rounded(), exponent);
    }
    // gamma(x) gamma(-x) = -pi / (x sin(pi x))
    let (off, odd) = off_integer(size);
    let found = PI / (Double::of(size) * Double::sin_pi(off) * gamma);
    let below = size < libm::rint(size);
    let value = libm::scalbn(found.rounded(), -exponent);
    if odd == below { -value } else { value }
}

/// lgamma(1 + d) and lgamma(2 + d), for d near zero, where their logarithms would cancel out.
fn near_zero(d: f64, second: bool) -> f64 {
    let less = if second { 1.0 } else { 0.0 };
    if d == 0.0 {
        return 0.0;
    }
    let mut sum = 0.0;
    for (index, zeta) in ZETA.iter().enumerate().skip(1).rev() {
        let n = (index + 1) as f64;
        let coefficient = zeta - less / n;
        sum = coefficient - d * sum;
    }
    let first = less - ZETA[0];
    d * (first + d * sum)
}

pub(crate) fn lgamma(x: f64) -> f64 {
    if x.is_nan() {
        return x;
    }
    let size = libm::fabs(x);
    if size.is_infinite() || x <= 0.0 && libm::rint(x) == x {
        return f64::INFINITY;
    }
    if size < 1e-18 {
        return -libm::log(size);
    }
    for (at, second) in [(1.0, false), (2.0, true)] {
        let d = x - at;
        if libm::fabs(d) < 1e-4 {
            return near_zero(d, second);
        }
    }
    if x > 3e305 {
        return f64::INFINITY;
    }
    if x > 1e17 {
        let log = Double::of(x).ln() - Double::ONE;
        return log.high * x + log.low * x;
    }
    let (log, divisor) = stirling(size);
    let log = log - divisor.ln();
    if x > 0.0 {
        return log.rounded();
    }
    let (off, _) = off_integer(size);
    let reflected = PI / (Double::of(size) * Double::sin_pi(off));
    (reflected.ln() - log).rounded()
}
