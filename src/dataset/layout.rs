//! Class folders, with or without folders of splits above: the same in a folder and in an archive.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use super::class_files::{Content, Labelled, Others, PICTURES, ends_in, is_of};
use super::decode::{self, Files};
use super::faults;
use super::stream::Location;
use super::{Request, SUPPORTED, Splits};
use crate::diagnostic::{Diagnostic, Error, Result};

/// What samples are for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Split {
    Train,
    Validation,
    Test,
}

impl Split {
    /// All of them, in the order in which they are kept.
    pub(super) const ALL: [Self; 3] = [Self::Train, Self::Validation, Self::Test];

    /// Returns the split that a word stands for.
    pub(super) fn named(word: &str) -> Option<Self> {
        match word.to_lowercase().as_str() {
            "train" | "training" => Some(Self::Train),
            "validation" | "val" | "valid" => Some(Self::Validation),
            "test" | "testing" => Some(Self::Test),
            _ => None,
        }
    }
}

/// Files in folders, wherever they lie. Hidden ones are not in it; paths are relative to its root.
pub(super) trait Tree {
    /// Returns what a folder or a file is called in messages.
    fn shown(&self, path: &Path) -> PathBuf;

    /// Lists the folders in a folder, in bytewise order.
    fn folders(&self, folder: &Path) -> Result<Vec<OsString>>;

    /// Lists the files in a folder.
    fn files(&self, folder: &Path) -> Result<Vec<OsString>>;

    /// Returns the files in a folder and the folders inside it, sorted by path.
    fn files_below(&self, folder: &Path) -> Result<Vec<Location>>;
}

/// Endings of files that are data sets by themselves.
const SOURCES: [&str; 5] = ["csv", "npz", "tar", "gz", "tgz"];

/// Loads class folders below a folder, with or without `train/`, `validation/` (or `val/`) and `test/` above.
pub(super) fn load(tree: &dyn Tree, root: &Path, request: &Request) -> Result<Splits> {
    let content = Content::of(&request.preprocessing.shape);
    let found = tree.folders(root)?;
    let split_of = |name: &OsString| Split::named(&name.to_string_lossy());
    let is_split = |name: &OsString| split_of(name).is_some();
    let mut folders: [Option<PathBuf>; 3] = [None, None, None];
    for (split, folder) in Split::ALL.into_iter().zip(&mut folders) {
        let mut named = found.iter().filter(|name| split_of(name) == Some(split));
        let (one, other) = (named.next(), named.next());
        if let (Some(one), Some(other)) = (one, other) {
            return Err(two_folders(&tree.shown(root), one, other));
        }
        *folder = one.map(|name| root.join(name));
    }
    let mut beside = Vec::new();
    let (train, validation, test) = match folders {
        [Some(train), validation, test]
            if found.iter().all(is_split) || !tree.folders(&train)?.is_empty() =>
        {
            beside.extend(found.iter().filter(|name| !is_split(name)));
            (train, validation, test)
        }
        [None, ..] if !found.is_empty() && found.iter().all(is_split) => {
            let message = format!("`{}` has no `train` folder", tree.shown(root).display());
            let help = format!(
                "add `train` with a folder of {} for each class",
                content.noun
            );
            return Err(Error::data(Diagnostic::error(message).help(help)));
        }
        // `train` without folders, among others, is a class of trains.
        _ => (root.to_owned(), None, None),
    };
    let classes = class_folders(tree, &train, &content)?;
    let mut lost = Vec::new();
    for folder in [Some(&train), validation.as_ref(), test.as_ref()] {
        let Some(folder) = folder else { continue };
        lost.extend(content.lost_beside(tree, folder)?);
    }
    let mut others = Others::default();
    let train = classified_files(tree, &train, &classes, request, &mut others);
    let mut other = |folder: Option<PathBuf>| {
        folder.map(|at| matched_files(tree, &at, &classes, &content, &mut others))
    };
    let splits = whole([Some(train), other(validation), other(test)])?;
    let (splits, mut warnings) = decode::load_all(splits, request)?;
    let beside = beside.into_iter();
    warnings.extend(beside.map(|name| passed_over(&tree.shown(&root.join(name)))));
    warnings.extend(lost);
    warnings.extend(others.warning(&tree.shown(root), &content));
    let [train, validation, test] = splits;
    Ok(Splits {
        classes: names(&classes),
        warnings,
        // The first of the three is there.
        train: train.ok_or_else(|| Error::data(no_class_folders(tree, root, &content)))?,
        validation,
        test,
    })
}

