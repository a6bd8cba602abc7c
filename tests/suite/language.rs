//! The language as data: its schema, its reference, and the configs that are shipped.

use std::fs;
use std::path::PathBuf;

use burn::tensor::Device;
use cnn::config;
use cnn::load::Project;
use cnn::model::{Model, Pass, Value};
use cnn::report::inspection::Inspection;
use cnn::report::schema;
use cnn::template::TEMPLATES;

use crate::goldens::array_of;
use crate::support::{Golden, Lab, names, repository};

/// Returns the shipped configs, each with its text.
fn configs() -> Vec<(PathBuf, String)> {
    let folder = repository("configs");
    let paths = names(&folder).into_iter().map(|name| folder.join(name));
    let paths = paths.filter(|path| path.extension().is_some_and(|end| end == "toml"));
    let configs: Vec<(PathBuf, String)> = paths
        .map(|path| (path.clone(), fs::read_to_string(path).unwrap()))
        .collect();
    assert!(configs.len() > 30);
    configs
}

#[test]
fn the_schema_and_the_reference_are_those_of_the_code() {
    let lab = Lab::new();
    let mut golden = Golden::new();
    let schema = lab.cnn(&["schema"]).ok().stdout;
    golden.check(&repository("configs/schema.json"), &schema);
    let reference = lab.cnn(&["schema", "--layers"]).ok().stdout;
    golden.check(&repository("docs/layers.md"), &reference);
    golden.finish();
}

#[test]
fn every_config_names_the_schema_and_is_a_template() {
    for (path, text) in configs() {
        let name = path.file_stem().unwrap().to_str().unwrap();
        assert!(text.starts_with("#:schema schema.json\n"), "{name}");
        assert!(TEMPLATES.iter().any(|known| known.name == name), "{name}");
    }
    assert_eq!(TEMPLATES.len(), configs().len());
}

/// Says where a value breaks a schema, by the keywords that ours has.
fn fault(
    schema: &serde_json::Value,
    value: &serde_json::Value,
    root: &serde_json::Value,
) -> Option<String> {
    let at = |key: &str, inner: Option<String>| inner.map(|fault| format!("{key}: {fault}"));
    for (keyword, wanted) in schema.as_object()? {
        let wanted_number = wanted.as_f64();
        let number = value.as_f64();
        let length = value.as_array().map(|items| items.len() as f64);
        let list = || wanted.as_array().unwrap().iter();
        let is_ok = match keyword.as_str() {
            "$schema" | "$defs" | "title" | "description" | "default" => true,
            "$ref" => {
                let name = wanted.as_str().unwrap().strip_prefix('#').unwrap();
                if let Some(fault) = fault(root.pointer(name).unwrap(), value, root) {
                    return Some(fault);
                }
                true
            }
            "type" => match wanted.as_str().unwrap() {
                "object" => value.is_object(),
                "array" => value.is_array(),
                "string" => value.is_string(),
                "boolean" => value.is_boolean(),
                "number" => value.is_number(),
                "integer" => value.is_i64(),
                other => panic!("{other}"),
            },
            "const" => value == wanted,
            "enum" => list().any(|word| word == value),
            // The one pattern is that of parameters.
            "pattern" => value.as_str().is_none_or(|text| text.starts_with('$')),
            "minimum" => number.is_none_or(|number| number >= wanted_number.unwrap()),
            "maximum" => number.is_none_or(|number| number <= wanted_number.unwrap()),
            "exclusiveMinimum" => number.is_none_or(|number| number > wanted_number.unwrap()),
            "exclusiveMaximum" => number.is_none_or(|number| number < wanted_number.unwrap()),
            "minItems" => length.is_none_or(|length| length >= wanted_number.unwrap()),
            "maxItems" => length.is_none_or(|length| length <= wanted_number.unwrap()),
            "items" => {
                for item in value.as_array().into_iter().flatten() {
                    if let Some(fault) = fault(wanted, item, root) {
                        return Some(fault);
                    }
                }
                true
            }
            "required" => list().all(|key| value.get(key.as_str().unwrap()).is_some()),
            "properties" => {
                for (key, schema) in wanted.as_object().unwrap() {
                    let inner = value.get(key).and_then(|value| fault(schema, value, root));
                    if inner.is_some() {
                        return at(key, inner);
                    }
                }
                true
            }
            "additionalProperties" => {
                let known = schema
                    .get("properties")
                    .and_then(serde_json::Value::as_object);
                for (key, value) in value.as_object().into_iter().flatten() {
                    if known.is_some_and(|known| known.contains_key(key)) {
                        continue;
                    }
                    match wanted {
                        serde_json::Value::Bool(true) => {}
                        serde_json::Value::Bool(false) => return Some(format!("unknown `{key}`")),
                        schema => {
                            let inner = fault(schema, value, root);
                            if inner.is_some() {
                                return at(key, inner);
                            }
                        }
                    }
                }
                true
            }
            "anyOf" => list().any(|schema| fault(schema, value, root).is_none()),
            "oneOf" => {
                list()
                    .filter(|one| fault(one, value, root).is_none())
                    .count()
                    == 1
            }
            other => panic!("the checker does not know `{other}`"),
        };
        if !is_ok {
            return Some(format!("{value} breaks `{keyword}`"));
        }
    }
    None
}

