//! "Did you mean": the nearest known word to one that is not known.

/// The candidate with the fewest edits to `word`, when that is few enough to be a slip.
pub fn nearest<'a>(word: &str, candidates: &[&'a str]) -> Option<&'a str> {
    let near = candidates.iter().map(|candidate| (edits(word, candidate), *candidate)).min()?;
    let allowed = (word.chars().count().max(near.1.chars().count()) / 2).max(1);
    (near.0 <= allowed).then_some(near.1)
}

/// Insertions, deletions and replacements between two words (Levenshtein), over at most 64 characters.
fn edits(left: &str, right: &str) -> usize {
    let right: Vec<char> = right.chars().take(64).collect();
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (above, letter) in left.chars().take(64).enumerate() {
        let mut diagonal = row[0];
        row[0] = above + 1;
        for (place, other) in right.iter().enumerate() {
            let replaced = diagonal + usize::from(letter != *other);
            diagonal = row[place + 1];
            row[place + 1] = replaced.min(row[place] + 1).min(diagonal + 1);
        }
    }
    row[right.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_find_their_word_and_strangers_none() {
        let known = ["hosts", "origins", "certificate", "services", "cache", "error_page"];
        assert_eq!(nearest("host", &known), Some("hosts"));
        assert_eq!(nearest("orgins", &known), Some("origins"));
        assert_eq!(nearest("errorpage", &known), Some("error_page"));
        assert_eq!(nearest("zzzzzzzz", &known), None);
        assert_eq!(nearest("", &[]), None);
    }

    #[test]
    fn edits_are_counted() {
        assert_eq!(edits("kitten", "sitting"), 3);
        assert_eq!(edits("", "abc"), 3);
    }
}
