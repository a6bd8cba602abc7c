//! Which samples are set apart: a fraction, or a fold. Samples of equal content stay together.

use std::cmp::Reverse;

use crate::random::{Purpose, Random};

/// What decides where samples go.
#[derive(Debug)]
pub(super) struct Population<'a> {
    /// The class of each sample.
    pub(super) labels: &'a [u32],
    /// The number of classes.
    pub(super) classes: usize,
    /// For each sample the first one of the same content.
    pub(super) firsts: &'a [usize],
    /// Decides what is drawn.
    pub(super) seed: u64,
}

impl Population<'_> {
    /// Counts the samples of each class.
    pub(super) fn counts(&self) -> Vec<usize> {
        let mut counts = vec![0; self.classes];
        for label in self.labels {
            if let Some(count) = counts.get_mut(*label as usize) {
                *count += 1;
            }
        }
        counts
    }

    /// Marks `quotas` samples of each class; fewer where only samples of equal content are left and all of them
    /// would be too many.
    pub(super) fn mark(&self, mut quotas: Vec<usize>) -> Vec<bool> {
        let groups = self.groups();
        let mut is_marked = vec![false; self.labels.len()];
        let mut is_decided = is_marked.clone();
        for index in self.draw() {
            let Some(group) = groups.get(self.first(index)) else {
                continue;
            };
            if std::mem::replace(&mut is_decided[self.first(index)], true) {
                continue;
            }
            let mut left = quotas.clone();
            let fits = group.iter().all(|member| {
                let quota = left.get_mut(self.label(*member));
                quota.is_some_and(|quota| {
                    let fits = *quota > 0;
                    *quota = quota.saturating_sub(1);
                    fits
                })
            });
            if fits {
                quotas = left;
                for member in group {
                    is_marked[*member] = true;
                }
            }
        }
        is_marked
    }

    /// Deals all samples out to `of` folds, of each class alike; returns the fold of each sample, from 0.
    pub(super) fn deal(&self, of: usize) -> Vec<usize> {
        let groups = self.groups();
        let mut of_class = vec![vec![0_usize; of]; self.classes];
        let mut in_all = vec![0_usize; of];
        let mut folds = vec![0; self.labels.len()];
        let mut order: Vec<usize> = self.draw();
        order.retain(|index| self.first(*index) == *index);
        // The largest groups first, while there is room beside them. A stable sort: of equal size as drawn.
        order.sort_by_key(|index| Reverse(groups[*index].len()));
        for index in order {
            let class = self.label(index);
            let fewest = (0..of).min_by_key(|fold| {
                let own = of_class.get(class).map_or(0, |folds| folds[*fold]);
                (own, in_all[*fold], *fold)
            });
            let fold = fewest.unwrap_or(0);
            for member in &groups[index] {
                folds[*member] = fold;
                in_all[fold] += 1;
                if let Some(counts) = of_class.get_mut(self.label(*member)) {
                    counts[fold] += 1;
                }
            }
        }
        folds
    }

    /// Returns all samples, class after class, each class in an order of its own.
    fn draw(&self) -> Vec<usize> {
        let mut members = vec![Vec::new(); self.classes];
        for (index, label) in self.labels.iter().enumerate() {
            if let Some(members) = members.get_mut(*label as usize) {
                members.push(index);
            }
        }
        for (class, members) in members.iter_mut().enumerate() {
            Random::new(Purpose::Split, &[self.seed, class as u64]).shuffle(members);
        }
        members.concat()
    }

    /// Returns the members of each group at the place of its first.
    fn groups(&self) -> Vec<Vec<usize>> {
        let mut groups = vec![Vec::new(); self.labels.len()];
        for index in 0..self.labels.len() {
            if let Some(group) = groups.get_mut(self.first(index)) {
                group.push(index);
            }
        }
        groups
    }

    fn first(&self, index: usize) -> usize {
        self.firsts.get(index).copied().unwrap_or(index)
    }

    fn label(&self, index: usize) -> usize {
        self.labels.get(index).map_or(0, |label| *label as usize)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn none(count: usize) -> Vec<usize> {
        (0..count).collect()
    }

    #[test]
    fn folds_are_disjoint_and_stratified() {
        let labels: Vec<u32> = (0..103).map(|index| u32::from(index % 4 == 0)).collect();
        let firsts = none(labels.len());
        let population = Population {
            labels: &labels,
            classes: 2,
            firsts: &firsts,
            seed: 3,
        };
        let folds = population.deal(5);
        for class in 0..2 {
            let mut counts = [0; 5];
            for (fold, label) in folds.iter().zip(&labels) {
                counts[*fold] += usize::from(*label == class);
            }
            let (least, most) = (counts.iter().min(), counts.iter().max());
            assert!(most.unwrap() - least.unwrap() <= 1, "{counts:?}");
        }
        let mut sizes = [0; 5];
        for fold in &folds {
            sizes[*fold] += 1;
        }
        sizes.sort_unstable();
        assert_eq!(sizes, [20, 20, 21, 21, 21]);
        let other = Population {
            seed: 4,
            ..population
        };
        assert_ne!(folds, other.deal(5), "the seed decides");
        assert_eq!(other.deal(5), other.deal(5));
    }

    #[test]
    fn equal_content_stays_together() {
        // Ten contents, each four times, two of them in both classes.
        let labels: Vec<u32> = (0..40)
            .map(|index| u32::from(index % 10 > 5 || index == 3 || index == 14))
            .collect();
        let firsts: Vec<usize> = (0..40).map(|index| index % 10).collect();
        for seed in 0..20 {
            let population = Population {
                labels: &labels,
                classes: 2,
                firsts: &firsts,
                seed,
            };
            let folds = population.deal(3);
            let marked = population.mark(vec![9, 7]);
            for index in 10..40 {
                assert_eq!(folds[index], folds[index % 10]);
                assert_eq!(marked[index], marked[index % 10]);
            }
            assert!((0..3).all(|fold| folds.contains(&fold)));
            let count = marked.iter().filter(|marked| **marked).count();
            assert!(count > 0 && count <= 16, "{count}");
        }
    }

    #[test]
    fn without_equals_the_first_drawn_are_marked() {
        let labels = [0_u32; 50];
        let firsts = none(50);
        let population = Population {
            labels: &labels,
            classes: 1,
            firsts: &firsts,
            seed: 11,
        };
        let mut drawn: Vec<usize> = (0..50).collect();
        Random::new(Purpose::Split, &[11, 0]).shuffle(&mut drawn);
        let marked = population.mark(vec![12]);
        let mut expected = vec![false; 50];
        for index in &drawn[..12] {
            expected[*index] = true;
        }
        assert_eq!(marked, expected);
    }
}