#[track_caller]
fn schema_fault(text: &str) -> Option<String> {
    let schema = schema::schema(&config::describe());
    let value: serde_json::Value = toml::from_str(text).unwrap();
    fault(&schema, &value, &schema)
}

#[test]
fn the_schema_takes_every_config_and_what_it_resolves_to() {
    for (path, text) in configs() {
        assert_eq!(schema_fault(&text), None, "{}", path.display());
        let project = Project::read(&path, &[]).unwrap();
        let resolved = project.config.to_toml();
        assert_eq!(schema_fault(&resolved), None, "{}", path.display());
    }
    for layer in config::describe().layers {
        assert_eq!(schema_fault(&layer.example), None, "{}", layer.name);
    }
}

/// Asserts that reader and schema think the same of a config.
#[track_caller]
fn check_agreement(text: &str, is_right: bool) {
    let parsed = config::Config::parse("", text, &[]);
    assert_eq!(parsed.problems.is_empty(), is_right, "{text}");
    let fault = schema_fault(text);
    assert_eq!(fault.is_none(), is_right, "{text}: {fault:?}");
}

/// A network of one layer.
fn one(layer: &str) -> String {
    format!("[model]\ninput = [4, 9, 9]\nlayers = [{{ {layer} }}]\n")
}

#[test]
fn the_schema_takes_the_layers_that_the_reader_takes_and_no_others() {
    for (layer, is_right) in [
        ("type = \"conv\", filters = 8, kernel_size = 3", true),
        ("type = \"conv\", filters = 8, kernel_size = [3, 5]", true),
        ("type = \"conv\", kernel = \"sobel_x\"", true),
        ("type = \"conv\", kernel = [[1, 2.5], [0, -1]]", true),
        ("type = \"conv\", kernel_size = 3", false),
        ("type = \"conv\", filters = 0, kernel_size = 3", false),
        (
            "type = \"conv\", filters = 8, kernel_size = 3, strides = 2",
            false,
        ),
        (
            "type = \"conv\", filters = \"$width\", kernel_size = 3",
            false,
        ),
        (
            "type = \"conv\", filters = 8, kernel_size = 3, padding = \"full\"",
            false,
        ),
        (
            "type = \"conv\", filters = 8, kernel_size = 3, padding = [[1, 0], [1, 0]]",
            true,
        ),
        (
            "type = \"conv\", filters = 8, kernel_size = 3, padding = [[1, 0, 1]]",
            false,
        ),
        (
            "type = \"conv_transpose\", filters = 8, kernel_size = 3, padding_mode = \"zeros\"",
            false,
        ),
        (
            "type = \"dense\", units = 8, initializer = \"constant\"",
            false,
        ),
        (
            "type = \"dense\", units = 8, initializer = { type = \"constant\", value = 1 }",
            true,
        ),
        (
            "type = \"dense\", units = 8, constraint = { type = \"unit_norm\", value = 1 }",
            false,
        ),
        ("type = \"dense\", units = 8, l2 = -0.1", false),
        ("type = \"dropout\", rate = 0", true),
        ("type = \"dropout\", rate = 1", false),
        ("type = \"batch_norm\", epsilon = 0", false),
        ("type = \"batch_norm\", momentum = 1", true),
        ("type = \"reshape\", shape = [-1, 3]", true),
        ("type = \"reshape\", shape = [-2, 3]", false),
        ("type = \"reshape\", shape = []", false),
        ("type = \"merge\", from = []", false),
        ("type = \"branches\", branches = [[]]", false),
        (
            "type = \"branches\", branches = [[], [{ type = \"flatten\" }]]",
            true,
        ),
        (
            "type = \"residual\", layers = [{ type = \"flaten\" }]",
            false,
        ),
        ("type = \"flatten\", name = \"row\"", true),
        ("type = \"flatten\", start = 1", false),
        ("units = 8", false),
    ] {
        check_agreement(&one(layer), is_right);
    }
}

