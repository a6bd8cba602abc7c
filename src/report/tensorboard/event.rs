//! The few messages of TensorFlow's `event.proto` and `summary.proto` that scalars need.

/// What an event says.
#[derive(Clone, Copy, Debug)]
pub(super) enum What<'a> {
    /// The version of the file: its first event.
    Version,
    /// A run begins or goes on: readers forget what they know of this step and later ones.
    Begin,
    /// A figure.
    Scalar {
        /// Its name.
        tag: &'a str,
        /// Its value.
        value: f32,
    },
}

/// The wire types of protocol buffers.
#[derive(Clone, Copy)]
enum Wire {
    Varint = 0,
    Fixed64 = 1,
    Bytes = 2,
    Fixed32 = 5,
}

/// Encodes an event at a time in seconds since 1970.
pub(super) fn encode(wall_time: f64, step: u64, what: What<'_>) -> Vec<u8> {
    let mut event = Vec::new();
    key(&mut event, 1, Wire::Fixed64);
    event.extend(wall_time.to_le_bytes());
    // A field that is zero is left out.
    if step > 0 {
        key(&mut event, 2, Wire::Varint);
        varint(&mut event, step);
    }
    match what {
        What::Version => bytes(&mut event, 3, b"brain.Event:2"),
        What::Scalar { tag, value } => {
            let mut inner = Vec::new();
            bytes(&mut inner, 1, tag.as_bytes());
            key(&mut inner, 2, Wire::Fixed32);
            inner.extend(value.to_le_bytes());
            let mut summary = Vec::new();
            bytes(&mut summary, 1, &inner);
            bytes(&mut event, 5, &summary);
        }
        What::Begin => {
            let mut log = Vec::new();
            key(&mut log, 1, Wire::Varint);
            varint(&mut log, 1);
            bytes(&mut event, 7, &log);
        }
    }
    event
}

fn key(message: &mut Vec<u8>, field: u64, wire: Wire) {
    varint(message, field << 3 | wire as u64);
}

fn bytes(message: &mut Vec<u8>, field: u64, bytes: &[u8]) {
    key(message, field, Wire::Bytes);
    varint(message, bytes.len() as u64);
    message.extend(bytes);
}

fn varint(message: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        message.push(number as u8 | 0x80);
        number >>= 7;
    }
    message.push(number as u8);
}
