//! How well scores tell one class from the others, whatever the threshold.

/// A curve over all thresholds, from the highest on.
#[derive(Clone, Debug, PartialEq)]
pub struct Curve {
    /// False and true positive rate, or recall and precision.
    pub points: Vec<[f64; 2]>,
    /// The area under the first, or the average precision.
    pub area: f64,
}

/// Scores with whether the sample is of the class, the highest first.
#[derive(Clone, Debug, Default)]
pub struct Ranking {
    scored: Vec<(f64, bool)>,
}

impl Ranking {
    /// Puts scores in order.
    #[must_use]
    pub fn new(mut scored: Vec<(f64, bool)>) -> Self {
        scored.sort_by(|a, b| b.0.total_cmp(&a.0));
        Self { scored }
    }

    /// Returns positives and negatives.
    fn counts(&self) -> [f64; 2] {
        let positives = self.scored.iter().filter(|(_, is_own)| *is_own).count();
        [positives, self.scored.len() - positives].map(|count| count as f64)
    }

    /// Counts true and false positives at each score that occurs; equal scores go together.
    fn steps(&self) -> Vec<[f64; 2]> {
        let mut steps = Vec::new();
        let mut found = [0.0; 2];
        for (index, (score, is_own)) in self.scored.iter().enumerate() {
            found[usize::from(!is_own)] += 1.0;
            let next = self.scored.get(index + 1);
            if next.is_none_or(|(next, _)| next < score) {
                steps.push(found);
            }
        }
        steps
    }

    /// Returns the curve of the true over the false positive rate; nothing without samples of both kinds.
    ///
    /// # Reference
    /// `sklearn.metrics.roc_curve` and `roc_auc_score`.
    #[must_use]
    pub fn roc(&self) -> Option<Curve> {
        let [positives, negatives] = self.counts();
        if positives == 0.0 || negatives == 0.0 {
            return None;
        }
        let rates = |[own, other]: [f64; 2]| [other / negatives, own / positives];
        let mut points = vec![[0.0, 0.0]];
        points.extend(self.steps().into_iter().map(rates));
        let pairs = points.windows(2);
        let area =
            pairs.map(|pair| (pair[1][0] - pair[0][0]) * f64::midpoint(pair[0][1], pair[1][1]));
        Some(Curve {
            area: area.sum(),
            points,
        })
    }

    /// Returns the curve of precision over recall; nothing without samples of the class.
    ///
    /// # Reference
    /// `sklearn.metrics.precision_recall_curve` and `average_precision_score`.
    #[must_use]
    pub fn precision_recall(&self) -> Option<Curve> {
        let [positives, _] = self.counts();
        if positives == 0.0 {
            return None;
        }
        let shares = |[own, other]: [f64; 2]| [own / positives, own / (own + other)];
        let points: Vec<[f64; 2]> = self.steps().into_iter().map(shares).collect();
        let mut before = 0.0;
        let mut area = 0.0;
        for [recall, precision] in &points {
            area += (recall - before) * precision;
            before = *recall;
        }
        Some(Curve { points, area })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn areas_are_those_of_scikit_learn() {
        // y = [0, 0, 1, 1, 1, 0], s = [0.1, 0.4, 0.35, 0.8, 0.4, 0.2]
        let scored = [0.1, 0.4, 0.35, 0.8, 0.4, 0.2]
            .into_iter()
            .zip([false, false, true, true, true, false]);
        let ranking = Ranking::new(scored.collect());
        let roc = ranking.roc().unwrap();
        assert!(
            (roc.area - 0.833_333_333_333_333_3).abs() < 1e-12,
            "{roc:?}"
        );
        assert_eq!(roc.points.first(), Some(&[0.0, 0.0]));
        assert_eq!(roc.points.last(), Some(&[1.0, 1.0]));
        let curve = ranking.precision_recall().unwrap();
        assert!(
            (curve.area - 0.805_555_555_555_555_6).abs() < 1e-12,
            "{curve:?}"
        );
        assert!(Ranking::new(vec![(0.5, true)]).roc().is_none());
        assert!(Ranking::default().precision_recall().is_none());
    }
}
