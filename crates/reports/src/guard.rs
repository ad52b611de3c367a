//! The second line before the vault: keyed fingerprints of what is in it, and a search for them in what goes out.
//!
//! The first line is the type [`Secret`](crate::Secret). This one catches what people copy by hand: a reporter's name
//! in a quoted sentence, in an address, in the text of a decision. It knows names, mail addresses and numbers whole,
//! and free words by each run of five. Letters and digits count, signs, case and escapes do not. It cannot look into
//! compressed files or pictures; those go out by officers' own captures alone.

use crate::VaultText;
use siphasher::sip::SipHasher13;
use std::collections::HashMap;
use std::hash::Hasher as _;

/// Words of a run that betrays free text.
const RUN: usize = 5;
/// Longest name or address that is looked for, in words.
const IDENTITY_WORDS_MAX: usize = 8;
/// Most fingerprints of one report: a longer text is sampled evenly by hash, so any long copy is still found.
pub const PER_REPORT_MAX: usize = 512;
/// Most fingerprints held; beyond it the guard says so and the newest are still taken in place of the oldest.
pub const HELD_MAX: usize = 1_000_000;

/// Makes fingerprints.
#[derive(Clone)]
pub struct GuardKey([u8; 16]);

/// What is in the vault, as fingerprints.
pub struct Guard {
    key: GuardKey,
    /// Each fingerprint with the number of reports that have it.
    held: HashMap<u64, u32>,
    overfull: bool,
}

/// Something that goes out holds text from the vault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("it repeats words or a name from a report; write it in words of your own")]
pub struct Leak;

impl GuardKey {
    /// Takes 16 secret bytes.
    pub fn new(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// The fingerprints of a report's text.
    pub fn fingerprints(&self, text: &VaultText) -> Vec<u64> {
        let mut prints = Vec::new();
        for identity in [&text.at_risk, &text.contact, &text.reporter] {
            prints.extend(self.identity(identity.expose()));
        }
        // An address within the mail's display form, and its local part alone.
        for word in text.contact.expose().split([' ', '<', '>', ',', ';']) {
            prints.extend(word.split_once('@').and_then(|(local, _)| self.identity(local)));
            prints.extend(word.contains('@').then(|| self.identity(word)).flatten());
        }
        let words = words(text.words.expose());
        let mut runs: Vec<u64> = match words.len() {
            0..=2 => Vec::new(),
            3..RUN => vec![self.print(&words)],
            _ => words.windows(RUN).map(|run| self.print(run)).collect(),
        };
        runs.sort_unstable();
        prints.extend(runs);
        prints.dedup();
        prints.truncate(PER_REPORT_MAX);
        prints
    }

    fn identity(&self, text: &str) -> Option<u64> {
        let words = words(text);
        let telling = match words.len() {
            // A word alone stands everywhere, and a reporter who signs as "emergency" must not stop every statement.
            0 | 1 => false,
            2..=IDENTITY_WORDS_MAX => true,
            _ => false,
        };
        telling.then(|| self.print(&words))
    }

    fn print(&self, words: &[String]) -> u64 {
        let mut hasher = SipHasher13::new_with_key(&self.0);
        for word in words {
            hasher.write(word.as_bytes());
            hasher.write_u8(0xff);
        }
        hasher.finish()
    }
}

impl Guard {
    /// A guard that knows nothing yet.
    pub fn new(key: GuardKey) -> Self {
        Self { key, held: HashMap::new(), overfull: false }
    }

    /// The key, to make fingerprints with.
    pub fn key(&self) -> &GuardKey {
        &self.key
    }

    /// Takes in the fingerprints of a report.
    pub fn learn(&mut self, prints: &[u64]) {
        for print in prints {
            if self.held.len() >= HELD_MAX && !self.held.contains_key(print) {
                self.overfull = true;
                // Any other gives way: which one is as good as random, because the key is secret.
                let oldest = self.held.keys().next().copied();
                oldest.map(|oldest| self.held.remove(&oldest));
            }
            *self.held.entry(*print).or_default() += 1;
        }
    }

