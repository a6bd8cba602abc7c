//! Adam and its kin: a mean of gradients over the root of a mean of squares.

use burn::tensor::Tensor;

use super::{Memory, Turn};
use crate::config::{Adaptive, Moments};
use crate::kernels::{Decay, Update};

/// The means of gradients and of their squares.
const MEANS: [&str; 2] = ["exp_avg", "exp_avg_sq"];

/// Brings both means up to date and returns them.
fn means(memory: &mut Memory, gradient: Tensor<1>, moments: &Moments) -> [Tensor<1>; 2] {
    let square = gradient.clone().square();
    [
        memory.mean(MEANS[0], gradient, moments.beta1),
        memory.mean(MEANS[1], square, moments.beta2),
    ]
}

/// Returns what a mean with this decay lacks after so many steps from zero.
fn correction(beta: f64, step: u64) -> f64 {
    1.0 - beta.powf(step as f64)
}

/// # Reference
/// `torch.optim.Adam`, `AdamW`.
pub(super) fn adam(turn: Turn<'_>, settings: &Adaptive, decay: Decay) -> Tensor<1> {
    let moments = &settings.moments;
    let step = turn.memory.step;
    let size = turn.rate / correction(moments.beta1, step);
    let root_factor = 1.0 / correction(moments.beta2, step).sqrt();
    if turn.has_kernels() {
        let update = Update::Adaptive {
            size,
            root: Some(root_factor),
            betas: [moments.beta1, moments.beta2],
            epsilon: moments.epsilon,
            ahead: None,
            largest: settings.amsgrad,
        };
        let [mean, square] = MEANS;
        return if settings.amsgrad {
            turn.in_one_pass(update, decay, [mean, square, "max_exp_avg_sq"])
        } else {
            turn.in_one_pass(update, decay, MEANS)
        };
    }
    let turn = turn.with(decay);
    let [mean, mut square] = means(turn.memory, turn.gradient, moments);
    if settings.amsgrad {
        let most = turn.memory.take("max_exp_avg_sq", &square);
        square = most.max_pair(square);
        turn.memory.put("max_exp_avg_sq", &square);
    }
    let root = square.sqrt() * root_factor;
    turn.weight - mean / (root + moments.epsilon) * size
}

/// # Reference
/// `torch.optim.NAdam`.
pub(super) fn nadam(turn: Turn<'_>, moments: &Moments, momentum_decay: f64) -> Tensor<1> {
    let step = turn.memory.step;
    let momentum =
        |step: u64| moments.beta1 * (1.0 - 0.5 * 0.96_f64.powf(step as f64 * momentum_decay));
    let (now, next) = (momentum(step), momentum(step + 1));
    // The product of all momenta so far is soon too small to matter.
    let product = (1..=step)
        .map(momentum)
        .try_fold(1.0, |product, momentum| {
            let product = product * momentum;
            (product > f64::EPSILON * f64::EPSILON).then_some(product)
        })
        .unwrap_or(0.0);
    let of_gradient = (1.0 - now) / (1.0 - product);
    let of_mean = next / (1.0 - product * next);
    if turn.has_kernels() {
        let update = Update::Adaptive {
            size: turn.rate,
            root: Some(1.0 / correction(moments.beta2, step).sqrt()),
            betas: [moments.beta1, moments.beta2],
            epsilon: moments.epsilon,
            ahead: Some([of_gradient, of_mean]),
            largest: false,
        };
        let decay = turn.penalty();
        return turn.in_one_pass(update, decay, MEANS);
    }
    let turn = turn.with_penalty();
    let gradient = turn.gradient.clone();
    let [mean, square] = means(turn.memory, turn.gradient, moments);
    let root = (square * (1.0 / correction(moments.beta2, step))).sqrt() + moments.epsilon;
    let direction = gradient * of_gradient + mean * of_mean;
    turn.weight - direction / root * turn.rate
}

