"""Logarithm, exponential and angles without branches: for `Lanes` and for plain numbers.

Each is a polynomial on a short interval, to which the argument is brought. The coefficients interpolate the function
at Chebyshev's points of the interval (computed with forty digits); what is left out is below 4e-17, so the results are
good to a few units of the sixteenth digit. They are for numbers of a detector: no subnormal numbers, no overflow,
angles up to 1e5 rad. What is not a number stays none or, in a lane that is thrown away, becomes anything.
"""

import math

from toymc.kernels import inlined_kernel
from toymc.lanes import bits_of, chosen, nearest, of_bits, real, root, whole

_LOG2_HIGH = 6.93147180369123816490e-01
_LOG2_LOW = 1.90821492927058770002e-10
_HALF_PI_HIGH = 1.5707963267341256
_HALF_PI_LOW = 6.077100506506192e-11
_TAN_22_5 = math.tan(math.pi / 8.0)
_ONE = 0x3FF0000000000000
_FRACTION = 0x000FFFFFFFFFFFFF


@inlined_kernel
def log_of(x):
    """Natural logarithm of a positive number."""
    bits = bits_of(x)
    power = real((bits >> 52) - 1023)
    m = of_bits((bits & _FRACTION) | _ONE)
    high = m > math.sqrt(2.0)
    m = chosen(high, 0.5 * m, m)
    power = chosen(high, power + 1.0, power)
    s = (m - 1.0) / (m + 1.0)
    z = s * s
    p = 0.18183632204378253 + z * (0.153125141119238 + z * 0.14809857144897)
    p = 0.2857142876073187 + z * (0.22222197047088985 + z * p)
    p = s * (2.0 + z * (0.6666666666666765 + z * (0.3999999999930194 + z * p)))
    return power * _LOG2_HIGH + (p + power * _LOG2_LOW)


@inlined_kernel
def exp_of(x):
    """Exponential between -700 and 700; outside that of the nearer end."""
    x = chosen(x < -700.0, -700.0, chosen(x > 700.0, 700.0, x))
    power = nearest(x * (1.0 / math.log(2.0)))
    r = (x - power * _LOG2_HIGH) - power * _LOG2_LOW
    p = 1.0 / 39916800.0 + r * (1.0 / 479001600.0)
    p = 1.0 / 362880.0 + r * (1.0 / 3628800.0 + r * p)
    p = 1.0 / 5040.0 + r * (1.0 / 40320.0 + r * p)
    p = 1.0 / 120.0 + r * (1.0 / 720.0 + r * p)
    p = 1.0 + r * (1.0 + r * (0.5 + r * (1.0 / 6.0 + r * (1.0 / 24.0 + r * p))))
    return p * of_bits((whole(power) + 1023) << 52)


@inlined_kernel
def _sine(r):
    z = r * r
    p = 2.755731337640013e-06 + z * (-2.5050716974102745e-08 + z * 1.5894736651849094e-10)
    p = -0.16666666666666616 + z * (0.008333333333320363 + z * (-0.000198412698286503 + z * p))
    return r + r * (z * p)


@inlined_kernel
def _cosine(r):
    z = r * r
    p = -2.7557313097790086e-07 + z * (2.0875582380663952e-09 + z * -1.1353379638297575e-11)
    p = 0.04166666666666645 + z * (-0.0013888888888861095 + z * (2.4801587283881152e-05 + z * p))
    return 1.0 + z * (-0.5 + z * p)


@inlined_kernel
def cos_sin_of(x):
    """Cosine and sine of an angle up to 1e5 rad."""
    turn = nearest(x * (2.0 / math.pi))
    r = (x - turn * _HALF_PI_HIGH) - turn * _HALF_PI_LOW
    quarter = whole(turn)
    c, s = _cosine(r), _sine(r)
    odd = (quarter & 1) != 0
    cosine, sine = chosen(odd, s, c), chosen(odd, c, s)
    cosine = chosen(((quarter + 1) & 2) != 0, -cosine, cosine)
    return cosine, chosen((quarter & 2) != 0, -sine, sine)


@inlined_kernel
def atan2_of(y, x):
    """Angle of the vector (x, y), -pi to pi; 0 for no vector."""
    ax, ay = abs(x), abs(y)
    steep = ay > ax
    low, high = chosen(steep, ax, ay), chosen(steep, ay, ax)
    t = low / chosen(high > 0.0, high, 1.0)
    turned = t > _TAN_22_5
    t = chosen(turned, (t - 1.0) / (t + 1.0), t)
    z = t * t
    p = 0.056883301988754326 + z * (-0.043479972450989016 + z * 0.021134699951497873)
    p = -0.09090773045092805 + z * (0.07689953077731812 + z * (-0.06640230294264204 + z * p))
    p = 0.1999999999885472 + z * (-0.14285714180944986 + z * (0.11111106179176837 + z * p))
    angle = t + t * (z * (-0.33333333333328435 + z * p))
    angle = chosen(turned, angle + 0.25 * math.pi, angle)
    angle = chosen(steep, 0.5 * math.pi - angle, angle)
    angle = chosen(x < 0.0, math.pi - angle, angle)
    return chosen(y < 0.0, -angle, angle)


@inlined_kernel
def asin_ratio_of(z):
    """asin(x)/x of z = x^2 up to 1/4."""
    z2 = z * z
    z4 = z2 * z2
    low = (1.0 + z * 0.16666666666664942) + z2 * (0.07500000000385201 + z * 0.044642856805998936)
    middle = (0.03038195969768514 + z * 0.022371749733164054) + z2 * (0.01735977964134998 + z * 0.01388484282640208)
    high = (0.012170138592391726 + z * 0.0065293020047365695) + z2 * (0.019513468251252167 + z * -0.016187392271599134)
    return low + z4 * (middle + z4 * (high + z4 * 0.03187962140081284))


@inlined_kernel
def asin_of(x):
    """Arc sine of a number between -1 and 1."""
    a = abs(x)
    far = a > 0.5
    z = chosen(far, 0.5 - 0.5 * a, a * a)
    s = chosen(far, root(chosen(z > 0.0, z, 0.0)), a)
    angle = s * asin_ratio_of(z)
    angle = chosen(far, 0.5 * math.pi - 2.0 * angle, angle)
    return chosen(x < 0.0, -angle, angle)