#[test]
fn the_schema_takes_the_sections_that_the_reader_takes_and_no_others() {
    let model = one("type = \"flatten\"");
    for (sections, is_right) in [
        ("[train]\noptimizer = \"adam\"", true),
        (
            "[train]\noptimizer = { type = \"adam\", momentum = 0.9 }",
            false,
        ),
        ("[train]\nschedule = \"step\"", false),
        ("[train]\nschedule = { type = \"step\", every = 3 }", true),
        ("[train]\nepochs = 0", false),
        ("[train]\nepochs = 2.5", false),
        ("[train]\nearly_stopping = { patience = 3 }", true),
        ("[train]\nearly_stopping = {}", false),
        ("[data]\nvalidation = 0", false),
        (
            "[data]\nvalidation = 0.1\nresize = [9, 9]\npadding = [[1, 0], [1, 0]]",
            true,
        ),
        ("[data]\nresize = [9, 9, 9]", false),
        ("[data]\nnormalize = { mean = 0.5, std = [0.5] }", true),
        ("[data]\nnormalize = { mean = 0.5 }", false),
        ("[data]\ninvert = \"always\"", false),
        ("[augment]\nrotate = 181", false),
        ("[augment]\nshift = [1, 2]\nrotate = 180", true),
        (
            "[augment]\nflip = \"both\"\ncrop = { padding = 4 }\nscale = [0.9, 1.1]\nsqueeze = 1.2\n\
             shear = 5\nbrightness = 0.4\ncontrast = 0.4\nsaturation = 0.4\nerase = 0.25\nnoise = 0.05\n\
             elastic = { alpha = 34, sigma = 4 }\nmixup = 0.2\ncutmix = 1",
            true,
        ),
        (
            "[augment]\ncrop = { scale = [0.08, 1.0] }\nerase = { area = [0.1, 0.2], fill = \"zero\" }",
            true,
        ),
        ("[augment]\nflip = true", false),
        ("[augment]\ncrop = 4", false),
        ("[augment]\ncrop = {}", false),
        ("[augment]\nscale = 1.1", false),
        ("[augment]\nsqueeze = 0.9", false),
        ("[augment]\nshear = 90", false),
        ("[augment]\nnoise = -0.1", false),
        ("[augment]\nerase = 2", false),
        ("[augment]\nelastic = { alpha = 34 }", false),
        ("[augment]\nelastic = { alpha = 34, sigma = 101 }", false),
        (
            "[data]\nresize = { size = [9, 9], mode = \"letterbox\" }\ncrop = 20\npadding = [[1, 0], [1, 0]]",
            true,
        ),
        ("[data]\nresize = { mode = \"letterbox\" }", false),
        ("[data]\ncrop = 0", false),
        (
            "[budget]\nmax_macs = 1_000_000\nmax_training_memory = \"1 GiB\"",
            true,
        ),
        ("[budget]\nmax_flops = 1", false),
        (
            "[blocks.a]\nparameters = [\"n\"]\nlayers = [{ type = \"dense\", units = \"$n\" }]",
            true,
        ),
        ("[blocks.a]\nlayers = []\nwidth = 3", false),
        ("[blocks.a]\nparameters = { n = 3 }", false),
    ] {
        check_agreement(&format!("{model}{sections}\n"), is_right);
    }
}

