//! ONNX files that no config comes of: each is refused by the node or the tensor, and leaves nothing.

use safetensors::SafeTensors;

use crate::support::{Lab, repository};

fn varint(mut value: u64, bytes: &mut Vec<u8>) {
    while value > 127 {
        bytes.push((value & 127) as u8 | 128);
        value >>= 7;
    }
    bytes.push(value as u8);
}

/// Returns a field of a message: text, bytes, or another message.
fn held(tag: u64, content: impl AsRef<[u8]>) -> Vec<u8> {
    let mut bytes = Vec::new();
    varint(tag << 3 | 2, &mut bytes);
    varint(content.as_ref().len() as u64, &mut bytes);
    bytes.extend(content.as_ref());
    bytes
}

/// Returns a field that is a whole number.
fn whole(tag: u64, value: i64) -> Vec<u8> {
    let mut bytes = Vec::new();
    varint(tag << 3, &mut bytes);
    varint(value.cast_unsigned(), &mut bytes);
    bytes
}

/// An initializer of a data type: 1 for floats, 7 for whole numbers.
fn tensor(name: &str, kind: i64, dims: &[i64], raw: &[u8]) -> Vec<u8> {
    let dims: Vec<u8> = dims.iter().flat_map(|size| whole(1, *size)).collect();
    held(
        5,
        [dims, whole(2, kind), held(8, name), held(9, raw)].concat(),
    )
}

/// Returns the bytes of so many floats.
fn ones(count: usize) -> Vec<u8> {
    1.0_f32.to_le_bytes().repeat(count)
}

fn node(op: &str, inputs: &[&str], output: &str, more: &[u8]) -> Vec<u8> {
    let inputs: Vec<u8> = inputs.iter().flat_map(|input| held(1, input)).collect();
    let name = held(3, format!("the {output}"));
    held(
        1,
        [inputs, held(2, output), name, held(4, op), more.to_vec()].concat(),
    )
}

/// A file with an input `x` of these sizes, nodes and initializers, and the output `y`.
fn file(input: &[i64], parts: &[Vec<u8>]) -> Vec<u8> {
    let sizes: Vec<u8> = input
        .iter()
        .flat_map(|size| held(1, whole(1, *size)))
        .collect();
    let kind = held(2, held(1, [whole(1, 1), held(2, sizes)].concat()));
    let given = held(11, [held(1, "x"), kind].concat());
    let graph = [parts.concat(), given, held(12, held(1, "y"))].concat();
    let opset = held(8, whole(2, 17));
    [whole(1, 8), held(7, graph), opset].concat()
}

/// Imports a file; what is refused leaves neither config nor run.
#[track_caller]
fn refused(lab: &Lab, bytes: impl AsRef<[u8]>) -> String {
    lab.write("net.onnx", bytes);
    let import = ["import", "net.onnx", "--config", "net.toml", "--as", "net"];
    let said = lab.cnn(&import).code(4).stderr;
    assert_eq!(lab.names(""), ["net.onnx"], "{said}");
    said
}

#[test]
fn what_has_no_layer_is_refused_by_its_node() {
    let lab = Lab::new();
    let relu = |from: &str, to: &str| node("Relu", &[from], to, &[]);
    let conv = node("Conv", &["x", "w"], "y", &[]);
    let shape = |sizes: &[i64]| {
        let raw: Vec<u8> = sizes.iter().flat_map(|size| size.to_le_bytes()).collect();
        tensor("s", 7, &[sizes.len() as i64], &raw)
    };
    let reshape = node("Reshape", &["x", "s"], "y", &[]);
    let outside = [whole(1, 1), whole(2, 1), held(8, "w"), whole(14, 1)].concat();
    let maps = [1, 2, 4, 4];
    let cases: &[(&str, &[i64], &[Vec<u8>])] = &[
        (
            "`the y`, Einsum",
            &maps,
            &[node("Einsum", &["x"], "y", &[])],
        ),
        (
            "`the y`, Loop",
            &maps,
            &[node("Loop", &["", "", "x"], "y", &[])],
        ),
        (
            "`the y`, Relu",
            &maps,
            &[node("Relu", &["x"], "y", &held(7, "com.example"))],
        ),
        (
            "`the y`, Reshape",
            &maps,
            &[shape(&[-1, 8]), reshape.clone()],
        ),
        (
            "`the y`, Reshape",
            &maps,
            &[shape(&[1 << 62, 1 << 62]), reshape.clone()],
        ),
        (
            "`the y`, Reshape",
            &maps,
            &[shape(&[-1, -1]), reshape.clone()],
        ),
        ("`the y`, Reshape", &maps, &[shape(&[]), reshape]),
        // A circle, and what nobody makes.
        (
            "`the a`, Relu",
            &maps,
            &[relu("b", "a"), relu("a", "b"), relu("b", "y")],
        ),
        ("`the y`, Relu", &maps, &[relu("nothing", "y")]),
        ("its output `y`", &maps, &[]),
        ("its output `y`", &maps, &[relu("x", "z")]),
        // Weights that are not as long as they say, or elsewhere.
        (
            "tensor `w`",
            &maps,
            &[tensor("w", 1, &[3, 2, 1, 1], &ones(5)), conv.clone()],
        ),
        (
            "tensor `w`",
            &maps,
            &[tensor("w", 1, &[3, 2, 1, 1], &ones(7)), conv.clone()],
        ),
        (
            "tensor `w`",
            &maps,
            &[tensor("w", 1, &[1 << 62, 1 << 62], &ones(1)), conv.clone()],
        ),
        (
            "tensor `w`",
            &maps,
            &[tensor("w", 1, &[3, -2, 1, 1], &ones(6)), conv.clone()],
        ),
        ("in another file", &maps, &[held(5, outside), conv.clone()]),
        (
            "data type 8",
            &maps,
            &[tensor("w", 8, &[1], b"text"), conv.clone()],
        ),
        ("`the y`, Conv", &maps, std::slice::from_ref(&conv)),
        (
            "`the y`, Conv",
            &maps,
            &[tensor("w", 1, &[3, 3, 1, 1], &ones(9)), conv.clone()],
        ),
        (
            "`the y`, Conv",
            &maps,
            &[tensor("w", 1, &[3, 2, 9, 9], &ones(486)), conv.clone()],
        ),
        // Inputs.
        ("its input `x`", &[1, 2, -4, 4], &[relu("x", "y")]),
        ("its input `x`", &[1, 1, 1, 1, 1, 1], &[relu("x", "y")]),
        ("", &[1, 1 << 62, 1 << 62, 4], &[relu("x", "y")]),
    ];
    for (number, (expected, input, parts)) in cases.iter().enumerate() {
        let said = refused(&lab, file(input, parts));
        assert!(said.contains(expected), "{number}, {expected}: {said}");
    }
    // The same with a node that has a layer is none of these.
    lab.write("net.onnx", file(&maps, &[relu("x", "y")]));
    lab.cnn(&["import", "net.onnx", "--config", "net.toml"])
        .ok();
    lab.write("mine.toml", "mine");
    let said = lab.cnn(&["import", "net.onnx", "--config", "mine.toml"]);
    assert!(said.code(2).stderr.contains("`mine.toml` exists"));
    assert_eq!(lab.text("mine.toml"), "mine");
}

