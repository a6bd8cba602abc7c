//! The program `model.py`: a network's modules, and how its inputs are prepared.

use serde_json::Value;

use super::super::network::Network;
use super::prepare::{constants, prepare};
use super::tree::{Child, Module, Tree};
use crate::config::Task;
use crate::dataset::Preprocessing;
use crate::plan::Plan;
use crate::shape;

/// The text of the classes and functions that programs may need.
const HELPERS: &str = include_str!("helpers.py");

/// The widest line of a list that is written.
const WIDTH: usize = 100;

/// What a program says of its network.
#[derive(Debug)]
pub(in super::super) struct About {
    name: String,
    input: Vec<usize>,
    task: Task,
    classes: Vec<String>,
    preprocessing: Preprocessing,
}

impl About {
    pub(in super::super) fn new(network: &Network) -> Self {
        let Plan { input, .. } = &network.plan;
        let plain = |c: char| {
            if c.is_alphanumeric() || "-_. ".contains(c) {
                c
            } else {
                '_'
            }
        };
        Self {
            name: network.name.chars().map(plain).collect(),
            input: input.clone(),
            task: network.task,
            classes: network.header.classes.clone(),
            preprocessing: network.header.preprocessing.clone(),
        }
    }
}

impl Tree {
    /// Writes the program.
    pub(in super::super) fn program(&self, about: &About) -> String {
        let mut parts = vec![constants(&about.preprocessing, &about.input)];
        parts.extend(self.helpers());
        parts.push(self.network(about));
        parts.push(LOAD.to_owned());
        parts.push(prepare(&about.preprocessing));
        parts.push(main(about));
        let body = parts.join("\n\n\n");
        let classes = list("CLASSES", &about.classes);
        let has = |word: &str| body.contains(word);
        let mut imports = String::new();
        for (word, line) in [("math.", "import math\n"), ("sys.", "import sys\n")] {
            if has(word) {
                imports.push_str(line);
            }
        }
        if has("OrderedDict(") {
            imports.push_str("from collections import OrderedDict\n");
        }
        imports.push_str("from pathlib import Path\n\nimport torch\n");
        imports.push_str("from safetensors.torch import load_file\nfrom torch import nn\n");
        if has("F.") {
            imports.push_str("from torch.nn import functional as F\n");
        }
        format!("{}\n\n{imports}\n{classes}\n{body}\n", heading(about))
    }

    /// Returns the texts of those helpers that the modules need.
    fn helpers(&self) -> Vec<String> {
        let needs = |name: &str| {
            let is_product = name == "product" && self.helpers.contains("Product");
            is_product || self.helpers.contains(name)
        };
        let texts = HELPERS.trim_end().split("\n\n\n");
        let named = texts.filter(|text| {
            let name = text.split([' ', '(', ':']).nth(1).unwrap_or_default();
            needs(name)
        });
        named.map(str::to_owned).collect()
    }

    fn network(&self, about: &About) -> String {
        let input = shape::display(&about.input);
        let answer = match about.task {
            Task::Classes => "a logit for each of `CLASSES`; their softmax are the probabilities",
            Task::Labels => "a logit for each of `CLASSES`; its sigmoid is the probability",
            Task::Values => "a number for each of `CLASSES`",
        };
        let mut text = format!(
            "class Net(nn.Sequential):\n    \"\"\"Takes a batch of inputs of {input}, and answers with {answer}.\"\"\"\n\n"
        );
        text.push_str("    def __init__(self):\n        super().__init__(");
        text.push_str(&arguments(&self.children, 8));
        text.push(')');
        if !self.steps.is_empty() {
            text.push_str("\n\n    def forward(self, x):\n");
            for step in &self.steps {
                text.push_str(&format!("        {step}\n"));
            }
            text.push_str("        return x");
        }
        text
    }
}

const LOAD: &str = r#"def load(path=Path(__file__).with_name("model.safetensors")):
    """Builds the network with its weights, ready to answer."""
    net = Net()
    net.load_state_dict(load_file(path), strict=True)
    return net.eval()"#;

