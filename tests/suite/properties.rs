//! What holds for every network: random ones, drawn from a fixed seed.

use burn::tensor::Device;
use cnn::load::Project;
use cnn::model::{Model, Pass, Value};
use cnn::model_file::{self, Header};

use crate::goldens::array_of;

/// A small generator for tests (Numerical Recipes' linear congruence).
struct Draw(u64);

impl Draw {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % bound
    }

    fn of<'a>(&mut self, words: &[&'a str]) -> &'a str {
        words[self.below(words.len())]
    }

    fn size(&mut self, largest: usize) -> String {
        let mut one = || self.below(largest) + 1;
        let (rows, columns) = (one(), one());
        if self.below(2) == 0 {
            rows.to_string()
        } else {
            format!("[{rows}, {columns}]")
        }
    }

    fn padding(&mut self, largest: usize) -> String {
        let mut one = || self.below(largest + 1);
        let (a, b, c, d) = (one(), one(), one(), one());
        match self.below(5) {
            0 => "\"valid\"".to_owned(),
            1 => "\"same\"".to_owned(),
            2 => a.to_string(),
            3 => format!("[{a}, {b}]"),
            _ => format!("[[{a}, {b}], [{c}, {d}]]"),
        }
    }

    fn layer(&mut self, flat: &mut bool, channels: &mut usize) -> String {
        let activation = self.of(&["relu", "tanh", "sigmoid", "softmax", "leaky_relu", "gelu"]);
        if *flat {
            return match self.below(3) {
                0 => format!(
                    "{{ type = \"dense\", units = {}, bias = false }}",
                    self.below(9) + 1
                ),
                1 => format!("{{ type = \"dense\", units = 4, activation = \"{activation}\" }}"),
                _ => "{ type = \"batch_norm\", momentum = 0.3 }".to_owned(),
            };
        }
        match self.below(8) {
            0..=2 => {
                let groups = if self.below(3) == 0 { *channels } else { 1 };
                let filters = groups * (self.below(3) + 1);
                *channels = filters;
                format!(
                    "{{ type = \"conv\", filters = {filters}, groups = {groups}, kernel_size = {}, \
                     stride = {}, dilation = {}, padding = {}, activation = \"{activation}\" }}",
                    self.size(4),
                    self.size(3),
                    self.size(2),
                    self.padding(3)
                )
            }
            3 | 4 => format!(
                "{{ type = \"pool\", kind = \"{}\", size = {}, stride = {}, padding = {}, ceil = {} }}",
                self.of(&["max", "avg"]),
                self.size(3),
                self.size(3),
                self.padding(1),
                self.below(2) == 0
            ),
            5 => format!("{{ type = \"activation\", fn = \"{activation}\" }}"),
            6 => "{ type = \"batch_norm\" }".to_owned(),
            _ => {
                *flat = true;
                "{ type = \"flatten\" }".to_owned()
            }
        }
    }
}

fn random_config(draw: &mut Draw) -> String {
    let mut channels = draw.below(4) + 1;
    let input = [channels, draw.below(14) + 1, draw.below(14) + 1];
    let mut flat = false;
    let count = draw.below(5) + 1;
    let layers: Vec<String> = (0..count)
        .map(|_| draw.layer(&mut flat, &mut channels))
        .collect();
    format!(
        "[model]\ninput = {input:?}\nlayers = [\n  {}\n]\n",
        layers.join(",\n  ")
    )
}

#[test]
fn predicted_shapes_and_counts_equal_the_built_network() {
    let device = Device::flex();
    let mut draw = Draw(7);
    let mut built = 0;
    for _ in 0..600 {
        let text = random_config(&mut draw);
        let Ok(project) = Project::check("random.toml", &text, &[]) else {
            continue;
        };
        let model = Model::new(&project.plan, 1, &device);
        let counted: u64 = crate::goldens::weights(&model)
            .values()
            .map(|array| array.values.len() as u64)
            .sum();
        let totals = project.plan.totals(cnn::plan::Dtype::F32, 1).unwrap();
        assert_eq!(counted, totals.parameters() + totals.buffers, "{text}");
        let values = 2 * project.plan.input.iter().product::<usize>();
        let input = Value::of_inputs(vec![1.0; values], &project.plan.input, &device);
        let output = array_of(model.forward(input, Pass::Evaluate));
        assert_eq!(output.shape[0], 2, "{text}");
        assert_eq!(output.shape[1..], *project.plan.output(), "{text}");
        assert!(
            output.values.iter().all(|value| value.is_finite()),
            "{text}"
        );
        built += 1;
    }
    assert!(built > 150, "only {built} of the random networks fit");
}

#[test]
fn a_random_config_resolves_to_itself() {
    let mut draw = Draw(11);
    for _ in 0..300 {
        let text = random_config(&mut draw);
        let Ok(project) = Project::check("random.toml", &text, &[]) else {
            continue;
        };
        let resolved = project.config.to_toml();
        let again = Project::check("resolved.toml", &resolved, &[]).unwrap();
        assert_eq!(again.config.to_toml(), resolved);
        assert_eq!(again.plan.output(), project.plan.output());
    }
}

#[test]
fn save_load_save_gives_the_same_bytes() {
    let device = Device::flex();
    let text = r#"
        [model]
        input = [2, 9, 9]
        layers = [
          { type = "conv", name = "Conv1", filters = 3, kernel_size = 3 },
          { type = "batch_norm" },
          { type = "flatten" },
          { type = "dense", units = 4, activation = "softmax" },
        ]"#;
    let project = Project::check("test.toml", text, &[]).unwrap();
    let classes: Vec<String> = ["a", "b", "c", "d \"quoted\""].map(str::to_owned).to_vec();
    let header = Header::new(
        &project.config,
        &classes,
        &project.request().unwrap().preprocessing,
    );
    let model = Model::new(&project.plan.up_to_logits(), 3, &device);
    let bytes = model_file::to_bytes(&model, &header).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.safetensors");
    std::fs::write(&path, &bytes).unwrap();
    let trained = model_file::load(&path, &device).unwrap();
    assert_eq!(trained.header, header);
    assert_eq!(
        model_file::to_bytes(&trained.model, &trained.header).unwrap(),
        bytes
    );
    let names: Vec<String> = crate::goldens::weights(&trained.model)
        .into_keys()
        .collect();
    assert!(names.contains(&"Conv1.weight".to_owned()), "{names:?}");
}
