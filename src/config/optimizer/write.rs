//! Optimizers written back.

use super::{ADJUSTS, Moments, Optimizer, Rule};
use crate::config::value;

impl Optimizer {
    pub(in crate::config) fn to_toml(&self) -> String {
        let mut settings = vec![
            ("type", value::quoted(self.rule.word())),
            ("learning_rate", value::float(self.learning_rate)),
        ];
        settings.extend(self.rule.settings());
        settings.push(("weight_decay", value::float(self.weight_decay)));
        settings.push(("decay_bias_and_norm", self.decay_bias_and_norm.to_string()));
        value::table(&settings)
    }
}

impl Rule {
    fn settings(&self) -> Vec<(&'static str, String)> {
        let float = |number: &f64| value::float(*number);
        let betas = |moments: &Moments| {
            vec![
                ("beta1", float(&moments.beta1)),
                ("beta2", float(&moments.beta2)),
            ]
        };
        let with_epsilon = |moments: &Moments| {
            let mut settings = betas(moments);
            settings.push(("epsilon", float(&moments.epsilon)));
            settings
        };
        match self {
            Self::Sgd {
                momentum,
                dampening,
                nesterov,
            } => vec![
                ("momentum", float(momentum)),
                ("dampening", float(dampening)),
                ("nesterov", nesterov.to_string()),
            ],
            Self::Adam(settings) | Self::AdamW(settings) => {
                let mut all = with_epsilon(&settings.moments);
                all.push(("amsgrad", settings.amsgrad.to_string()));
                all
            }
            Self::RmsProp {
                rho,
                epsilon,
                momentum,
                centered,
            } => vec![
                ("rho", float(rho)),
                ("epsilon", float(epsilon)),
                ("momentum", float(momentum)),
                ("centered", centered.to_string()),
            ],
            Self::Adagrad {
                rate_decay,
                initial_accumulator,
                epsilon,
            } => vec![
                ("rate_decay", float(rate_decay)),
                ("initial_accumulator", float(initial_accumulator)),
                ("epsilon", float(epsilon)),
            ],
            Self::Adadelta { rho, epsilon } => {
                vec![("rho", float(rho)), ("epsilon", float(epsilon))]
            }
            Self::Nadam {
                moments,
                momentum_decay,
            } => {
                let mut all = with_epsilon(moments);
                all.push(("momentum_decay", float(momentum_decay)));
                all
            }
            Self::Radam(moments) | Self::Lamb(moments) => with_epsilon(moments),
            Self::Lion { beta1, beta2 } => vec![("beta1", float(beta1)), ("beta2", float(beta2))],
            Self::Adan { moments, beta3 } => {
                let mut all = betas(moments);
                all.push(("beta3", float(beta3)));
                all.push(("epsilon", float(&moments.epsilon)));
                all
            }
            Self::Muon {
                momentum,
                nesterov,
                iterations,
                adjust,
                others,
            } => {
                let mut all = vec![
                    ("momentum", float(momentum)),
                    ("nesterov", nesterov.to_string()),
                    ("iterations", iterations.to_string()),
                    ("adjust", value::quoted(value::word_of(ADJUSTS, adjust))),
                ];
                all.extend(with_epsilon(others));
                all
            }
        }
    }
}
