//! What reading a file would take, before it is read.

use prost::bytes::{Buf as _, Bytes};
use prost::encoding::{DecodeContext, WireType, decode_key, decode_varint, skip_field};

/// What the messages of a file may take in memory beside its weights, in bytes: a hundred thousand of them.
const MOST: u64 = 64 << 20;

/// What a message takes at most without what it points at.
const MESSAGE: u64 = 384;
/// What a text takes without its letters.
const TEXT: u64 = 48;
/// What a number takes in a list that grows.
const NUMBER: u64 = 16;

/// The messages of [`super::proto`], as far as they hold others.
#[derive(Clone, Copy)]
enum Message {
    Model,
    Graph,
    Node,
    Attribute,
    Tensor,
    Value,
    Type,
    TensorType,
    Shape,
    Leaf,
}

/// What a field with a length holds.
enum Field {
    Message(Message),
    Text,
    /// Numbers of so many bytes at least.
    Numbers(u64),
    /// Bytes that are not copied, or a field that is passed over.
    Free,
}

impl Message {
    fn field(self, tag: u32) -> Field {
        match (self, tag) {
            (Self::Model, 7) => Field::Message(Self::Graph),
            (Self::Model, 8 | 14) | (Self::Shape, 1) => Field::Message(Self::Leaf),
            (Self::Graph, 1) => Field::Message(Self::Node),
            (Self::Graph | Self::Attribute, 5) => Field::Message(Self::Tensor),
            (Self::Graph, 11 | 12) => Field::Message(Self::Value),
            (Self::Node, 5) => Field::Message(Self::Attribute),
            (Self::Value, 2) => Field::Message(Self::Type),
            (Self::Type, 1) => Field::Message(Self::TensorType),
            (Self::TensorType, 2) => Field::Message(Self::Shape),
            (Self::Attribute, 7) | (Self::Tensor, 4) => Field::Numbers(4),
            (Self::Tensor, 10) => Field::Numbers(8),
            (Self::Attribute, 8) | (Self::Tensor, 1 | 5 | 7) => Field::Numbers(1),
            (Self::Model, 2 | 3)
            | (Self::Graph, 2)
            | (Self::Node, 1..=4 | 7)
            | (Self::Attribute | Self::Value, 1)
            | (Self::Tensor, 8)
            | (Self::Leaf, 1 | 2) => Field::Text,
            _ => Field::Free,
        }
    }
}

/// Refuses a file whose messages would take far more memory than the file is long: an empty message is two bytes of it.
///
/// # Errors
/// The reason.
pub(super) fn check(bytes: &Bytes) -> Result<(), String> {
    let mut left = MOST;
    walk(Message::Model, bytes.clone(), &mut left)
}

fn walk(message: Message, mut bytes: Bytes, left: &mut u64) -> Result<(), String> {
    let damaged = |error: prost::DecodeError| error.to_string();
    while bytes.has_remaining() {
        let (tag, wire) = decode_key(&mut bytes).map_err(damaged)?;
        if wire != WireType::LengthDelimited {
            skip_field(wire, tag, &mut bytes, DecodeContext::default()).map_err(damaged)?;
            take(
                left,
                if let Field::Numbers(_) = message.field(tag) {
                    NUMBER
                } else {
                    0
                },
            )?;
            continue;
        }
        let length = decode_varint(&mut bytes).map_err(damaged)?;
        if length > bytes.remaining() as u64 {
            return Err("it ends within a field".to_owned());
        }
        let content = bytes.split_to(length as usize);
        match message.field(tag) {
            Field::Message(inner) => {
                take(left, MESSAGE)?;
                walk(inner, content, left)?;
            }
            Field::Text => take(left, TEXT + length)?,
            // A list of whole numbers takes several times its length in the file; floats take theirs.
            Field::Numbers(1) => take(left, NUMBER * length)?,
            Field::Numbers(_) | Field::Free => {}
        }
    }
    Ok(())
}

fn take(left: &mut u64, amount: u64) -> Result<(), String> {
    *left = left.checked_sub(amount).ok_or_else(|| {
        format!(
            "its messages would take more than {} MiB of memory",
            MOST >> 20
        )
    })?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::decode;

    #[test]
    fn many_empty_messages_are_refused() {
        // A graph (field 7) of empty nodes (field 1).
        let nodes = [0x0a, 0x00].repeat(2_000_000);
        let mut file = vec![0x3a];
        prost::encoding::encode_varint(nodes.len() as u64, &mut file);
        file.extend(nodes);
        let reason = decode(file).unwrap_err();
        assert!(reason.contains("64 MiB"), "{reason}");
    }

    #[test]
    fn what_is_no_message_is_refused() {
        for bytes in [&b"\x3a\x05ab"[..], b"PK\x03\x04", b"\x89HDF", b""] {
            decode(bytes.to_vec()).unwrap_err();
        }
    }
}