fn heading(about: &About) -> String {
    let name = &about.name;
    let (given, import, open) = example(&about.preprocessing);
    let file = if about.preprocessing.is_picture() {
        "picture.png"
    } else {
        "array.npy"
    };
    format!(
        r#""""The network `{name}`, written by `cnn export`; its weights are in model.safetensors, beside this file.

    {import}
    from model import CLASSES, load, prepare

    net = load()
    answer = net(prepare({open}("{file}"))[None])

or, in a shell: python model.py {given}
""""#
    )
}

/// Returns what a program is given, and how that is opened.
fn example(preprocessing: &Preprocessing) -> (&'static str, &'static str, &'static str) {
    if preprocessing.is_picture() {
        ("PICTURE", "from PIL import Image", "Image.open")
    } else {
        ("ARRAY.npy", "import numpy", "numpy.load")
    }
}

/// Writes modules as the arguments of `nn.Sequential`: with names, unless these are just numbers in order.
fn arguments(children: &[Child], indent: usize) -> String {
    let numbered = |(number, child): (usize, &Child)| child.key == number.to_string();
    let room = " ".repeat(indent);
    if children.is_empty() {
        return String::new();
    }
    let mut text = String::new();
    if children.iter().enumerate().all(numbered) {
        for child in children {
            let module = expression(&child.module, indent + 4);
            text.push_str(&format!("\n{room}    {module},"));
        }
        return format!("{text}\n{room}");
    }
    for child in children {
        let key = Value::from(child.key.as_str());
        let module = expression(&child.module, indent + 4);
        text.push_str(&format!("\n{room}    {key}: {module},"));
    }
    format!("OrderedDict({{{text}\n{room}}})")
}

/// Writes what makes a module; its first line stands at an indent already.
fn expression(module: &Module, indent: usize) -> String {
    let room = " ".repeat(indent);
    let each = |items: Vec<String>| {
        let lines = items.iter().map(|item| format!("\n{room}    {item},"));
        format!("{}\n{room}", lines.collect::<String>())
    };
    match module {
        Module::Call(code) => code.replace('\n', &format!("\n{room}")),
        Module::Sequence(children) => format!("nn.Sequential({})", arguments(children, indent)),
        Module::Holder(class, held) => {
            let held = held.iter().map(|(keyword, module)| {
                let module = expression(module, indent + 4);
                if keyword.is_empty() {
                    module
                } else {
                    format!("{keyword}={module}")
                }
            });
            format!("{class}({})", each(held.collect()))
        }
        Module::Table(held) => {
            let held = held
                .iter()
                .map(|(key, module)| format!("\"{key}\": {}", expression(module, indent + 4)));
            format!("nn.ModuleDict({{{}}})", each(held.collect()))
        }
        Module::List(modules) => {
            let modules = modules.iter().map(|module| expression(module, indent + 4));
            format!("nn.ModuleList([{}])", each(modules.collect()))
        }
    }
}

/// Writes a list of texts, on as many lines as it takes.
fn list(name: &str, items: &[String]) -> String {
    let items: Vec<String> = items
        .iter()
        .map(|item| Value::from(item.as_str()).to_string())
        .collect();
    let line = format!("{name} = [{}]", items.join(", "));
    if line.chars().count() <= WIDTH {
        return line;
    }
    let mut text = format!("{name} = [\n   ");
    let mut width = 3;
    for item in items {
        let length = item.chars().count() + 2;
        if width + length > WIDTH && width > 3 {
            text.push_str("\n   ");
            width = 3;
        }
        width += length;
        text.push_str(&format!(" {item},"));
    }
    text + "\n]"
}

fn main(about: &About) -> String {
    let (given, import, open) = example(&about.preprocessing);
    let answer = match about.task {
        Task::Classes => {
            "        probabilities = answer.softmax(0)
        best = int(probabilities.argmax())
        print(f\"{path}: {CLASSES[best]} {probabilities[best]:.1%}\")"
        }
        Task::Labels => {
            "        probabilities = zip(CLASSES, answer.sigmoid().tolist())
        print(f\"{path}: \" + \", \".join(f\"{name} {share:.1%}\" for name, share in probabilities))"
        }
        Task::Values => {
            "        values = zip(CLASSES, answer.tolist())
        print(f\"{path}: \" + \", \".join(f\"{name} {value:.4f}\" for name, value in values))"
        }
    };
    format!(
        "if __name__ == \"__main__\":
    {import}

    if len(sys.argv) < 2:
        sys.exit(\"usage: python model.py {given}...\")
    net = load()
    for path in sys.argv[1:]:
        with torch.no_grad():
            answer = net(prepare({open}(path))[None])[0]
{answer}"
    )
}