#[test]
fn every_example_of_the_reference_computes() {
    let device = Device::flex();
    for layer in config::describe().layers {
        let name = layer.name;
        let project = Project::check(name, &layer.example, &[]);
        let project = project.unwrap_or_else(|error| panic!("{name}: {error}"));
        let is_there =
            name == "block" || project.plan.every().iter().any(|one| one.type_name == name);
        assert!(is_there, "the example of `{name}` does without it");
        let model = Model::new(&project.plan, 1, &device);
        let values = project.plan.input.iter().product::<usize>();
        let values = (0..2 * values)
            .map(|number| (number % 7) as f32 / 7.0)
            .collect();
        let input = Value::of_inputs(values, &project.plan.input, &device);
        let output = array_of(model.forward(input, Pass::Evaluate));
        assert_eq!(output.shape[0], 2, "{name}");
        assert_eq!(output.shape[1..], *project.plan.output(), "{name}");
        assert!(
            output.values.iter().all(|value| value.is_finite()),
            "{name}"
        );
    }
}

#[test]
fn a_config_resolves_to_the_same_network_and_that_to_itself() {
    let figures = |project: &Project| {
        let optimizer = &project.config.train.optimizer;
        Inspection::new("", &project.plan, 3, optimizer)
            .to_json()
            .unwrap()
    };
    for (path, _) in configs() {
        let project = Project::read(&path, &[]).unwrap();
        let resolved = project.config.to_toml();
        assert!(!resolved.contains("\"block\""), "{resolved}");
        let again = Project::check("resolved.toml", &resolved, &[]);
        let again = again.unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        assert_eq!(figures(&again), figures(&project), "{}", path.display());
        assert_eq!(again.config.to_toml(), resolved, "{}", path.display());
    }
}

#[test]
fn inspect_writes_the_resolved_config() {
    let lab = Lab::new();
    let text = repository("configs/resnet18.toml");
    let inspect = |path: &str| lab.cnn(&["inspect", path, "--json"]).ok().json();
    let resolved = lab.cnn(&["inspect", text.to_str().unwrap(), "--resolved"]);
    let resolved = resolved.ok();
    assert_eq!(resolved.stderr, "");
    lab.write("resolved.toml", &resolved.stdout);
    assert_eq!(inspect("resolved.toml"), inspect(text.to_str().unwrap()));
    let twice = lab.cnn(&["inspect", "resolved.toml", "--resolved"]).ok();
    assert_eq!(twice.stdout, resolved.stdout);
    let set = [
        "inspect",
        "resolved.toml",
        "--resolved",
        "--set",
        "train.epochs=7",
    ];
    assert!(lab.cnn(&set).ok().stdout.contains("epochs = 7\n"));
    lab.cnn(&["inspect", "resolved.toml", "--resolved", "--json"])
        .code(2);
}

