//! The schema takes what the reader takes, and nothing else.

use cnn::config;
use cnn::load::Project;
use cnn::report::schema;

use super::configs;

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
        ("[data]\nvalidation = 0", true),
        ("[data]\nvalidation = 1", false),
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
