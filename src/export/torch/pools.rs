//! Pools as modules of PyTorch.

use super::layers::Piece;
use super::pads::{even, keyword, pad, reversed, sizes};
use crate::config::{PaddingMode, PoolKind};
use crate::plan::{AdaptivePool, Pool};

/// Makes a pool, behind its padding where PyTorch's own does not have it.
pub(super) fn pool(pool: &Pool, input: &[usize]) -> Vec<Piece> {
    let rank = pool.windows.len();
    let window: Vec<usize> = pool.windows.iter().map(|window| window.size).collect();
    let strides: Vec<usize> = pool.windows.iter().map(|window| window.stride).collect();
    let mut begin = sizes(&window);
    if window != strides {
        begin += &format!(", stride={}", sizes(&strides));
    }
    let reaches = |sides: &Vec<usize>| {
        let mut pairs = sides.iter().zip(&window);
        pairs.all(|(side, size)| 2 * side <= *size)
    };
    let own = even(&pool.padding).filter(reaches);
    let is_sum = matches!(pool.kind, PoolKind::Sum | PoolKind::L2);
    // A sum counts nothing beyond the padding, which a mean of PyTorch's does.
    let own = own.filter(|_| !(is_sum && pool.ceil));
    if let Some(sides) = &own {
        begin += &keyword("padding", sides, 0);
        if pool.ceil {
            begin += ", ceil_mode=True";
        }
    }
    // Else so much is put there that every window is whole.
    let ends = pool.windows.iter().zip(&pool.output).zip(&pool.padding);
    let whole: Vec<[usize; 2]> = (ends.zip(input.iter().skip(1)))
        .map(|(((window, output), [before, _]), size)| {
            let reach = (output - 1) * window.stride + window.size;
            [*before, reach.saturating_sub(before + size)]
        })
        .collect();
    let padded = |fill: &str| {
        let is_there = own.is_none() && whole.iter().flatten().any(|side| *side > 0);
        is_there.then(|| Piece::part("pad", pad(&whole, PaddingMode::Zeros, fill)))
    };
    let taps: usize = window.iter().product();
    let mean = format!("nn.AvgPool{rank}d({begin})");
    let max = format!("nn.MaxPool{rank}d({begin})");
    let (fill, piece) = match pool.kind {
        PoolKind::Max => ("float(\"-inf\")", Piece::own(max)),
        PoolKind::Min => {
            let piece = Piece::own(format!("MinPool({max})")).with("MinPool");
            ("float(\"inf\")", piece)
        }
        PoolKind::Sum => {
            let piece = Piece::own(format!("SumPool({mean}, {taps})")).with("SumPool");
            ("0.0", piece)
        }
        PoolKind::L2 => {
            let piece = Piece::own(format!("NormPool({mean}, {taps})")).with("NormPool");
            ("0.0", piece)
        }
        PoolKind::Avg if own.is_some() => {
            let counts = if pool.count_padding {
                ""
            } else {
                ", count_include_pad=False"
            };
            let code = format!("nn.AvgPool{rank}d({begin}{counts})");
            return vec![Piece::own(code)];
        }
        PoolKind::Avg => return vec![uneven_mean(pool, &whole, &mean)],
    };
    padded(fill).into_iter().chain([piece]).collect()
}

/// Makes a mean over padding that is not the same on both sides, or wide.
fn uneven_mean(pool: &Pool, whole: &[[usize; 2]], mean: &str) -> Piece {
    let sides = whole.iter().zip(&pool.padding);
    let counted: Vec<[usize; 2]> = sides
        .map(|([_, end], [before, after])| {
            if pool.count_padding {
                [*before, *after.min(end)]
            } else {
                [0, 0]
            }
        })
        .collect();
    let sides = whole.iter().zip(&counted);
    let rest: Vec<[usize; 2]> = sides
        .map(|(whole, counted)| [whole[0] - counted[0], whole[1] - counted[1]])
        .collect();
    let (counted, rest) = (reversed(&counted), reversed(&rest));
    Piece::own(format!(
        "PaddedMean({mean}, counted={counted}, uncounted={rest})"
    ))
    .with("PaddedMean")
}

/// Makes a pool over whole maps, whose answer is a row.
pub(super) fn global_pool(kind: PoolKind, rank: usize) -> Vec<Piece> {
    let helper = match kind {
        PoolKind::Avg | PoolKind::Max => {
            let word = if kind == PoolKind::Avg { "Avg" } else { "Max" };
            let pool = format!("nn.Adaptive{word}Pool{rank}d(1)");
            return vec![
                Piece::own(pool),
                Piece::part("flatten", "nn.Flatten()".to_owned()),
            ];
        }
        PoolKind::Min => "GlobalMin",
        PoolKind::Sum => "GlobalSum",
        PoolKind::L2 => "GlobalNorm",
    };
    vec![Piece::own(format!("{helper}()")).with(helper)]
}

/// Makes a pool to a size.
pub(super) fn adaptive_pool(pool: &AdaptivePool) -> Piece {
    let rank = pool.output.len();
    let word = if pool.kind == PoolKind::Max {
        "Max"
    } else {
        "Avg"
    };
    Piece::own(format!(
        "nn.Adaptive{word}Pool{rank}d({})",
        sizes(&pool.output)
    ))
}