    /// Drops the fingerprints of a report that was erased.
    pub fn forget(&mut self, prints: &[u64]) {
        for print in prints {
            if let Some(count) = self.held.get_mut(print) {
                *count -= 1;
                if *count == 0 {
                    self.held.remove(print);
                }
            }
        }
    }

    /// Whether some fingerprints had to give way.
    pub fn is_overfull(&self) -> bool {
        self.overfull
    }

    /// How many fingerprints it knows.
    pub fn len(&self) -> usize {
        self.held.len()
    }

    /// Whether it knows none.
    pub fn is_empty(&self) -> bool {
        self.held.is_empty()
    }

    /// Lets a text pass that holds nothing from the vault.
    pub fn check(&self, text: &str) -> Result<(), Leak> {
        if self.held.is_empty() {
            return Ok(());
        }
        // Once as it stands and once without markup, which may part a name, or hold it.
        self.check_words(&words(text))?;
        if text.contains('<') { self.check_words(&words(&without_markup(text))) } else { Ok(()) }
    }

    fn check_words(&self, words: &[String]) -> Result<(), Leak> {
        for start in 0..words.len() {
            let mut hasher = SipHasher13::new_with_key(&self.key.0);
            for word in words[start..].iter().take(IDENTITY_WORDS_MAX) {
                hasher.write(word.as_bytes());
                hasher.write_u8(0xff);
                if self.held.contains_key(&hasher.finish()) {
                    return Err(Leak);
                }
            }
        }
        Ok(())
    }
}

impl std::fmt::Debug for Guard {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Guard").field("held", &self.held.len()).finish_non_exhaustive()
    }
}

/// A text without what stands between `<` and `>`.
fn without_markup(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(begin) = rest.find('<') {
        out.push_str(&rest[..begin]);
        out.push(' ');
        rest = match rest[begin..].find('>') {
            Some(length) => &rest[begin + length + 1..],
            None => "",
        };
    }
    out + rest
}

/// The words of a text: percent, entity and JSON escapes undone, lower case, signs as gaps.
fn words(text: &str) -> Vec<String> {
    let plain = crate::canonical::text(&unescaped(text));
    plain.split(' ').filter(|word| !word.is_empty()).map(str::to_owned).collect()
}

/// Undoes `%XX`, `&#NN;`, `&#xHH;` and `\uXXXX` as far as they are well-formed. Escapes that only stand for signs
/// need not be known: signs are gaps.
fn unescaped(text: &str) -> String {
    if !text.contains(['%', '&', '\\']) {
        return text.to_owned();
    }
    let bytes = text.as_bytes();
    let mut out: Vec<u8> = Vec::with_capacity(bytes.len());
    let mut place = 0;
    while place < bytes.len() {
        let rest = &bytes[place..];
        let (letter, length) = match rest {
            [b'%', high, low, ..] => (hex(&[*high, *low]), 3),
            [b'&', b'#', ..] => entity(rest),
            [b'\\', b'u', digits @ ..] if digits.len() >= 4 => (hex(&digits[..4]), 6),
            // A line break or tab of JSON parts words; the letter after the backslash belongs to none.
            [b'\\', b'n' | b'r' | b't', ..] => (Some(u32::from(b' ')), 2),
            _ => (None, 1),
        };
        match letter {
            // A percent escape is a byte of UTF-8, the others are characters.
            Some(code) if rest[0] == b'%' => out.push(code as u8),
            Some(code) => {
                let letter = char::from_u32(code).unwrap_or(' ');
                out.extend(letter.encode_utf8(&mut [0; 4]).as_bytes());
            }
            None => out.push(bytes[place]),
        }
        place += if letter.is_some() { length } else { 1 };
    }
    String::from_utf8_lossy(&out).into_owned()
}

