//! The data sets that go by a name, as a table.

use serde_json::{Value, json};

use super::evaluation::{plain_table, right, table_lines};
use super::number::thousands;
use super::plain;
use crate::dataset::BuiltIn;
use crate::shape;

/// Writes a line for each.
#[must_use]
pub fn render_list(sets: &[BuiltIn]) -> String {
    let mut table = plain_table();
    table.set_header([
        "name",
        "pictures of",
        "size",
        "classes",
        "train",
        "test",
        "where",
    ]);
    for set in sets {
        table.add_row([
            set.name.to_owned(),
            set.about.to_owned(),
            shape::display(&set.shape),
            set.classes.to_string(),
            thousands(set.train as u64),
            thousands(set.test as u64),
            place(set),
        ]);
    }
    right(&mut table, 3..6);
    table_lines(&table)
}

fn place(set: &BuiltIn) -> String {
    let folder = set.folder();
    if set.embedded {
        "in `cnn`".to_owned()
    } else if folder.is_dir() {
        plain(&folder.display().to_string())
    } else {
        format!("`cnn data fetch {}`", set.name)
    }
}

/// Describes each.
#[must_use]
pub fn json_list(sets: &[BuiltIn]) -> Value {
    let sets = sets.iter().map(|set| {
        let folder = set.folder();
        let fetched = folder.is_dir();
        let folder = fetched.then(|| folder.display().to_string());
        json!({
            "name": set.name,
            "about": set.about,
            "shape": set.shape,
            "classes": set.classes,
            "train_samples": set.train,
            "test_samples": set.test,
            "embedded": set.embedded,
            "available": set.embedded || fetched,
            "folder": folder.filter(|_| !set.embedded),
        })
    });
    json!({ "data_sets": sets.collect::<Vec<_>>() })
}