/// # Reference
/// `torch.optim.RAdam`.
pub(super) fn radam(turn: Turn<'_>, moments: &Moments) -> Tensor<1> {
    let step = turn.memory.step;
    let of_mean = 1.0 / correction(moments.beta1, step);
    let left = correction(moments.beta2, step);
    let longest = 2.0 / (1.0 - moments.beta2) - 1.0;
    let length = longest - 2.0 * step as f64 * (1.0 - left) / left;
    // Before so many steps the variance is not known.
    let rectified = (length > 5.0).then(|| {
        let rectified = (length - 4.0) * (length - 2.0) * longest
            / ((longest - 4.0) * (longest - 2.0) * length);
        rectified.sqrt() * left.sqrt()
    });
    let size = turn.rate * of_mean * rectified.unwrap_or(1.0);
    if turn.has_kernels() {
        let update = Update::Adaptive {
            size,
            root: rectified.map(|_| 1.0),
            betas: [moments.beta1, moments.beta2],
            epsilon: moments.epsilon,
            ahead: None,
            largest: false,
        };
        let decay = turn.penalty();
        return turn.in_one_pass(update, decay, MEANS);
    }
    let turn = turn.with_penalty();
    let [mean, square] = means(turn.memory, turn.gradient, moments);
    let direction = if rectified.is_some() {
        mean / (square.sqrt() + moments.epsilon)
    } else {
        mean
    };
    turn.weight - direction * size
}

/// # Reference
/// You et al. 2019, "Large batch optimization for deep learning", algorithm 2; as in timm, weights
/// without decay take plain steps, and the gradient is not clipped here.
pub(super) fn lamb(turn: Turn<'_>, moments: &Moments) -> Tensor<1> {
    let step = turn.memory.step;
    let [mean, square] = means(turn.memory, turn.gradient, moments);
    let root = square.sqrt() * (1.0 / correction(moments.beta2, step).sqrt());
    let mean = mean * (1.0 / correction(moments.beta1, step));
    let direction = mean / (root + moments.epsilon);
    if turn.decay == 0.0 {
        return turn.weight - direction * turn.rate;
    }
    let direction = direction + turn.weight.clone() * turn.decay;
    let norm = |tensor: &Tensor<1>| tensor.clone().square().sum().sqrt();
    let (of_weight, of_step) = (norm(&turn.weight), norm(&direction));
    let is_zero = (of_weight.clone() * of_step.clone()).equal_elem(0.0);
    let trust = (of_weight / of_step).mask_fill(is_zero, 1.0);
    turn.weight - direction * trust * turn.rate
}

/// # Reference
/// Xie et al. 2022, "Adan: adaptive Nesterov momentum algorithm", algorithm 1; as in timm.
pub(super) fn adan(turn: Turn<'_>, moments: &Moments, beta3: f64) -> Tensor<1> {
    let step = turn.memory.step;
    let shrink = 1.0 / (1.0 + turn.rate * turn.decay);
    if turn.has_kernels() {
        let update = Update::Adan {
            keep: [moments.beta1, moments.beta2, beta3],
            size: turn.rate / correction(moments.beta1, step),
            change: turn.rate * moments.beta2 / correction(moments.beta2, step),
            root: 1.0 / correction(beta3, step).sqrt(),
            epsilon: moments.epsilon,
            shrink,
            is_first: step == 1,
        };
        let slots = ["previous_gradient", "exp_avg", "exp_avg_diff", "exp_avg_sq"];
        return turn.in_one_pass(update, Decay::NONE, slots);
    }
    let (memory, gradient) = (turn.memory, turn.gradient);
    let before = if step == 1 {
        gradient.clone()
    } else {
        memory.take("previous_gradient", &gradient)
    };
    memory.put("previous_gradient", &gradient);
    let difference = gradient.clone() - before;
    let ahead = gradient.clone() + difference.clone() * moments.beta2;
    let mean = memory.mean("exp_avg", gradient, moments.beta1);
    let change = memory.mean("exp_avg_diff", difference, moments.beta2);
    let square = memory.mean("exp_avg_sq", ahead.square(), beta3);
    let root = square.sqrt() * (1.0 / correction(beta3, step).sqrt()) + moments.epsilon;
    let direction = mean * (1.0 / correction(moments.beta1, step))
        + change * (moments.beta2 / correction(moments.beta2, step));
    let weight = turn.weight - direction / root * turn.rate;
    if turn.decay > 0.0 {
        return weight * shrink;
    }
    weight
}