fn hex(digits: &[u8]) -> Option<u32> {
    let text = std::str::from_utf8(digits).ok().filter(|text| text.bytes().all(|b| b.is_ascii_hexdigit()))?;
    u32::from_str_radix(text, 16).ok()
}

/// A numeric entity at the beginning of some bytes, with its length.
fn entity(bytes: &[u8]) -> (Option<u32>, usize) {
    let end = bytes.iter().take(10).position(|byte| *byte == b';');
    let Some(end) = end else { return (None, 1) };
    let body = std::str::from_utf8(&bytes[2..end]).unwrap_or_default();
    let code = match body.strip_prefix(['x', 'X']) {
        Some(digits) => u32::from_str_radix(digits, 16).ok(),
        None => body.parse().ok(),
    };
    (code, end + 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Secret;

    fn guard() -> Guard {
        let mut guard = Guard::new(GuardKey::new([5; 16]));
        let text = VaultText {
            words: Secret::new("My neighbour saw the two men with the grey van again this morning."),
            at_risk: Secret::new("Zoë Grünwald"),
            contact: Secret::new("\"Z. G.\" <zoe.gruenwald@mail.test>"),
            reporter: Secret::new("Verein Lindenbaum"),
            urls: vec![Secret::new("https://board.test/thread/7")],
            original: Secret::default(),
        };
        let prints = guard.key().fingerprints(&text);
        guard.learn(&prints);
        guard
    }

    #[test]
    fn names_addresses_and_runs_of_words_are_found_however_they_are_written() {
        let guard = guard();
        for leak in [
            "signed: zoë grünwald.",
            "https://x.test/search?q=Zo%C3%AB+Gr%C3%BCnwald",
            "ZO\u{CB} GR\u{DC}NWALD",
            "{\"name\":\"Zo\\u00eb Gr\\u00fcnwald\"}",
            "<b>Zo&#235;</b> Gr&#xfc;nwald",
            "zoe.gruenwald@mail.test",
            "see zoe-gruenwald",
            "reported by Verein LINDENBAUM today",
            "witnesses saw the two men with a grey van",
            "\u{201C}the grey van again this\u{201D}",
            "with\\nthe\\ngrey\\nvan\\nagain",
        ] {
            assert_eq!(guard.check(leak), Err(Leak), "{leak}");
        }
    }

    #[test]
    fn what_others_wrote_about_the_same_passes() {
        let guard = guard();
        for fine in [
            "Two posts on https://board.test/thread/7 call for violence against a named person.",
            "a grey van",
            "the grey van",
            "Zoë wrote to Grünwald",
            "my neighbour saw nothing",
            "Lindenbaum",
            "",
        ] {
            assert_eq!(guard.check(fine), Ok(()), "{fine}");
        }
    }

    #[test]
    fn an_erased_report_is_forgotten_unless_another_says_the_same() {
        let mut guard = Guard::new(GuardKey::new([5; 16]));
        guard.learn(&[1, 2]);
        guard.learn(&[2, 3]);
        guard.forget(&[1, 2]);
        assert_eq!(guard.len(), 2);
        guard.forget(&[2, 3]);
        assert!(guard.is_empty());
    }

    #[test]
    fn a_long_text_is_sampled_and_a_long_copy_still_found() {
        let mut guard = Guard::new(GuardKey::new([5; 16]));
        let words: Vec<String> = (0..3_000).map(|number| format!("w{number}")).collect();
        let text = VaultText { words: Secret::new(words.join(" ")), ..VaultText::default() };
        let prints = guard.key().fingerprints(&text);
        assert_eq!(prints.len(), PER_REPORT_MAX);
        guard.learn(&prints);
        let copies = words.chunks(60).filter(|copy| guard.check(&copy.join(" ")).is_err()).count();
        assert_eq!(copies, 50, "a copy of sixty words went unseen");
    }
}
