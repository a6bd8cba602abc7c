//! How kernels become operations of Burn: on its flex device, with gradients.

use std::fmt::Debug;
use std::sync::Arc;

use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
use burn::backend::flex::{Flex, FlexTensor};
use burn::backend::tensor::FloatTensor;
use burn::backend::{Autodiff, Backend, Dispatch, DispatchTensor, backend_extension};
use burn::tensor::Tensor;

use super::buffer::contiguous;

/// An operation on the processor: from tensors to one tensor, and back.
pub(super) trait Kernel: Debug + Send + Sync {
    /// Computes the output.
    fn forward(&self, inputs: &[FlexTensor]) -> FlexTensor;

    /// Computes the gradients of the inputs that are needed, in their order.
    fn backward(&self, pass: &Pass<'_>) -> Vec<FlexTensor>;

    /// Returns what the backward pass looks at.
    fn keeps(&self) -> Keeps {
        Keeps {
            inputs: true,
            output: false,
        }
    }
}

/// What a backward pass looks at.
#[derive(Clone, Copy, Debug)]
pub(super) struct Keeps {
    pub(super) inputs: bool,
    pub(super) output: bool,
}

impl Keeps {
    /// A backward pass that looks at the gradient alone.
    pub(super) const NOTHING: Self = Self {
        inputs: false,
        output: false,
    };
}

/// What a backward pass is given.
pub(super) struct Pass<'a> {
    /// Inputs and then the output, as far as [`Kernel::keeps`] asks for them.
    pub(super) kept: &'a [FlexTensor],
    /// The gradient of the output.
    pub(super) gradient: &'a FlexTensor,
    /// Which inputs need a gradient.
    pub(super) needed: &'a [bool],
}

/// A kernel as an argument.
pub(super) type Handle = Arc<dyn Kernel>;

/// Applies a kernel to tensors on the flex device, with or without gradients.
pub(super) fn apply<const D: usize>(kernel: Handle, inputs: Vec<Input>) -> Tensor<D> {
    let mut inputs = inputs.into_iter().map(|input| input.0);
    let mut next = || inputs.next();
    let tensors = (next(), next(), next(), next(), next());
    Tensor::from_dispatch(match tensors {
        (Some(a), None, ..) => Dispatch::kernel_1(a, kernel),
        (Some(a), Some(b), None, ..) => Dispatch::kernel_2(a, b, kernel),
        (Some(a), Some(b), Some(c), None, _) => Dispatch::kernel_3(a, b, c, kernel),
        (Some(a), Some(b), Some(c), Some(d), None) => Dispatch::kernel_4(a, b, c, d, kernel),
        (Some(a), Some(b), Some(c), Some(d), Some(e)) => Dispatch::kernel_5(a, b, c, d, e, kernel),
        (None, ..) => unreachable!("every kernel has an input"),
    })
}

/// A tensor of any rank.
pub(super) struct Input(DispatchTensor);

impl<const D: usize> From<Tensor<D>> for Input {
    fn from(tensor: Tensor<D>) -> Self {
        Self(tensor.into_dispatch())
    }
}

/// Kernels by the number of their inputs: Burn's dispatch takes tensors one by one.
#[backend_extension(Flex, Autodiff)]
pub(super) trait Kernels: Backend {
    fn kernel_1(a: FloatTensor<Self>, kernel: Handle) -> FloatTensor<Self>;
    fn kernel_2(a: FloatTensor<Self>, b: FloatTensor<Self>, kernel: Handle) -> FloatTensor<Self>;
    fn kernel_3(
        a: FloatTensor<Self>,
        b: FloatTensor<Self>,
        c: FloatTensor<Self>,
        kernel: Handle,
    ) -> FloatTensor<Self>;
    fn kernel_4(
        a: FloatTensor<Self>,
        b: FloatTensor<Self>,
        c: FloatTensor<Self>,
        d: FloatTensor<Self>,
        kernel: Handle,
    ) -> FloatTensor<Self>;
    fn kernel_5(
        a: FloatTensor<Self>,
        b: FloatTensor<Self>,
        c: FloatTensor<Self>,
        d: FloatTensor<Self>,
        e: FloatTensor<Self>,
        kernel: Handle,
    ) -> FloatTensor<Self>;
}

