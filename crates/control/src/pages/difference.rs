//! What one text has that the one before had not, line by line, for people to read.
//!
//! Pure, and bounded: texts that differ in too many lines at once are shown as taken out whole and put in whole.

/// Most pairs of lines that are compared; beyond it the lines in between are not matched.
const PAIRS_MAX: usize = 4_000_000;
/// Lines shown around a change.
const AROUND: usize = 3;

/// One line of a difference.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DiffLine {
    /// In both.
    Same(String),
    /// In the older text alone.
    Out(String),
    /// In the newer text alone.
    In(String),
    /// Lines in both that are not shown, so many.
    Left(usize),
}

/// The difference between two texts; nothing where there is none.
pub fn difference(old: &str, new: &str) -> Vec<DiffLine> {
    let (old, new): (Vec<&str>, Vec<&str>) = (old.lines().collect(), new.lines().collect());
    let before = old.iter().zip(&new).take_while(|(one, other)| one == other).count();
    let tails = old[before..].iter().rev().zip(new[before..].iter().rev());
    let after = tails.take_while(|(one, other)| one == other).count();
    let (cut, put) = (&old[before..old.len() - after], &new[before..new.len() - after]);
    if cut.is_empty() && put.is_empty() {
        return Vec::new();
    }
    let same = |line: &&str| DiffLine::Same((*line).to_owned());
    let mut lines: Vec<_> = old[..before].iter().map(same).collect();
    lines.extend(changed(cut, put));
    lines.extend(old[old.len() - after..].iter().map(same));
    shortened(lines)
}

/// The lines of two texts in one order: a longest common subsequence stays.
fn changed(old: &[&str], new: &[&str]) -> Vec<DiffLine> {
    let out = |line: &&str| DiffLine::Out((*line).to_owned());
    let put = |line: &&str| DiffLine::In((*line).to_owned());
    if old.len().saturating_mul(new.len()) > PAIRS_MAX {
        return old.iter().map(out).chain(new.iter().map(put)).collect();
    }
    // common[i][j]: how many lines of old[i..] and new[j..] can stay.
    let width = new.len() + 1;
    let mut common = vec![0u32; (old.len() + 1) * width];
    for i in (0..old.len()).rev() {
        for j in (0..new.len()).rev() {
            common[i * width + j] = match old[i] == new[j] {
                true => common[(i + 1) * width + j + 1] + 1,
                false => common[(i + 1) * width + j].max(common[i * width + j + 1]),
            };
        }
    }
    let (mut i, mut j, mut lines) = (0, 0, Vec::new());
    while i < old.len() && j < new.len() {
        if old[i] == new[j] {
            lines.push(DiffLine::Same(old[i].to_owned()));
            (i, j) = (i + 1, j + 1);
        } else if common[(i + 1) * width + j] >= common[i * width + j + 1] {
            lines.push(out(&old[i]));
            i += 1;
        } else {
            lines.push(put(&new[j]));
            j += 1;
        }
    }
    lines.extend(old[i..].iter().map(out));
    lines.extend(new[j..].iter().map(put));
    lines
}

/// Leaves out what is far from any change.
fn shortened(lines: Vec<DiffLine>) -> Vec<DiffLine> {
    let is_same = |line: &DiffLine| matches!(line, DiffLine::Same(_));
    let near: Vec<bool> = (0..lines.len())
        .map(|place| {
            let from = place.saturating_sub(AROUND);
            let until = (place + AROUND + 1).min(lines.len());
            lines[from..until].iter().any(|line| !is_same(line))
        })
        .collect();
    let mut shown: Vec<DiffLine> = Vec::new();
    for (line, near) in lines.into_iter().zip(near) {
        match (near, shown.last_mut()) {
            (true, _) => shown.push(line),
            (false, Some(DiffLine::Left(count))) => *count += 1,
            (false, _) => shown.push(DiffLine::Left(1)),
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;
    use DiffLine::{In, Left, Out, Same};

    fn numbered(lines: std::ops::Range<u32>) -> String {
        lines.map(|line| format!("{line}\n")).collect()
    }

    #[test]
    fn a_changed_line_stands_out_between_three_that_stayed() {
        let old = numbered(0..20);
        let new = old.replace("\n10\n", "\nten\nten and a half\n");
        let text = |line: u32| line.to_string();
        let around = |lines: std::ops::Range<u32>| lines.map(text).map(Same).collect::<Vec<_>>();
        let mut wanted = vec![Left(7)];
        wanted.extend(around(7..10));
        wanted.extend([Out("10".to_owned()), In("ten".to_owned()), In("ten and a half".to_owned())]);
        wanted.extend(around(11..14));
        wanted.push(Left(6));
        assert_eq!(difference(&old, &new), wanted);
    }

    #[test]
    fn the_newer_text_comes_out_of_the_older_one_by_what_is_shown() {
        for (old, new) in [
            ("", "a\nb"),
            ("a\nb", ""),
            ("a\nb\nc\nd", "b\nx\nd\ny"),
            ("x\na\nx\nb\nx", "a\nx\nx\nb"),
            ("a\na\na", "a\na"),
        ] {
            let lines = difference(old, new);
            let side = |wanted: fn(&DiffLine) -> Option<&String>| {
                lines.iter().filter_map(wanted).cloned().collect::<Vec<_>>().join("\n")
            };
            let older = side(|line| match line {
                Same(text) | Out(text) => Some(text),
                _ => None,
            });
            let newer = side(|line| match line {
                Same(text) | In(text) => Some(text),
                _ => None,
            });
            assert_eq!((older.as_str(), newer.as_str()), (old, new), "{lines:?}");
        }
        assert_eq!(difference("a\nb", "a\nb"), []);
    }

    #[test]
    fn texts_that_have_too_much_to_compare_are_shown_whole() {
        let lines = difference(&numbered(0..3_000), &numbered(10_000..13_000));
        assert_eq!(lines.len(), 6_000);
        assert!(matches!((&lines[0], &lines[5_999]), (Out(_), In(_))));
    }
}
