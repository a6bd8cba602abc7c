//! How far the weights of a file may be other than those of the network: not at all, or in its head.

use super::matching::Layer;
use crate::model::NamedWeight;
use crate::shape;

/// What may differ.
#[derive(Clone, Copy, Debug)]
pub(super) struct Leeway {
    /// Whether the head may be another, which then starts anew.
    head: bool,
    /// Whether the last layer is another, whatever fits.
    is_other: bool,
    /// What mends it where more differs.
    pub(super) help: &'static str,
}

/// Layers that are matched, and those that are not meant to be.
pub(super) struct Split<'a> {
    pub(super) here: Vec<&'a Layer<'a>>,
    pub(super) there: Vec<&'a Layer<'a>>,
    pub(super) pairs: Vec<Pair<'a>>,
    /// Names of our layers that start anew.
    pub(super) fresh: Vec<String>,
    /// What is other in them.
    pub(super) differences: Vec<String>,
}

/// A layer of ours and one of theirs.
pub(super) type Pair<'a> = (&'a Layer<'a>, &'a Layer<'a>);

impl Leeway {
    /// Every weight has its place.
    pub(super) const NONE: Self = Self {
        head: false,
        is_other: false,
        help: "change the network, or say by `--map RULES.toml` which layer is which",
    };

    /// The head may be another: the last layer with weights and the dense ones right before it, from the first that does
    /// not fit on. With `is_other` the last starts anew even if it fits.
    pub(super) fn of_head(is_other: bool) -> Self {
        Self {
            head: true,
            is_other,
            help: "change the network: only its head may be another, the last layer with weights and the `dense` layers \
                   right before it",
        }
    }

    /// Returns the first layer of the head; all layers come before it where nothing may differ.
    fn head(self, here: &[Layer<'_>]) -> usize {
        if !self.head {
            return here.len();
        }
        let last = last_kernel(here);
        let before = here.iter().take(last).rev();
        last - before.take_while(|layer| rank(layer) == 2).count()
    }

    /// Returns whether nothing is at fault with layers that are paired so.
    pub(super) fn takes<'a>(
        self,
        here: &'a [Layer<'a>],
        there: &'a [Layer<'a>],
        pairs: &[Pair<'a>],
    ) -> bool {
        let split = self.split(here, there, pairs);
        let count = split.pairs.len();
        let are_all = split.here.len() == count && split.there.len() == count;
        are_all && split.pairs.iter().all(|(own, other)| own.fits(other))
    }

    /// Returns whether each of our layers that must have one has one of theirs.
    pub(super) fn has_all(self, here: &[Layer<'_>], pairs: &[Pair<'_>]) -> bool {
        let mut body = here.iter().take(self.head(here));
        body.all(|own| pairs.iter().any(|pair| pair.0.name == own.name))
    }

    /// Takes the layers apart that start anew, and what the file has in their place.
    pub(super) fn split<'a>(
        self,
        here: &'a [Layer<'a>],
        there: &'a [Layer<'a>],
        pairs: &[Pair<'a>],
    ) -> Split<'a> {
        let of = |own: &Layer<'_>| {
            pairs
                .iter()
                .find(|pair| pair.0.name == own.name)
                .map(|pair| pair.1)
        };
        let fits = |own: &Layer<'_>| of(own).is_some_and(|other| own.fits(other));
        let head = self.head(here);
        let unfit = here.iter().skip(head).position(|own| !fits(own));
        let mut first = unfit.map_or(here.len(), |unfit| head + unfit);
        if self.is_other {
            first = first.min(last_kernel(here));
        }
        let (kept, fresh) = here.split_at(first);
        let is_fresh = |own: &Layer<'_>| fresh.iter().any(|fresh| fresh.name == own.name);
        let mut differences = Vec::new();
        for own in fresh {
            let other = of(own);
            for (part, weight) in &own.weights {
                let shape = shape::display(&weight.shape);
                let theirs = other.and_then(|other| other.weights.get(part));
                let theirs = theirs.map(|theirs| (&theirs.name, shape::display(&theirs.shape)));
                let name = &weight.name;
                differences.extend(match theirs {
                    Some((_, other)) if other == shape => None,
                    Some((their, other)) => {
                        Some(format!("`{name}` is {shape}, and `{their}` is {other}"))
                    }
                    None => Some(format!("`{name}` is {shape}, and the file has none")),
                });
            }
        }
        let mut left = Vec::new();
        for other in there {
            let pair = pairs.iter().find(|pair| pair.1.name == other.name);
            match pair {
                Some((own, _)) if is_fresh(own) => {}
                // Of their head too.
                None if fresh.iter().any(|own| is_alike(own, other)) => {
                    differences.extend(other.weights.values().map(|weight| {
                        let shape = shape::display(&weight.shape);
                        format!("`{}`, {shape}, is not taken", weight.name)
                    }));
                }
                _ => left.push(other),
            }
        }
        Split {
            here: kept.iter().collect(),
            there: left,
            pairs: pairs
                .iter()
                .copied()
                .filter(|pair| !is_fresh(pair.0))
                .collect(),
            fresh: fresh.iter().map(|own| own.name.clone()).collect(),
            differences,
        }
    }
}

/// Returns the last layer with a matrix or kernel; norms and slopes may come after it.
fn last_kernel(here: &[Layer<'_>]) -> usize {
    here.iter().rposition(|layer| rank(layer) > 1).unwrap_or(0)
}

fn rank(layer: &Layer<'_>) -> usize {
    layer
        .weights
        .get("weight")
        .map_or(0, |weight| weight.shape.len())
}

/// Returns whether a layer of theirs may have stood where one of ours starts anew: both are dense, or convolutions that
/// differ in their filters alone.
fn is_alike(own: &Layer<'_>, theirs: &Layer<'_>) -> bool {
    let inputs = |weight: &&NamedWeight| weight.shape.get(1..).map(<[usize]>::to_vec);
    let [here, there] = [own, theirs].map(|layer| layer.weights.get("weight"));
    let both_dense = rank(own) == 2 && rank(theirs) == 2;
    both_dense || (rank(own) > 2 && here.and_then(inputs) == there.and_then(inputs))
}
