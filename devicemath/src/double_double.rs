//! Numbers as unevaluated sums of two doubles (about 106 bits), for functions whose intermediate values
//! need more than a double has: T. J. Dekker, "A floating-point technique for extending the available
//! precision", Numer. Math. 18 (1971).  Exponents stay far from the ends of the range.

use core::ops::{Add, Div, Mul, Neg, Sub};

#[derive(Clone, Copy)]
pub(crate) struct Double {
    pub(crate) high: f64,
    pub(crate) low: f64,
}

/// ln 2
const LN_2: Double = Double {
    high: f64::from_bits(0x3fe62e42fefa39ef),
    low: f64::from_bits(0x3c7abc9e3b39803f),
};
/// pi
pub(crate) const PI: Double = Double {
    high: f64::from_bits(0x400921fb54442d18),
    low: f64::from_bits(0x3ca1a62633145c07),
};

impl Double {
    pub(crate) const ONE: Self = Self::of(1.0);

    pub(crate) const fn of(high: f64) -> Self {
        Self { high, low: 0.0 }
    }

    /// `a + b`, exactly.
    pub(crate) fn sum(a: f64, b: f64) -> Self {
        let high = a + b;
        let back = high - a;
        Self {
            high,
            low: (a - (high - back)) + (b - back),
        }
    }

    /// `a * b`, exactly.
    pub(crate) fn product(a: f64, b: f64) -> Self {
        fn halves(x: f64) -> (f64, f64) {
            let scaled = x * 134_217_729.0; // 2^27 + 1
            let high = scaled - (scaled - x);
            (high, x - high)
        }
        let high = a * b;
        let ((a, c), (b, d)) = (halves(a), halves(b));
        Self {
            high,
            low: ((a * b - high) + a * d + c * b) + c * d,
        }
    }

    /// Of parts of which the first is the greater by far, or zero.
    fn renewed(high: f64, low: f64) -> Self {
        let sum = high + low;
        Self {
            high: sum,
            low: low - (sum - high),
        }
    }

    /// By a power of two.
    pub(crate) fn scaled(self, power: f64) -> Self {
        Self {
            high: self.high * power,
            low: self.low * power,
        }
    }

    /// The nearest double.
    pub(crate) fn rounded(self) -> f64 {
        self.high + self.low
    }

    /// e to this, as a number from 0.7 to 1.5 and the exponent of a power of two.  For arguments below
    /// 2000 in magnitude.
    pub(crate) fn exp(self) -> (Self, i32) {
        let (part, exponent) = self.by_ln_2();
        // 2^8 parts, so that few terms of the series are needed.
        let part = part.scaled(1.0 / 256.0);
        let mut less_one = Self::of(0.0);
        let mut n = 9.0;
        while n > 1.0 {
            less_one = (part + part * less_one) / Self::of(n);
            n -= 1.0;
        }
        less_one = part + part * less_one;
        for _ in 0..8 {
            less_one = less_one.scaled(2.0) + less_one * less_one;
        }
        (Self::ONE + less_one, exponent)
    }

    /// What is left of this, from -0.35 to 0.35, and how many times ln 2 has been taken off.
    pub(crate) fn by_ln_2(self) -> (Self, i32) {
        let times = libm::rint(self.high / LN_2.high);
        (self - LN_2 * Self::of(times), times as i32)
    }

    /// The natural logarithm of a positive number.
    pub(crate) fn ln(self) -> Self {
        let (mut fraction, mut exponent) = libm::frexp(self.high);
        if fraction < core::f64::consts::FRAC_1_SQRT_2 {
            fraction *= 2.0;
            exponent -= 1;
        }
        let near = libm::log(fraction);
        let low = if self.low == 0.0 {
            0.0
        } else {
            self.low / self.high * fraction
        };
        let (power, shift) = Self::of(-near).exp();
        let power = power.scaled(if shift == 0 {
            1.0
        } else {
            libm::scalbn(1.0, shift)
        });
        let rest = Self::renewed(fraction, low) * power - Self::ONE;
        let correction = rest - (rest * rest).scaled(0.5);
        LN_2 * Self::of(f64::from(exponent)) + (Self::of(near) + correction)
    }

    /// The sine of pi times a number from 0 to 0.5.
    pub(crate) fn sin_pi(x: f64) -> Self {
        let (angle, cosine) = if x <= 0.25 {
            (PI * Self::of(x), false)
        } else {
            (PI * Self::of(0.5 - x), true)
        };
        let square = angle * angle;
        // The terms left out are below 2^-110.
        let mut n = if cosine { 26.0 } else { 27.0 };
        let mut series = Self::of(0.0);
        while n > 1.5 {
            series = square * (Self::ONE - series) / Self::of(n * (n - 1.0));
            n -= 2.0;
        }
        let factor = Self::ONE - series;
        if cosine { factor } else { angle * factor }
    }
}

impl Add for Double {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        let high = Self::sum(self.high, other.high);
        let low = Self::sum(self.low, other.low);
        let first = Self::renewed(high.high, high.low + low.high);
        Self::renewed(first.high, first.low + low.low)
    }
}

impl Neg for Double {
    type Output = Self;
    fn neg(self) -> Self {
        Self {
            high: -self.high,
            low: -self.low,
        }
    }
}

impl Sub for Double {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        self + -other
    }
}

impl Mul for Double {
    type Output = Self;
    fn mul(self, other: Self) -> Self {
        let product = Self::product(self.high, other.high);
        Self::renewed(
            product.high,
            product.low + (self.high * other.low + self.low * other.high),
        )
    }
}

impl Div for Double {
    type Output = Self;
    fn div(self, other: Self) -> Self {
        let first = self.high / other.high;
        let rest = self - other * Self::of(first);
        let second = rest.high / other.high;
        let rest = rest - other * Self::of(second);
        Self::renewed(first, second) + Self::of(rest.high / other.high)
    }
}
