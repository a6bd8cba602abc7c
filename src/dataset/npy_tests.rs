use super::*;

/// A file as numpy writes it.
pub(crate) fn npy(descr: &str, fortran: bool, shape: &[usize], body: &[u8]) -> Vec<u8> {
    let axes: String = shape.iter().map(|axis| format!("{axis}, ")).collect();
    let order = if fortran { "True" } else { "False" };
    let header = format!("{{'descr': '{descr}', 'fortran_order': {order}, 'shape': ({axes}), }}\n");
    let mut file = b"\x93NUMPY\x01\x00".to_vec();
    file.extend((header.len() as u16).to_le_bytes());
    file.extend(header.as_bytes());
    file.extend(body);
    file
}

fn read_bytes(bytes: &[u8]) -> std::result::Result<Array, String> {
    read("`x.npy`", &mut &bytes[..], bytes.len() as u64).map_err(|error| error.to_string())
}

#[track_caller]
fn check(descr: &str, body: &[u8], expected: &[f32]) {
    let array = read_bytes(&npy(descr, false, &[expected.len()], body)).unwrap();
    assert_eq!(array.values, Numbers::Floats(expected.into()));
}

#[test]
fn every_type_is_read_in_both_byte_orders() {
    check("|i1", &[255, 2], &[-1.0, 2.0]);
    check("<i2", &[254, 255, 1, 2], &[-2.0, 513.0]);
    check(">i2", &[255, 254, 2, 1], &[-2.0, 513.0]);
    check("<u2", &[255, 255], &[65535.0]);
    check(">u2", &[1, 0], &[256.0]);
    check("<i4", &[255, 255, 255, 255], &[-1.0]);
    check(">u4", &[0, 0, 1, 0], &[256.0]);
    check("<i8", &[3, 0, 0, 0, 0, 0, 0, 0], &[3.0]);
    check(">i8", &[255; 8], &[-1.0]);
    check(">u8", &[0, 0, 0, 0, 0, 0, 0, 9], &[9.0]);
    check("<f2", &[0, 0x3c, 0, 0xb8], &[1.0, -0.5]);
    check(">f4", &1.5_f32.to_be_bytes(), &[1.5]);
    check("<f4", &1.5_f32.to_le_bytes(), &[1.5]);
    check("<f8", &(-0.1_f64).to_le_bytes(), &[-0.1]);
    check(">f8", &0.1_f64.to_be_bytes(), &[0.1]);
    for (descr, dtype) in [("|u1", Dtype::U8), ("|b1", Dtype::Bool)] {
        let array = read_bytes(&npy(descr, false, &[2, 1], &[0, 1])).unwrap();
        assert_eq!(array.values, Numbers::Bytes(vec![0, 1]));
        assert_eq!((array.dtype, array.shape), (dtype, vec![2, 1]));
    }
}

#[test]
fn fortran_order_is_turned_into_c_order() {
    // np.asfortranarray(np.arange(12).reshape(2, 3, 2)) lies so.
    let body = [0, 6, 2, 8, 4, 10, 1, 7, 3, 9, 5, 11];
    let array = read_bytes(&npy("|u1", true, &[2, 3, 2], &body)).unwrap();
    assert_eq!(array.values, Numbers::Bytes((0..12).collect()));
}

#[test]
fn chunks_meet_without_a_seam() {
    let count = CHUNK + 3;
    let body: Vec<u8> = (0..count)
        .flat_map(|at| (at as f32).to_le_bytes())
        .collect();
    let array = read_bytes(&npy("<f4", false, &[count], &body)).unwrap();
    let expected: Vec<f32> = (0..count).map(|at| at as f32).collect();
    assert_eq!(array.values, Numbers::Floats(expected));
}

#[track_caller]
fn check_fault(bytes: &[u8], expected: &str) -> Error {
    let error = read("`x.npy`", &mut &bytes[..], bytes.len() as u64).unwrap_err();
    assert_eq!(error.to_string(), format!("`x.npy` {expected}"));
    assert_eq!(error.diagnostics[0].helps.len(), 1);
    error
}

#[test]
fn faults_are_told() {
    check_fault(b"", "is truncated: its header is not whole");
    check_fault(
        b"PK\x03\x04 and more",
        "is not a .npy file: it begins with other bytes",
    );
    check_fault(
        b"\x93NUMPY\x09\x00\x00\x00",
        "is of version 9 of the .npy format, expected 1 to 3",
    );
    check_fault(
        b"\x93NUMPY\x01\x00\xff\x00{",
        "is truncated: its header is not whole",
    );
    check_fault(
        b"\x93NUMPY\x02\x00\xff\xff\xff\xff{",
        "has a header of 4294967295 bytes, expected at most 10000",
    );
    check_fault(
        b"\x93NUMPY\x01\x00\x02\x00{}",
        "has a header that cannot be understood",
    );
    check_fault(
        &npy("<f4", false, &[2, 2], &[0; 12]),
        "is truncated: its header promises 2x2 = 16 bytes, it holds 12",
    );
    check_fault(
        &npy("|u1", false, &[9], &[0; 8]),
        "is truncated: its header promises 9 = 9 bytes, it holds 8",
    );
    check_fault(
        &npy("<f4", false, &[1], &[0; 5]),
        "has extra bytes: its header promises 1 = 4, more follow",
    );
    check_fault(
        &npy("<f8", false, &[usize::MAX, 2], &[0; 8]),
        "is truncated: its header promises 18446744073709551615x2 numbers, more than it holds",
    );
    check_fault(
        &npy("<f8", false, &[5, 0], &[]),
        "is empty: its shape is 5x0",
    );
    let error = check_fault(
        &npy("|O", false, &[1], b"\x80\x04."),
        "holds pickled Python objects, which could run any code when read: refused",
    );
    assert!(error.diagnostics[0].helps[0].contains("np.stack"));
    check_fault(
        &npy("<U3", false, &[1], &[0; 12]),
        "holds text, expected numbers",
    );
    check_fault(
        &npy("<c8", false, &[1], &[0; 8]),
        "holds values of type `<c8`, expected bool, integers or floats",
    );
    let records = b"\x93NUMPY\x01\x00\x46\x00{'descr': [('a', '<f4'), ('b', '<i4')], 'fortran_order': False, 'shape'";
    check_fault(
        records,
        "holds records of several fields, expected an array of numbers",
    );
}

#[test]
fn later_versions_and_python_2_are_read() {
    for version in [2_u8, 3] {
        let header = b"{'shape': (2L, ), \"fortran_order\": False, 'descr': '<i2'}\n";
        let mut file = b"\x93NUMPY".to_vec();
        file.extend([version, 0]);
        file.extend((header.len() as u32).to_le_bytes());
        file.extend(header);
        file.extend([1, 0, 2, 0]);
        let array = read_bytes(&file).unwrap();
        assert_eq!(array.values, Numbers::Floats(vec![1.0, 2.0]));
    }
}
