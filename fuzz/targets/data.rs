//! Data sets with one file that may hold anything: loading them ends with samples or a reason.

use std::sync::LazyLock;

use cnn::Project;
use cnn::dataset::{Invert, Mode, Preprocessing, input_of, picture_pixels};
use cnn::report::diagnostics::render_error;

use crate::scratch::Scratch;

const PNG: &[u8] = include_bytes!("../corpus/picture/grey.png");
const WAV: &[u8] = include_bytes!("../corpus/wav/16_bits");

/// A data set, its hostile files, and a network that takes it.
struct Set {
    scratch: Scratch,
    hostile: &'static [&'static str],
    project: Project,
}

impl Set {
    fn new(
        (input, classes): (&str, usize),
        source: &str,
        hostile: &'static [&'static str],
        files: &[(&str, &[u8])],
    ) -> Self {
        let scratch = Scratch::new(files);
        let source = scratch.path(source);
        let text = format!(
            "[model]\ninput = {input}\nlayers = [{{ type = 'flatten' }}, {{ type = 'dense', units = {classes} }}]\n\
             [data]\nsource = '{}'\n",
            source.display()
        );
        let project = text.parse().expect("a config");
        Self {
            scratch,
            hostile,
            project,
        }
    }

    /// Loads it with one of the hostile files, which the first byte chooses where there are several.
    fn load(&self, bytes: &[u8]) {
        let (name, content) = match (self.hostile, bytes) {
            ([only], content) => (*only, content),
            (several, [first, content @ ..]) => {
                (several[usize::from(*first) % several.len()], content)
            }
            _ => return,
        };
        let path = self.scratch.path(name);
        let whole = std::fs::read(&path).ok();
        self.scratch.write(name, content);
        self.try_load();
        // The next may choose another.
        if let Some(whole) = whole {
            self.scratch.write(name, &whole);
        }
    }

    fn try_load(&self) {
        match self.project.load_data() {
            Ok(loaded) => {
                let data = loaded.dataset;
                let labels = data.train.labels();
                assert!(
                    labels
                        .iter()
                        .all(|label| (*label as usize) < data.classes.len())
                );
            }
            Err(error) => drop(render_error(&error)),
        }
    }
}

/// A table of numbers, or of pictures that it lists.
pub(crate) fn csv(bytes: &[u8]) {
    static SET: LazyLock<Set> =
        LazyLock::new(|| Set::new(("[1, 2, 2]", 3), "x.csv", &["x.csv"], &[("a.png", PNG)]));
    SET.load(bytes);
}

/// Pictures or labels as MNIST has them, plain or packed.
pub(crate) fn idx(bytes: &[u8]) {
    static SET: LazyLock<Set> = LazyLock::new(|| {
        let names = &["x/train-images-idx3-ubyte", "x/train-labels-idx1-ubyte"];
        let images = include_bytes!("../corpus/idx/images");
        let labels = include_bytes!("../corpus/idx/labels");
        let files = [(names[0], &images[1..]), (names[1], &labels[1..])];
        Set::new(("[1, 2, 2]", 3), "x", names, &files)
    });
    SET.load(bytes);
}

/// Records as CIFAR-100 has them, or its names of classes.
pub(crate) fn cifar(bytes: &[u8]) {
    static SET: LazyLock<Set> = LazyLock::new(|| {
        let names = &["x/train.bin", "x/fine_label_names.txt"];
        let records = include_bytes!("../corpus/cifar/records");
        let words = include_bytes!("../corpus/cifar/names");
        let files = [(names[0], &records[1..]), (names[1], &words[1..])];
        Set::new(("[3, 32, 32]", 100), "x", names, &files)
    });
    SET.load(bytes);
}

/// An archive of class folders, plain or packed.
pub(crate) fn tar(bytes: &[u8]) {
    static PLAIN: LazyLock<Set> =
        LazyLock::new(|| Set::new(("[1, 2, 2]", 3), "x.tar", &["x.tar"], &[]));
    static PACKED: LazyLock<Set> =
        LazyLock::new(|| Set::new(("[1, 2, 2]", 3), "x.tar.gz", &["x.tar.gz"], &[]));
    let set = if bytes.starts_with(b"\x1f\x8b") {
        &PACKED
    } else {
        &PLAIN
    };
    set.load(bytes);
}

/// Arrays of samples or of labels, a file each.
pub(crate) fn npy(bytes: &[u8]) {
    static SET: LazyLock<Set> = LazyLock::new(|| {
        let names = &["x/x_train.npy", "x/y_train.npy"];
        let samples = include_bytes!("../corpus/npy/samples");
        let labels = include_bytes!("../corpus/npy/labels");
        let files = [(names[0], &samples[1..]), (names[1], &labels[1..])];
        Set::new(("[1, 2, 2]", 3), "x", names, &files)
    });
    SET.load(bytes);
}

/// Arrays of samples and labels in one file.
pub(crate) fn npz(bytes: &[u8]) {
    static SET: LazyLock<Set> =
        LazyLock::new(|| Set::new(("[1, 2, 2]", 3), "x.npz", &["x.npz"], &[]));
    SET.load(bytes);
}

/// A sound in a class folder, beside one that is whole.
pub(crate) fn wav(bytes: &[u8]) {
    static SET: LazyLock<Set> = LazyLock::new(|| {
        let files = [("x/a/1.wav", WAV), ("x/b/1.wav", WAV), ("x/c/1.wav", WAV)];
        Set::new(("[2, 3]", 3), "x", &["x/a/1.wav"], &files)
    });
    SET.load(bytes);
}

/// A picture, brought to a network's input in every way there is.
pub(crate) fn picture(bytes: &[u8]) {
    for mode in [Mode::Stretch, Mode::Letterbox, Mode::Crop] {
        let channels = if mode == Mode::Crop { 3 } else { 1 };
        let preprocessing = Preprocessing {
            shape: vec![channels, 4, 5],
            crop: (mode == Mode::Crop).then_some([3, 2]),
            resize: true,
            mode,
            padding: vec![[0, 0], [1, 0]],
            floats: false,
            rescale: 1.0 / 255.0,
            mean: vec![0.5],
            std: vec![0.5],
            invert: Invert::Auto,
            border: 3.0,
        };
        if let Ok(values) = input_of(bytes, &preprocessing, Invert::Auto) {
            assert_eq!(values.len(), channels * 4 * 6);
            assert!(values.iter().all(|value| value.is_finite()));
        }
    }
    if let Ok(pixels) = picture_pixels(bytes, false) {
        assert_eq!(pixels.values.len(), pixels.shape.iter().product::<usize>());
    }
}
