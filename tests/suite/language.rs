//! The language as data: its schema, its reference, and the configs that are shipped.

mod agreement;

use std::fs;
use std::path::PathBuf;

use burn::tensor::Device;
use cnn::config;
use cnn::load::Project;
use cnn::model::{Model, Pass, Value};
use cnn::report::inspection::Inspection;
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
