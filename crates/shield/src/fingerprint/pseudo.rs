//! The order of the pseudo-header fields at the begin of a connection's first field block (RFC 7541).
//!
//! Nothing is in the dynamic table yet, and the pseudo-header fields stand first (RFC 9113 §8.3): so their names are
//! indices of the static table, and what follows the first other name does not matter.

/// Pseudo-header fields of a request, extended CONNECT included.
pub(super) const PSEUDO_MAX: usize = 5;

/// The initials of the pseudo-header fields, in their order: `m` method, `a` authority, `s` scheme, `p` path. What is cut
/// off is left out.
pub(super) fn order(mut block: &[u8]) -> ([u8; PSEUDO_MAX], usize) {
    let (mut initials, mut count) = ([0; PSEUDO_MAX], 0);
    while count < PSEUDO_MAX {
        let Some(initial) = next(&mut block) else { break };
        initials[count] = initial;
        count += 1;
    }
    (initials, count)
}

/// The initial of the next field, where it is a pseudo-header field named by its index.
fn next(block: &mut &[u8]) -> Option<u8> {
    loop {
        let first = *block.first()?;
        // RFC 7541 §6: indexed; literal and kept; a new size of the table; literal.
        let (index, has_value) = match first {
            0x80.. => (integer(block, 7)?, false),
            0x40..0x80 => (integer(block, 6)?, true),
            0x20..0x40 => {
                integer(block, 5)?;
                continue;
            }
            _ => (integer(block, 4)?, true),
        };
        // RFC 7541, appendix A.
        let initial = match index {
            1 => b'a',
            2 | 3 => b'm',
            4 | 5 => b'p',
            6 | 7 => b's',
            _ => return None,
        };
        if has_value {
            let length = integer(block, 7)?;
            *block = block.get(length..).unwrap_or(&[]);
        }
        return Some(initial);
    }
}

/// An integer with a prefix of so many bits (RFC 7541 §5.1).
fn integer(block: &mut &[u8], prefix: u32) -> Option<usize> {
    let (first, mut rest) = block.split_first()?;
    let most = (1usize << prefix) - 1;
    let mut value = usize::from(*first) & most;
    if value == most {
        for shift in [0, 7, 14] {
            let (byte, others) = rest.split_first()?;
            rest = others;
            value += usize::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                *block = rest;
                return Some(value);
            }
        }
        // Longer than anything that fits into a frame here.
        return None;
    }
    *block = rest;
    Some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(block: &[u8]) -> String {
        let (initials, count) = order(block);
        initials[..count].iter().map(|initial| char::from(*initial)).collect()
    }

    #[test]
    fn the_order_is_read_as_far_as_it_goes_in_whatever_form_fields_come() {
        // Indexed method, scheme, path; authority literal and kept; then a name of its own.
        assert_eq!(text(&[0x82, 0x87, 0x84, 0x41, 3, b'a', b'.', b'b', 0x40, 1, b'x', 1, b'y']), "mspa");
        // A new size of the table; a path that is not kept, with a long value.
        let mut long = vec![0x3f, 0x01, 0x82, 0x04, 0x7f, 0x49];
        long.extend([b'/'; 200]);
        long.extend([0x86, 0x41, 1, b'h']);
        assert_eq!(text(&long), "mpsa");
        for end in 0..long.len() {
            assert!("mpsa".starts_with(&text(&long[..end])));
        }
        assert_eq!(text(&[0xff, 0xff, 0xff, 0xff, 0xff]), "");
        assert_eq!(text(&[0x82; 100]), "mmmmm");
    }
}
