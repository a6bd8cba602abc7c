//! Activations whose slope is known from their value.

use burn::backend::flex::FlexTensor;

use super::buffer::{unset, values};
use super::extension::{Keeps, Kernel, Pass};
use super::parallel::{Shared, ranges};
use super::simd::{Simd, Work, with_simd_here};

with_simd_here!();

/// An activation that kernels compute, and whose derivative they take from its value alone.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Function {
    /// x.
    Linear,
    /// max(0, x); not a number stays so.
    Relu,
    /// min(max(0, x), 6).
    Relu6,
    /// x where positive, slope·x elsewhere; the slope is not negative.
    Leaky(f32),
    /// Hyperbolic tangent.
    Tanh,
    /// 1 / (1 + e⁻ˣ).
    Sigmoid,
}

/// A function of every value. Inputs: values `[blocks, positions, stride, lanes]`.
#[derive(Debug)]
pub(super) struct Activation(pub(super) Function);

impl Kernel for Activation {
    fn forward(&self, inputs: &[FlexTensor]) -> FlexTensor {
        let mut output = same_shape(&inputs[0]);
        let to = output.storage_mut::<f32>();
        to.copy_from_slice(values(&inputs[0]));
        activate(self.0, to);
        output
    }

    fn backward(&self, pass: &Pass<'_>) -> Vec<FlexTensor> {
        let mut output = same_shape(pass.gradient);
        let to = output.storage_mut::<f32>();
        slopes(self.0, values(&pass.kept[0]), values(pass.gradient), to);
        vec![output]
    }

    fn keeps(&self) -> Keeps {
        Keeps {
            inputs: false,
            output: true,
        }
    }
}

fn same_shape(tensor: &FlexTensor) -> FlexTensor {
    let shape = tensor.layout().shape();
    unset([shape[0], shape[1], shape[2], shape[3]])
}

/// Values that a thread takes at a time.
const AT_ONCE: usize = 1 << 14;

/// Replaces values by the function of them.
pub(super) fn activate(function: Function, values: &mut [f32]) {
    if function == Function::Linear {
        return;
    }
    let shared = Shared(values.as_mut_ptr());
    ranges(values.len(), AT_ONCE, |begin, end| {
        // SAFETY: each part has its own values.
        let own = unsafe { std::slice::from_raw_parts_mut(shared.at().add(begin), end - begin) };
        activate_part(function, own);
    });
}

/// Replaces values by the function of them, on this thread.
pub(super) fn activate_part(function: Function, values: &mut [f32]) {
    if function != Function::Linear {
        with_simd(Activate { function, values });
    }
}

/// Multiplies gradients of outputs with the slopes at `outputs`.
pub(super) fn slopes(function: Function, outputs: &[f32], gradients: &[f32], to: &mut [f32]) {
    let shared = Shared(to.as_mut_ptr());
    ranges(to.len(), AT_ONCE, |begin, end| {
        // SAFETY: each part has its own values.
        let own = unsafe { std::slice::from_raw_parts_mut(shared.at().add(begin), end - begin) };
        slopes_part(function, &outputs[begin..end], &gradients[begin..end], own);
    });
}

/// The same, on this thread.
pub(super) fn slopes_part(function: Function, outputs: &[f32], gradients: &[f32], to: &mut [f32]) {
    with_simd(Slopes {
        function,
        outputs,
        gradients,
        to,
    });
}

struct Activate<'a> {
    function: Function,
    values: &'a mut [f32],
}

impl Work for Activate<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self) {
        let mut registers = self.values.chunks_exact_mut(S::WIDTH);
        for values in &mut registers {
            // SAFETY: a chunk is a register's floats.
            unsafe {
                S::store(
                    values.as_mut_ptr(),
                    value::<S>(self.function, S::load(values.as_ptr())),
                );
            };
        }
        let rest = registers.into_remainder();
        with_rest::<S>(rest, |x| {
            // SAFETY: only registers are touched.
            unsafe { value::<S>(self.function, x) }
        });
    }
}

struct Slopes<'a> {
    function: Function,
    outputs: &'a [f32],
    gradients: &'a [f32],
    to: &'a mut [f32],
}

impl Work for Slopes<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self) {
        let whole = self.to.len() / S::WIDTH * S::WIDTH;
        for at in (0..whole).step_by(S::WIDTH) {
            // SAFETY: all three have as many values, and a register's are left from `at` on.
            unsafe {
                let y = S::load(self.outputs.as_ptr().add(at));
                let g = S::load(self.gradients.as_ptr().add(at));
                S::store(
                    self.to.as_mut_ptr().add(at),
                    slope::<S>(self.function, y, g),
                );
            }
        }
        for at in whole..self.to.len() {
            // SAFETY: only registers are touched.
            let slope = unsafe {
                let [y, g] = [self.outputs[at], self.gradients[at]];
                first::<S>(slope::<S>(self.function, S::splat(y), S::splat(g)))
            };
            self.to[at] = slope;
        }
    }
}

