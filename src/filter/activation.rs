//! The activation functions, value by value.

use std::f64::consts::{FRAC_1_SQRT_2, PI};

use crate::config::Function;

/// Returns the functions that work on each value alone and have nothing to learn.
#[must_use]
pub(crate) fn pointwise(word: &str) -> Option<Function> {
    let function = Function::from_word(word)?;
    let others = [
        matches!(function, Function::Prelu { .. }),
        matches!(function, Function::Softmax | Function::LogSoftmax),
    ];
    (!others.contains(&true)).then_some(function)
}

/// Computes a function of [`pointwise`].
pub(super) fn activate(function: Function, x: f64) -> f64 {
    const ALPHA: f64 = 1.673_263_242_354_377_2;
    const SCALE: f64 = 1.050_700_987_355_480_5;
    let elu = || if x > 0.0 { x } else { x.exp_m1() };
    let sigmoid = |x: f64| 1.0 / (1.0 + (-x).exp());
    let softplus = || x.max(0.0) + (-x.abs()).exp().ln_1p();
    let hard_sigmoid = || (x / 6.0 + 0.5).clamp(0.0, 1.0);
    match function {
        // The last two do not come out of `pointwise`.
        Function::Linear | Function::Softmax | Function::LogSoftmax => x,
        Function::Relu => x.max(0.0),
        Function::Relu6 => x.clamp(0.0, 6.0),
        Function::LeakyRelu { slope } | Function::Prelu { slope } => {
            if x > 0.0 {
                x
            } else {
                slope * x
            }
        }
        Function::Elu | Function::Celu => elu(),
        Function::Selu if x > 0.0 => SCALE * x,
        Function::Selu => SCALE * ALPHA * x.exp_m1(),
        Function::Gelu => x * 0.5 * (1.0 + erf(x * FRAC_1_SQRT_2)),
        Function::Silu => x * sigmoid(x),
        Function::Mish => x * softplus().tanh(),
        Function::Softplus => softplus(),
        Function::Softsign => x / (1.0 + x.abs()),
        Function::Sigmoid => sigmoid(x),
        Function::HardSigmoid => hard_sigmoid(),
        Function::HardSwish => x * hard_sigmoid(),
        Function::Tanh => x.tanh(),
        Function::ScaledTanh => 1.7159 * (x * 2.0 / 3.0).tanh(),
    }
}

/// Computes the error function.
///
/// # Reference
/// Abramowitz & Stegun, 7.1.6: 2/√π · e^(−x²) · Σ 2ⁿ x^(2n+1) / (1·3·…·(2n+1)).
fn erf(x: f64) -> f64 {
    // Closer to 1 than a float can tell.
    if x.abs() > 6.0 {
        return x.signum();
    }
    let mut term = x;
    let mut sum = x;
    let mut odd = 1.0;
    while term.abs() > sum.abs() * f64::EPSILON / 4.0 {
        odd += 2.0;
        term *= 2.0 * x * x / odd;
        sum += term;
    }
    2.0 / PI.sqrt() * (-x * x).exp() * sum
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_error_function_has_its_known_values() {
        for (x, expected) in [
            (0.0, 0.0),
            (0.5, 0.520_499_877_813_046_5),
            (-1.0, -0.842_700_792_949_714_9),
            (3.0, 0.999_977_909_503_001_4),
            (9.0, 1.0),
        ] {
            assert!((erf(x) - expected).abs() < 1e-14, "{x}");
        }
    }

    #[test]
    fn what_looks_at_more_than_one_value_is_left_out() {
        let words = Function::words();
        let known = words.iter().filter(|word| pointwise(word).is_some());
        assert_eq!(known.count(), words.len() - 3);
        assert!(pointwise("softmax").is_none() && pointwise("prelu").is_none());
    }
}