#[test]
fn what_is_no_graph_is_refused() {
    let lab = Lab::new();
    let empty = [whole(1, 8), held(7, "")].concat();
    let many = held(7, held(1, "").repeat(1 << 20));
    for (expected, bytes) in [
        ("holds no graph", vec![]),
        ("holds no graph", whole(1, 8)),
        ("it takes no input", empty),
        ("64 MiB", many),
        ("", b"PK\x03\x04 a zip file".to_vec()),
        ("", vec![0xff; 4096]),
        // Graphs within attributes, which are passed over, a thousand deep.
        ("`the y`, If", {
            let deep = (0..1000).fold(Vec::new(), |inner, _| held(6, held(1, held(5, inner))));
            file(&[1, 2, 4, 4], &[node("If", &["x"], "y", &held(5, deep))])
        }),
    ] {
        let said = refused(&lab, bytes);
        assert!(said.contains(expected), "{expected}: {said}");
    }
}

#[test]
fn blocks_of_another_order_are_refused() {
    let lab = Lab::new();
    let size = |size: i64| {
        held(
            5,
            [held(1, "blocksize"), whole(3, size), whole(20, 2)].concat(),
        )
    };
    let order = held(5, [held(1, "mode"), held(4, "CRD"), whole(20, 3)].concat());
    let of = |maps: i64, attributes: &[u8]| {
        let shuffle = node("DepthToSpace", &["x"], "y", attributes);
        file(&[1, maps, 2, 3], &[shuffle])
    };
    let unfit = "cannot lay out samples of [8, 2, 3] in blocks of 3 by 3";
    for (attributes, reason) in [
        (size(2), "not \"DCR\""),
        ([size(3), order.clone()].concat(), unfit),
        ([size(0), order.clone()].concat(), "no number of 1 or more"),
        (order, "no number of 1 or more"),
    ] {
        let said = refused(&lab, of(8, &attributes));
        assert!(said.contains("`the y`, DepthToSpace"), "{said}");
        assert!(said.contains(reason), "{reason}: {said}");
    }
    // One map has no order.
    lab.write("net.onnx", of(4, &size(2)));
    lab.cnn(&["import", "net.onnx", "--config", "net.toml"])
        .ok();
    let config = lab.text("net.toml");
    assert!(
        config.contains("{ type = \"pixel_shuffle\", scale = 2 }"),
        "{config}"
    );
}

#[test]
fn damaged_files_are_refused_or_read() {
    let bytes = std::fs::read(repository("tests/golden/onnx.safetensors")).unwrap();
    let tensors = SafeTensors::deserialize(&bytes).unwrap();
    let whole = |name: &str| tensors.tensor(name).unwrap().data().to_vec();
    let (one, other) = (whole("excited/traced"), whole("signal/kept"));
    let mut damaged: Vec<(String, Vec<u8>)> = (0..40)
        .map(|part| (format!("cut {part}"), one[..one.len() * part / 40].to_vec()))
        .collect();
    for number in 0..150 {
        for (name, bytes) in [("excited", &one), ("signal", &other)] {
            let place = number * 7919 % bytes.len();
            let mut bytes = bytes.clone();
            bytes[place] ^= [1, 0x80, 0xff, 8, 0x42][number % 5];
            damaged.push((format!("{name}, byte {place}"), bytes));
        }
    }
    std::thread::scope(|scope| {
        for part in damaged.chunks(damaged.len().div_ceil(3)) {
            scope.spawn(move || {
                let lab = Lab::new();
                for (what, bytes) in part {
                    lab.write("net.onnx", bytes);
                    // A panic is found by whoever waits for the process.
                    let said =
                        lab.cnn(&["import", "net.onnx", "--config", "net.toml", "--as", "net"]);
                    if said.code == 0 {
                        std::fs::remove_file(lab.path("net.toml")).unwrap();
                        std::fs::remove_dir_all(lab.path("runs")).unwrap();
                    } else {
                        assert_eq!(said.code, 4, "{what}: {said:?}");
                    }
                    assert_eq!(lab.names(""), ["net.onnx"], "{what}: {said:?}");
                }
            });
        }
    });
}
