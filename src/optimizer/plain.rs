//! Rules with one mean or sum, or none.

use burn::tensor::Tensor;

use super::Turn;
use crate::config::Rule;
use crate::kernels::Update;

/// # Reference
/// `torch.optim.SGD`.
pub(super) fn sgd(turn: Turn<'_>, momentum: f64, dampening: f64, nesterov: bool) -> Tensor<1> {
    if turn.has_kernels() {
        let is_first = turn.memory.step == 1;
        let (rate, decay) = (turn.rate, turn.penalty());
        if momentum == 0.0 {
            return turn.in_one_pass(Update::Plain { rate }, decay, []);
        }
        let update = Update::Momentum {
            rate,
            keep: momentum,
            // The first step is taken whole.
            fresh: if is_first { 1.0 } else { 1.0 - dampening },
            nesterov: nesterov.then_some(momentum),
        };
        return turn.in_one_pass(update, decay, ["momentum_buffer"]);
    }
    let turn = turn.with_penalty();
    let gradient = turn.gradient;
    if momentum == 0.0 {
        return turn.weight - gradient * turn.rate;
    }
    let buffer = if turn.memory.step == 1 {
        gradient.clone()
    } else {
        let buffer = turn.memory.take("momentum_buffer", &gradient) * momentum;
        let fresh = gradient.clone();
        buffer
            + if dampening > 0.0 {
                fresh * (1.0 - dampening)
            } else {
                fresh
            }
    };
    turn.memory.put("momentum_buffer", &buffer);
    let step = if nesterov {
        gradient + buffer * momentum
    } else {
        buffer
    };
    turn.weight - step * turn.rate
}

/// # Reference
/// `torch.optim.RMSprop`.
pub(super) fn rmsprop(turn: Turn<'_>, rule: &Rule) -> Tensor<1> {
    let Rule::RmsProp {
        rho,
        epsilon,
        momentum,
        centered,
    } = *rule
    else {
        return turn.weight;
    };
    if turn.has_kernels() {
        let (rate, decay) = (turn.rate, turn.penalty());
        let update = Update::RmsProp {
            rate,
            keep: rho,
            epsilon,
            centered,
            momentum: (momentum != 0.0).then_some(momentum),
        };
        let [square, mean, buffer] = ["square_avg", "grad_avg", "momentum_buffer"];
        return match (centered, momentum != 0.0) {
            (false, false) => turn.in_one_pass(update, decay, [square]),
            (true, false) => turn.in_one_pass(update, decay, [square, mean]),
            (false, true) => turn.in_one_pass(update, decay, [square, buffer]),
            (true, true) => turn.in_one_pass(update, decay, [square, mean, buffer]),
        };
    }
    let turn = turn.with_penalty();
    let (gradient, memory) = (turn.gradient, turn.memory);
    let square = memory.mean("square_avg", gradient.clone().square(), rho);
    let spread = if centered {
        let mean = memory.mean("grad_avg", gradient.clone(), rho);
        square - mean.square()
    } else {
        square
    };
    let step = gradient / (spread.sqrt() + epsilon);
    if momentum == 0.0 {
        return turn.weight - step * turn.rate;
    }
    let buffer = memory.take("momentum_buffer", &step) * momentum + step;
    memory.put("momentum_buffer", &buffer);
    turn.weight - buffer * turn.rate
}

/// # Reference
/// `torch.optim.Adagrad`.
pub(super) fn adagrad(
    turn: Turn<'_>,
    [rate_decay, initial_accumulator, epsilon]: [f64; 3],
) -> Tensor<1> {
    let is_first = turn.memory.step == 1;
    let start = if is_first { initial_accumulator } else { 0.0 };
    let rate = turn.rate / (1.0 + (turn.memory.step - 1) as f64 * rate_decay);
    if turn.has_kernels() {
        let update = Update::Adagrad {
            rate,
            start,
            epsilon,
        };
        let decay = turn.penalty();
        return turn.in_one_pass(update, decay, ["sum"]);
    }
    let turn = turn.with_penalty();
    let (gradient, memory) = (turn.gradient, turn.memory);
    let sum = memory.take("sum", &gradient) + start + gradient.clone().square();
    memory.put("sum", &sum);
    turn.weight - gradient / (sum.sqrt() + epsilon) * rate
}

/// # Reference
/// `torch.optim.Adadelta`.
pub(super) fn adadelta(turn: Turn<'_>, rho: f64, epsilon: f64) -> Tensor<1> {
    if turn.has_kernels() {
        let (rate, decay) = (turn.rate, turn.penalty());
        let update = Update::Adadelta {
            rate,
            keep: rho,
            epsilon,
        };
        return turn.in_one_pass(update, decay, ["square_avg", "acc_delta"]);
    }
    let turn = turn.with_penalty();
    let (gradient, memory) = (turn.gradient, turn.memory);
    let square = memory.mean("square_avg", gradient.clone().square(), rho);
    let before = memory.take("acc_delta", &gradient);
    let step = (before.clone() + epsilon).sqrt() / (square + epsilon).sqrt() * gradient;
    memory.put(
        "acc_delta",
        &(before * rho + step.clone().square() * (1.0 - rho)),
    );
    turn.weight - step * turn.rate
}

/// # Reference
/// Chen et al. 2023, "Symbolic discovery of optimization algorithms", algorithm 2.
pub(super) fn lion(turn: Turn<'_>, beta1: f64, beta2: f64) -> Tensor<1> {
    if turn.has_kernels() {
        let (rate, decay) = (turn.rate, turn.shrinkage());
        let keep = [beta1, beta2];
        return turn.in_one_pass(Update::Lion { rate, keep }, decay, ["exp_avg"]);
    }
    let turn = turn.decayed();
    let (gradient, memory) = (turn.gradient, turn.memory);
    let mean = memory.take("exp_avg", &gradient);
    let direction = (mean.clone() * beta1 + gradient.clone() * (1.0 - beta1)).sign();
    memory.put("exp_avg", &(mean * beta2 + gradient * (1.0 - beta2)));
    turn.weight - direction * turn.rate
}