/// Takes the files of all splits; fails with what is wrong in any of them.
fn whole(splits: [Option<Result<Files>>; 3]) -> Result<[Option<Files>; 3]> {
    let mut errors = Vec::new();
    let files = splits.map(|split| split?.map_err(|error| errors.push(error)).ok());
    let mut errors = errors.into_iter();
    let Some(mut first) = errors.next() else {
        return Ok(files);
    };
    let alike = errors.filter(|error| error.kind == first.kind);
    let more: Vec<Diagnostic> = alike.flat_map(|error| error.diagnostics).collect();
    first.diagnostics.extend(more);
    Err(first)
}

/// Returns the folder of the classes or splits of an archive: it is often made of a folder and its name. A folder that
/// holds one folder alone, which holds folders and no sample by itself, is passed over.
pub(super) fn within_folders(tree: &dyn Tree, request: &Request) -> Result<PathBuf> {
    let content = Content::of(&request.preprocessing.shape);
    let mut root = PathBuf::new();
    loop {
        let folders = tree.folders(&root)?;
        let [only] = &folders[..] else {
            return Ok(root);
        };
        let below = root.join(only);
        let within = tree.folders(&below)?;
        let is_split = |name: &OsString| Split::named(&name.to_string_lossy()).is_some();
        let is_around = !is_split(only) || within.iter().any(is_split);
        if within.is_empty() || !is_around || content.count_directly_in(tree, &below)? > 0 {
            return Ok(root);
        }
        root = below;
    }
}

fn two_folders(shown: &Path, one: &OsStr, other: &OsStr) -> Error {
    let message = format!(
        "`{}` has both `{}` and `{}`",
        shown.display(),
        one.display(),
        other.display()
    );
    Error::data(Diagnostic::error(message).help("keep one of the two"))
}

/// Says that a folder which is no split stands beside the splits.
fn passed_over(shown: &Path) -> Diagnostic {
    let message = format!("`{}` is no split and is passed over", shown.display());
    Diagnostic::warning(message).help("splits are `train`, `validation` and `test`")
}

fn names(classes: &[OsString]) -> Vec<String> {
    classes.iter().map(|name| class_name(name)).collect()
}

/// Names a class after its folder; bytes that are no text become `\xff`, so that no two folders are one class.
fn class_name(folder: &OsStr) -> String {
    let mut name = String::new();
    for chunk in folder.as_encoded_bytes().utf8_chunks() {
        name.push_str(chunk.valid());
        for byte in chunk.invalid() {
            name.push_str(&format!("\\x{byte:02x}"));
        }
    }
    name
}

fn class_folders(tree: &dyn Tree, folder: &Path, content: &Content) -> Result<Vec<OsString>> {
    let classes = tree.folders(folder)?;
    if classes.is_empty() {
        return Err(Error::data(no_class_folders(tree, folder, content)));
    }
    Ok(classes)
}

fn no_class_folders(tree: &dyn Tree, folder: &Path, content: &Content) -> Diagnostic {
    let shown = tree.shown(folder);
    let shown = shown.display();
    let files = tree.files(folder).unwrap_or_default();
    let samples = content.count_directly_in(tree, folder).unwrap_or_default();
    let noun = content.noun;
    let is_pickled_cifar = files.iter().any(|name| name == "data_batch_1");
    let diagnostic = Diagnostic::error(if files.is_empty() {
        format!("`{shown}` is empty")
    } else {
        format!("`{shown}` has no class folders")
    });
    if samples > 0 {
        diagnostic
            .note(format!("{noun} directly in it: {samples}"))
            .help(format!(
                "put the {noun} of each class into a folder named after the class"
            ))
    } else if is_pickled_cifar {
        diagnostic
            .note("`data_batch_1` is of CIFAR-10 for Python, which pickles its arrays")
            .help("take the binary version, `cifar-10-binary.tar.gz`")
    } else if let Some(table) = files.iter().find(|name| ends_in(name, &SOURCES)) {
        let source = tree.shown(&folder.join(table));
        diagnostic.help(format!(
            "set `source` in `[data]` to `{}`",
            source.display()
        ))
    } else {
        diagnostic.help(SUPPORTED)
    }
}

