//! The hyperbolic tangent.

use crate::double_double::Double;

/// From `expm1(2 |x|)`, with the sum and the quotient in two doubles: libm's is wrong by up to 3 units in
/// the last place.
pub(crate) fn tanh(x: f64) -> f64 {
    let size = libm::fabs(x);
    if !(2e-8..20.0).contains(&size) {
        return libm::tanh(x);
    }
    let power = libm::expm1(2.0 * size);
    let quotient = Double::of(power) / Double::sum(power, 2.0);
    libm::copysign(quotient.rounded(), x)
}
