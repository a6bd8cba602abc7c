//! The attributes that each operator is read with: another one might change what it does.

use super::super::graph::Context;

/// Operators and their attributes; operators without any are left out.
const READ: &[(&str, &[&str])] = &[
    ("Cast", &["to", "saturate", "round_mode"]),
    ("Celu", &["alpha"]),
    ("Clip", &["min", "max"]),
    ("Concat", &["axis"]),
    (
        "Constant",
        &[
            "value",
            "value_int",
            "value_ints",
            "value_float",
            "value_floats",
        ],
    ),
    ("ConstantOfShape", &["value"]),
    (
        "Conv",
        &[
            "auto_pad",
            "dilations",
            "group",
            "kernel_shape",
            "pads",
            "strides",
        ],
    ),
    (
        "ConvTranspose",
        &[
            "auto_pad",
            "dilations",
            "group",
            "kernel_shape",
            "output_padding",
            "output_shape",
            "pads",
            "strides",
        ],
    ),
    (
        "AveragePool",
        &[
            "auto_pad",
            "ceil_mode",
            "count_include_pad",
            "dilations",
            "kernel_shape",
            "pads",
            "strides",
        ],
    ),
    (
        "BatchNormalization",
        &["epsilon", "momentum", "training_mode"],
    ),
    ("DepthToSpace", &["blocksize", "mode"]),
    ("Dropout", &["ratio", "seed"]),
    ("Elu", &["alpha"]),
    ("Flatten", &["axis"]),
    ("Gather", &["axis"]),
    ("Gelu", &["approximate"]),
    ("Gemm", &["alpha", "beta", "transA", "transB"]),
    ("GlobalLpPool", &["p"]),
    (
        "GroupNormalization",
        &["epsilon", "num_groups", "stash_type"],
    ),
    ("HardSigmoid", &["alpha", "beta"]),
    ("InstanceNormalization", &["epsilon"]),
    ("LRN", &["alpha", "beta", "bias", "size"]),
    ("LayerNormalization", &["axis", "epsilon", "stash_type"]),
    ("LeakyRelu", &["alpha"]),
    ("LogSoftmax", &["axis"]),
    (
        "LpPool",
        &[
            "auto_pad",
            "ceil_mode",
            "dilations",
            "kernel_shape",
            "p",
            "pads",
            "strides",
        ],
    ),
    (
        "MaxPool",
        &[
            "auto_pad",
            "ceil_mode",
            "dilations",
            "kernel_shape",
            "pads",
            "storage_order",
            "strides",
        ],
    ),
    ("Pad", &["mode", "pads", "value"]),
    ("ReduceL2", &["axes", "keepdims", "noop_with_empty_axes"]),
    ("ReduceMax", &["axes", "keepdims", "noop_with_empty_axes"]),
    ("ReduceMean", &["axes", "keepdims", "noop_with_empty_axes"]),
    ("ReduceMin", &["axes", "keepdims", "noop_with_empty_axes"]),
    ("ReduceSum", &["axes", "keepdims", "noop_with_empty_axes"]),
    ("Reshape", &["allowzero"]),
    (
        "Resize",
        &[
            "antialias",
            "coordinate_transformation_mode",
            "cubic_coeff_a",
            "exclude_outside",
            "extrapolation_value",
            "keep_aspect_ratio_policy",
            "mode",
            "nearest_mode",
        ],
    ),
    ("Selu", &["alpha", "gamma"]),
    ("Shape", &["start", "end"]),
    ("Slice", &["axes", "ends", "starts"]),
    ("Softmax", &["axis"]),
    ("Squeeze", &["axes"]),
    ("Swish", &["alpha"]),
    ("Transpose", &["perm"]),
    ("Unsqueeze", &["axes"]),
    ("Upsample", &["mode"]),
];

/// Refuses a node with an attribute that is not read, or that is no number.
pub(super) fn check(context: &Context<'_>) -> Result<(), String> {
    let node = context.node;
    let read = READ.iter().find(|(op, _)| *op == node.op_type);
    let read = read.map_or(&[][..], |(_, read)| read);
    for attribute in &node.attribute {
        let name = &attribute.name;
        if !read.contains(&name.as_str()) {
            return Err(format!("no layer here has `{name}`"));
        }
        let mut numbers = attribute.f.iter().chain(&attribute.floats);
        if numbers.any(|number| !number.is_finite()) {
            return Err(format!("its `{name}` is not a finite number"));
        }
    }
    Ok(())
}