/// Collects the files of the training split; every class must have some.
fn classified_files(
    tree: &dyn Tree,
    folder: &Path,
    classes: &[OsString],
    request: &Request,
    others: &mut Others,
) -> Result<Files> {
    let content = Content::of(&request.preprocessing.shape);
    let mut files = Labelled::default();
    let mut faults = Vec::new();
    for (label, name) in classes.iter().enumerate() {
        let own = files.add(tree, &folder.join(name), label as u32, &content)?;
        if files.lacks(label as u32) {
            let (name, folder) = (class_name(name), tree.shown(folder));
            let (noun, folder) = (content.noun, folder.display());
            let message = format!("class `{name}` of `{folder}` has no {noun}");
            let diagnostic = Diagnostic::error(message).help(content.help());
            faults.push(if own.is_empty() {
                diagnostic
            } else {
                diagnostic.note(format!("its files are {}", own.shown()))
            });
        }
        others.add(own);
    }
    if files.is_empty() {
        refuse_pictures(tree, folder, request)?;
    }
    faults::fail_with(faults)?;
    Ok(files.into_files())
}

/// Refuses pictures where the input is none.
fn refuse_pictures(tree: &dyn Tree, folder: &Path, request: &Request) -> Result<()> {
    let files = tree.files_below(folder)?;
    if !files.iter().any(|file| is_of(file, &PICTURES)) {
        return Ok(());
    }
    let shown = tree.shown(Path::new(""));
    let shown = shown.display();
    let (message, help) = if let Some([channels, ..]) = request.preprocessing.picture_shape() {
        (
            format!("the pictures of `{shown}` have 1 or 3 channels, the input has {channels}"),
            "set the first number of `input` in `[model]` to 1 for grey or 3 for colour",
        )
    } else {
        let input = crate::shape::display(&request.preprocessing.shape);
        (
            format!("`{shown}` holds pictures, the input is {input}"),
            "set `input` in `[model]` to the channels, height and width of a picture",
        )
    };
    Err(Error::data(Diagnostic::error(message).help(help)))
}

/// Collects the files of another split, whose classes must be among those of the training split.
fn matched_files(
    tree: &dyn Tree,
    folder: &Path,
    classes: &[OsString],
    content: &Content,
    others: &mut Others,
) -> Result<Files> {
    let mut files = Labelled::default();
    let mut faults = Vec::new();
    let shown = tree.shown(folder);
    let shown = shown.display();
    for name in class_folders(tree, folder, content)? {
        if let Some(label) = classes.iter().position(|class| *class == name) {
            others.add(files.add(tree, &folder.join(&name), label as u32, content)?);
        } else {
            let name = class_name(&name);
            faults.push(
                Diagnostic::error(format!("class `{name}` of `{shown}` is not in `train`"))
                    .note(format!("classes of `train`: `{}`", shown_classes(classes)))
                    .help("rename or remove the folder, or add the class to `train`"),
            );
        }
    }
    faults::fail_with(faults)?;
    if files.is_empty() {
        let message = format!("`{shown}` has no {}", content.noun);
        return Err(Error::data(Diagnostic::error(message).help(content.help())));
    }
    Ok(files.into_files())
}

fn shown_classes(classes: &[OsString]) -> String {
    let shown = names(classes.get(..faults::MOST_TOLD).unwrap_or(classes)).join("`, `");
    match classes.len().saturating_sub(faults::MOST_TOLD) {
        0 => shown,
        more => format!(
            "{shown}` and {more} more, the last `{}",
            names(&classes[classes.len() - 1..]).concat()
        ),
    }
}