#[test]
fn a_new_config_is_its_template_under_another_name() {
    let lab = Lab::new();
    for template in TEMPLATES {
        let name = format!("my-{}", template.name);
        let outcome = lab.cnn(&["new", &name, "--template", template.name]).ok();
        assert_eq!(outcome.stdout, "");
        let path = lab.path(format!("{name}.toml"));
        let new = Project::read(&path, &[]).unwrap();
        assert_eq!(new.config.model.name.as_deref(), Some(name.as_str()));
        assert!(
            !lab.text(&path).contains("#:schema"),
            "there is no schema here"
        );
        let old = Project::check(template.name, template.text, &[]).unwrap();
        let with_name = new.config.to_toml().replacen(&name, template.name, 1);
        assert_eq!(with_name, old.config.to_toml());
    }
    lab.cnn(&["inspect", "my-lenet5.toml"]).ok();
    lab.cnn(&["new", "plain.toml", "--quiet"]).ok();
    assert!(lab.text("plain.toml").contains("name   = \"plain\"\n"));
    let listed = lab.cnn(&["new", "--list"]).ok().stdout;
    assert_eq!(listed.lines().count(), TEMPLATES.len());
    assert!(listed.starts_with("lenet5 "), "{listed}");
}

#[test]
fn a_new_config_leads_to_the_schema_where_there_is_one() {
    let lab = Lab::new();
    lab.write("configs/schema.json", "{}");
    lab.cnn(&["new", "one"]).ok();
    lab.cnn(&["new", "configs/two"]).ok();
    assert!(
        lab.text("one.toml")
            .starts_with("#:schema configs/schema.json\n")
    );
    assert!(
        lab.text("configs/two.toml")
            .starts_with("#:schema schema.json\n")
    );
}

#[test]
fn a_new_config_overwrites_nothing() {
    let lab = Lab::new();
    lab.write("mine.toml", "old");
    let outcome = lab.cnn(&["new", "mine"]).code(2);
    assert_eq!(
        outcome.stderr,
        "error: `mine.toml` exists\nhelp: choose another name, or remove the file first\n\n"
    );
    assert_eq!(lab.text("mine.toml"), "old");
    let outcome = lab.cnn(&["new", "other", "--template", "lenet"]).code(2);
    assert!(
        outcome.stderr.contains("unknown template `lenet`"),
        "{outcome:?}"
    );
    assert!(
        outcome.stderr.contains("did you mean `lenet5`?"),
        "{outcome:?}"
    );
    assert!(outcome.stderr.contains("`resnet50`"), "{outcome:?}");
    lab.cnn(&["new", "a name"]).code(2);
    lab.cnn(&["new"]).code(2);
    lab.cnn(&["new", "no/such/folder/mine"]).code(5);
    assert_eq!(lab.names(""), ["mine.toml"]);
}

/// Returns every key of a section and every type of its tables.
fn words(fields: &[config::Field]) -> Vec<&'static str> {
    let mut words = Vec::new();
    for field in fields {
        words.push(field.name);
        add_types(&field.form, &mut words);
    }
    words
}

fn add_types(form: &config::Form, words: &mut Vec<&'static str>) {
    match form {
        config::Form::Tagged(variants) => {
            for variant in variants {
                words.push(variant.name);
                words.extend(variant.fields.iter().map(|field| field.name));
            }
        }
        config::Form::Either(forms) => forms.iter().for_each(|form| add_types(form, words)),
        _ => {}
    }
}

#[test]
fn the_page_about_training_names_every_key() {
    let text = fs::read_to_string(repository("docs/training.md")).unwrap();
    let language = config::describe();
    for name in ["train", "augment"] {
        let section = language.sections.iter().find(|field| field.name == name);
        let Some(config::Form::Table(fields)) = section.map(|section| &section.form) else {
            panic!("no section {name}");
        };
        let named = |word: &&str| {
            text.contains(&format!("`{word}`")) || text.contains(&format!("`{word} ="))
        };
        let missing: Vec<&str> = words(fields)
            .into_iter()
            .filter(|word| !named(word))
            .collect();
        assert_eq!(missing, Vec::<&str>::new(), "docs/training.md names all");
    }
}