#[inline(always)]
fn with_rest<S: Simd>(rest: &mut [f32], of: impl Fn(S::V) -> S::V) {
    for x in rest {
        // SAFETY: only registers are touched.
        *x = unsafe { first::<S>(of(S::splat(*x))) };
    }
}

#[inline(always)]
unsafe fn first<S: Simd>(v: S::V) -> f32 {
    let mut values = [0.0; 16];
    // SAFETY: no register has more than 16 floats.
    unsafe { S::store(values.as_mut_ptr(), v) };
    values[0]
}

/// Computes the function.
///
/// SAFETY: the caller has enabled the set.
#[inline(always)]
pub(super) unsafe fn value<S: Simd>(function: Function, x: S::V) -> S::V {
    // SAFETY: only registers are touched.
    unsafe {
        let zero = S::splat(0.0);
        match function {
            Function::Linear => x,
            Function::Relu => S::max(zero, x),
            Function::Relu6 => S::min(S::splat(6.0), S::max(zero, x)),
            Function::Leaky(slope) => S::if_greater(zero, x, S::mul(x, S::splat(slope)), x),
            Function::Tanh => tanh::<S>(x),
            Function::Sigmoid => {
                let grown = exp::<S>(S::sub(zero, x));
                S::div(S::splat(1.0), S::add(S::splat(1.0), grown))
            }
        }
    }
}

/// Computes the gradient before the function from its value `y` and the gradient `g` after it.
///
/// SAFETY: the caller has enabled the set.
#[inline(always)]
pub(super) unsafe fn slope<S: Simd>(function: Function, y: S::V, g: S::V) -> S::V {
    // SAFETY: only registers are touched.
    unsafe {
        let (zero, one) = (S::splat(0.0), S::splat(1.0));
        match function {
            Function::Linear => g,
            // Where the value is not a number, PyTorch lets the gradient through.
            Function::Relu => S::if_greater(y, zero, g, S::if_equal(y, y, zero, g)),
            Function::Relu6 => {
                let below = S::if_greater(S::splat(6.0), y, g, zero);
                S::if_greater(y, zero, below, S::if_equal(y, y, zero, g))
            }
            Function::Leaky(slope) => S::if_greater(y, zero, g, S::mul(g, S::splat(slope))),
            Function::Tanh => S::mul(g, S::sub(one, S::mul(y, y))),
            Function::Sigmoid => S::mul(g, S::mul(y, S::sub(one, y))),
        }
    }
}

/// Computes eˣ within 2 units of the last place.
///
/// # Reference
/// The polynomial of `expf` in the Cephes library.
#[inline(always)]
pub(super) unsafe fn exp<S: Simd>(x: S::V) -> S::V {
    // SAFETY: only registers are touched.
    unsafe {
        // Beyond, the result is 0 or infinite in any case; not a number stays so.
        let x = S::min(S::splat(88.7), S::max(S::splat(-87.3), x));
        // Adding and taking away 1.5·2²³ rounds to a whole number.
        let magic = S::splat(12_582_912.0);
        let n = S::sub(S::fma(x, S::splat(std::f32::consts::LOG2_E), magic), magic);
        let r = S::fma(n, S::splat(-0.693_359_4), x);
        let r = S::fma(n, S::splat(2.121_944_4e-4), r);
        let mut p = S::splat(1.987_569_1e-4);
        for coefficient in [
            1.398_2e-3,
            8.333_452e-3,
            4.166_579_6e-2,
            1.666_666_5e-1,
            0.5,
        ] {
            p = S::fma(p, r, S::splat(coefficient));
        }
        let p = S::fma(p, S::mul(r, r), S::add(r, S::splat(1.0)));
        // In two halves, as 2¹²⁸ is no float.
        let half = S::sub(S::fma(n, S::splat(0.5), magic), magic);
        let p = S::mul(p, S::power_of_two(half));
        S::mul(p, S::power_of_two(S::sub(n, half)))
    }
}

/// Computes the hyperbolic tangent: an odd polynomial near 0, `1 − 2 / (e²ˣ + 1)` elsewhere.
#[inline(always)]
unsafe fn tanh<S: Simd>(x: S::V) -> S::V {
    // SAFETY: only registers are touched.
    unsafe {
        let one = S::splat(1.0);
        let grown = exp::<S>(S::add(x, x));
        let far = S::sub(one, S::div(S::splat(2.0), S::add(grown, one)));
        let square = S::mul(x, x);
        let mut p = S::splat(-5.704_988_7e-3);
        for coefficient in [2.063_909e-2, -5.373_971_5e-2, 1.333_144_2e-1, -3.333_328e-1] {
            p = S::fma(p, square, S::splat(coefficient));
        }
        let near = S::fma(S::mul(p, square), x, x);
        S::if_greater(S::splat(0.625 * 0.625), square, near, far)
    }
}
