//! Other tools' words for our keys, and the nearest word to a misspelt one.

/// Words of PyTorch, Keras, Caffe, Darknet and others, each with ours.
const FOREIGN: &[(&str, &str)] = &[
    ("alpha", "slope"),
    ("batch", "batch_size"),
    ("batches", "batch_size"),
    ("batchsize", "batch_size"),
    ("betas", "beta1"),
    ("beta_1", "beta1"),
    ("beta_2", "beta2"),
    ("ceil_mode", "ceil"),
    ("channels", "filters"),
    ("count_include_pad", "count_padding"),
    ("data_dir", "source"),
    ("dataset", "source"),
    ("dilation_rate", "dilation"),
    ("dilations", "dilation"),
    ("drop_prob", "rate"),
    ("dropout_ratio", "rate"),
    ("eps", "epsilon"),
    ("factor", "gamma"),
    ("func", "fn"),
    ("function", "fn"),
    ("group", "groups"),
    ("hidden", "units"),
    ("image_size", "resize"),
    ("img_size", "resize"),
    ("imgsz", "resize"),
    ("in_shape", "input"),
    ("input_shape", "input"),
    ("input_size", "input"),
    ("kernel", "kernel_size"),
    ("kernel_shape", "kernel_size"),
    ("kernelsize", "kernel_size"),
    ("ksize", "kernel_size"),
    ("learningrate", "learning_rate"),
    ("lr", "learning_rate"),
    ("lr", "optimizer"),
    ("learning_rate", "optimizer"),
    ("momentum", "optimizer"),
    ("weight_decay", "optimizer"),
    ("lr_scheduler", "schedule"),
    ("max_epochs", "epochs"),
    ("method", "kind"),
    ("mode", "kind"),
    ("momentum_rate", "momentum"),
    ("n_epochs", "epochs"),
    ("negative_slope", "slope"),
    ("num_epochs", "epochs"),
    ("num_filters", "filters"),
    ("num_output", "filters"),
    ("num_output", "units"),
    ("out_channels", "filters"),
    ("out_features", "units"),
    ("output", "units"),
    ("p", "rate"),
    ("pad", "padding"),
    ("padding_size", "padding"),
    ("path", "source"),
    ("pool_size", "size"),
    ("prob", "rate"),
    ("random_seed", "seed"),
    ("kernel_size", "size"),
    ("rotation", "rotate"),
    ("rotation_range", "rotate"),
    ("scheduler", "schedule"),
    ("size", "kernel_size"),
    ("size", "resize"),
    ("solver", "optimizer"),
    ("step_size", "every"),
    ("stride_size", "stride"),
    ("strides", "stride"),
    ("T_max", "epochs"),
    ("translate", "shift"),
    ("units", "filters"),
    ("filters", "units"),
    ("use_bias", "bias"),
    ("val_split", "validation"),
    ("validation_split", "validation"),
    ("warmup", "warmup_epochs"),
    ("wd", "weight_decay"),
    ("weight_decay_rate", "weight_decay"),
];

/// Other tools' names for our layer types and other named values.
const FOREIGN_VALUES: &[(&str, &str)] = &[
    ("avgpool", "pool"),
    ("average_pooling", "pool"),
    ("avg_pool", "pool"),
    ("average", "avg"),
    ("mean", "avg"),
    ("maximum", "max"),
    ("batchnorm", "batch_norm"),
    ("batchnorm2d", "batch_norm"),
    ("batch_normalization", "batch_norm"),
    ("bn", "batch_norm"),
    ("conv2d", "conv"),
    ("convolution", "conv"),
    ("convolutional", "conv"),
    ("connected", "dense"),
    ("fc", "dense"),
    ("fully_connected", "dense"),
    ("inner_product", "dense"),
    ("linear", "dense"),
    ("maxpool", "pool"),
    ("max_pool", "pool"),
    ("maxpool2d", "pool"),
    ("max_pooling2d", "pool"),
    ("maxpooling2d", "pool"),
    ("pooling", "pool"),
    ("subsampling", "pool"),
    ("act", "activation"),
    ("leakyrelu", "leaky_relu"),
    ("leaky", "leaky_relu"),
    ("logistic", "sigmoid"),
    ("crossentropy", "cross_entropy"),
    ("categorical_crossentropy", "cross_entropy"),
    ("sparse_categorical_crossentropy", "cross_entropy"),
    ("val_loss", "validation_loss"),
    ("val_accuracy", "validation_accuracy"),
    ("val_acc", "validation_accuracy"),
    ("cosine_annealing", "cosine"),
    ("cosineannealinglr", "cosine"),
    ("steplr", "step"),
];

/// Returns our word for another tool's key, if it is one of `ours`.
pub(super) fn our_key<'a>(word: &str, ours: &[&'a str]) -> Option<&'a str> {
    translate(FOREIGN, word, ours)
}

/// Returns our word for another tool's value, if it is one of `ours`.
pub(super) fn our_value<'a>(word: &str, ours: &[&'a str]) -> Option<&'a str> {
    translate(FOREIGN_VALUES, word, ours)
}

fn translate<'a>(table: &[(&str, &str)], word: &str, ours: &[&'a str]) -> Option<&'a str> {
    table
        .iter()
        .filter(|(foreign, _)| foreign.eq_ignore_ascii_case(word))
        .find_map(|(_, own)| ours.iter().find(|name| *name == own).copied())
}

/// Returns the word of `ours` that `word` was most likely meant to be.
pub fn nearest<'a>(word: &str, ours: &[&'a str]) -> Option<&'a str> {
    let word = word.to_lowercase();
    ours.iter()
        .map(|own| (strsim::damerau_levenshtein(&word, own), *own))
        .filter(|(distance, own)| *distance <= 1 + own.chars().count() / 4)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, own)| own)
}

/// Writes the help for an unknown word: our word, else the nearest, else nothing.
pub(super) fn suggest(ours: Option<&str>, nearest: Option<&str>) -> Option<String> {
    match (ours, nearest) {
        (Some(own), _) => Some(format!("the word here is `{own}`")),
        (None, Some(own)) => Some(format!("did you mean `{own}`?")),
        (None, None) => None,
    }
}