/// Writes the methods of [`Kernels`] over one that takes a list.
macro_rules! listed {
    ($($name:ident($($tensor:ident),*)),*) => {
        $(
            fn $name($($tensor: FloatTensor<Self>,)* kernel: Handle) -> FloatTensor<Self> {
                Self::forward(vec![$($tensor),*], &kernel)
            }
        )*
    };
}

/// Writes the same with gradients.
macro_rules! tracked {
    ($($name:ident($($tensor:ident),*)),*) => {
        $(
            fn $name($($tensor: FloatTensor<Self>,)* kernel: Handle) -> FloatTensor<Self> {
                track::<B, C, { [$(stringify!($tensor)),*].len() }>([$($tensor),*], kernel)
            }
        )*
    };
}

/// The backend that computes kernels.
pub(super) trait Computes: Backend {
    fn forward(inputs: Vec<FloatTensor<Self>>, kernel: &Handle) -> FloatTensor<Self>;

    /// `tensors` are those kept and the gradient of the output.
    fn backward(
        tensors: Vec<FloatTensor<Self>>,
        needed: &[bool],
        kernel: &Handle,
    ) -> Vec<FloatTensor<Self>>;
}

impl Computes for Flex {
    fn forward(inputs: Vec<FlexTensor>, kernel: &Handle) -> FlexTensor {
        let inputs: Vec<FlexTensor> = inputs.into_iter().map(contiguous).collect();
        kernel.forward(&inputs)
    }

    fn backward(tensors: Vec<FlexTensor>, needed: &[bool], kernel: &Handle) -> Vec<FlexTensor> {
        let tensors: Vec<FlexTensor> = tensors.into_iter().map(contiguous).collect();
        let Some((gradient, kept)) = tensors.split_last() else {
            return Vec::new();
        };
        kernel.backward(&Pass {
            kept,
            gradient,
            needed,
        })
    }
}

impl Kernels for Flex {
    listed!(
        kernel_1(a),
        kernel_2(a, b),
        kernel_3(a, b, c),
        kernel_4(a, b, c, d),
        kernel_5(a, b, c, d, e)
    );
}

impl<B: Computes, C: CheckpointStrategy> Kernels for Autodiff<B, C> {
    tracked!(
        kernel_1(a),
        kernel_2(a, b),
        kernel_3(a, b, c),
        kernel_4(a, b, c, d),
        kernel_5(a, b, c, d, e)
    );
}

/// The backward pass of whichever kernel.
#[derive(Debug)]
struct Step;

impl<B: Computes, const N: usize> Backward<B, N> for Step {
    type State = (Handle, Vec<FloatTensor<B>>);

    fn backward(self, ops: Ops<Self::State, N>, gradients: &mut Gradients, _: &mut Checkpointer) {
        let (kernel, mut tensors) = ops.state;
        tensors.push(gradients.consume::<B>(&ops.node));
        let needed: Vec<bool> = ops.parents.iter().map(Option::is_some).collect();
        let computed = B::backward(tensors, &needed, &kernel);
        for (parent, gradient) in ops.parents.into_iter().flatten().zip(computed) {
            gradients.register::<B>(parent.id, gradient);
        }
    }
}

#[expect(
    clippy::redundant_closure_for_method_calls,
    reason = "the type's name is private"
)]
fn track<B: Computes, C: CheckpointStrategy, const N: usize>(
    inputs: [FloatTensor<Autodiff<B, C>>; N],
    kernel: Handle,
) -> FloatTensor<Autodiff<B, C>> {
    let guards = inputs.each_ref().map(|input| input.node());
    let inputs: Vec<_> = inputs
        .into_iter()
        .map(|input| input.into_primitive())
        .collect();
    let keeps = kernel.keeps();
    let kept = if keeps.inputs {
        inputs.clone()
    } else {
        Vec::new()
    };
    let output = B::forward(inputs, &kernel);
    match Step.prepare::<C>(guards).compute_bound().stateful() {
        OpsKind::Tracked(step) => {
            let kept = kept.into_iter().chain(keeps.output.then(|| output.clone()));
            step.finish((kernel, kept.collect()), output)
        }
        OpsKind::UnTracked(step) => step.finish(output),
    }
}
