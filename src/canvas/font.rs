//! Letters of three by five dots, drawn twice as large: enough for a word beneath a picture.

/// Rows of a line of text.
pub(crate) const HEIGHT: usize = 5 * DOT;

/// Pixels of a dot, each way.
const DOT: usize = 2;

/// From one letter to the next.
const ADVANCE: usize = 4 * DOT;

/// Letters, small and capital alike, each with its rows from the top, the leftmost dot the highest of three bits.
const LETTERS: &[(char, [u8; 5])] = &[
    ('0', [7, 5, 5, 5, 7]),
    ('1', [2, 6, 2, 2, 7]),
    ('2', [7, 1, 7, 4, 7]),
    ('3', [7, 1, 3, 1, 7]),
    ('4', [5, 5, 7, 1, 1]),
    ('5', [7, 4, 7, 1, 7]),
    ('6', [7, 4, 7, 5, 7]),
    ('7', [7, 1, 1, 2, 2]),
    ('8', [7, 5, 7, 5, 7]),
    ('9', [7, 5, 7, 1, 7]),
    ('A', [2, 5, 7, 5, 5]),
    ('B', [6, 5, 6, 5, 6]),
    ('C', [3, 4, 4, 4, 3]),
    ('D', [6, 5, 5, 5, 6]),
    ('E', [7, 4, 6, 4, 7]),
    ('F', [7, 4, 6, 4, 4]),
    ('G', [3, 4, 5, 5, 3]),
    ('H', [5, 5, 7, 5, 5]),
    ('I', [7, 2, 2, 2, 7]),
    ('J', [1, 1, 1, 5, 2]),
    ('K', [5, 5, 6, 5, 5]),
    ('L', [4, 4, 4, 4, 7]),
    ('M', [5, 7, 7, 5, 5]),
    ('N', [6, 5, 5, 5, 5]),
    ('O', [2, 5, 5, 5, 2]),
    ('P', [6, 5, 6, 4, 4]),
    ('Q', [2, 5, 5, 6, 3]),
    ('R', [6, 5, 6, 5, 5]),
    ('S', [3, 4, 2, 1, 6]),
    ('T', [7, 2, 2, 2, 2]),
    ('U', [5, 5, 5, 5, 7]),
    ('V', [5, 5, 5, 5, 2]),
    ('W', [5, 5, 7, 7, 5]),
    ('X', [5, 5, 2, 5, 5]),
    ('Y', [5, 5, 2, 2, 2]),
    ('Z', [7, 1, 2, 4, 7]),
    (' ', [0; 5]),
    ('-', [0, 0, 7, 0, 0]),
    ('_', [0, 0, 0, 0, 7]),
    ('.', [0, 0, 0, 0, 2]),
    (',', [0, 0, 0, 2, 4]),
    ('/', [1, 1, 2, 4, 4]),
    ('+', [0, 2, 7, 2, 0]),
    ('(', [1, 2, 2, 2, 1]),
    (')', [4, 2, 2, 2, 4]),
];

/// What stands for a letter that is not among them.
const UNKNOWN: [u8; 5] = [7, 5, 5, 5, 7];

/// Returns the columns of a text.
pub(crate) fn width(text: &str) -> usize {
    text.chars().count() * ADVANCE
}

/// Returns the pixels of a text, as rows and columns; what has no room is left out.
pub(crate) fn pixels(text: &str, room: usize) -> impl Iterator<Item = [usize; 2]> {
    let letters = text.chars().take((room + DOT) / ADVANCE);
    letters.enumerate().flat_map(|(number, letter)| {
        let rows = rows(letter).into_iter().enumerate();
        let dots = rows.flat_map(|(row, bits)| {
            let set = (0..3).filter(move |column| bits & (4 >> column) != 0);
            set.map(move |column| [row, column])
        });
        dots.flat_map(move |[row, column]| {
            let left = number * ADVANCE + column * DOT;
            (0..DOT * DOT).map(move |dot| [row * DOT + dot / DOT, left + dot % DOT])
        })
    })
}

fn rows(letter: char) -> [u8; 5] {
    let letter = letter.to_ascii_uppercase();
    let known = LETTERS.iter().find(|(known, _)| *known == letter);
    known.map_or(UNKNOWN, |(_, rows)| *rows)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_is_drawn_in_dots_and_cut_to_its_room() {
        let drawn: Vec<_> = pixels("l-", 100).collect();
        // An L of seven dots and a dash of three, each dot of four pixels.
        assert_eq!(drawn.len(), (7 + 3) * DOT * DOT);
        assert!(drawn.contains(&[9, 5]) && !drawn.contains(&[0, 2]));
        assert!(drawn.contains(&[4, ADVANCE]) && !drawn.contains(&[6, ADVANCE]));
        assert!(pixels("a long word", 20).all(|[_, column]| column < 20));
        assert_eq!(pixels("é", 100).count(), pixels("0", 100).count());
    }

    #[test]
    fn no_two_letters_look_alike() {
        for (number, (letter, rows)) in LETTERS.iter().enumerate() {
            for (other, other_rows) in LETTERS.iter().skip(number + 1) {
                assert_ne!(rows, other_rows, "{letter} and {other}");
            }
        }
    }
}
