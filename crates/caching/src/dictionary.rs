//! Structured Field dictionaries (RFC 9651 §3.2), as far as cache directives need them.

/// What a member says. Parameters are checked and passed over (RFC 9213 §2.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Value {
    Boolean(bool),
    Integer(i64),
    /// A token or string.
    Text,
    /// Any other type.
    Other,
}

/// Most members of one dictionary.
const MEMBERS_MAX: usize = 64;

/// The members of a dictionary field, each key once with its last value; `None` if the field is malformed.
pub(crate) fn parse<'a>(lines: &[&'a [u8]]) -> Option<Vec<(&'a [u8], Value)>> {
    let mut members: Vec<(&[u8], Value)> = Vec::new();
    for line in lines {
        let mut rest = Rest(line);
        rest.spaces();
        while !rest.0.is_empty() {
            let (key, value) = rest.member()?;
            members.retain(|(held, _)| *held != key);
            members.push((key, value));
            if members.len() > MEMBERS_MAX {
                return None;
            }
            rest.white();
            if rest.0.is_empty() {
                break;
            }
            rest.byte(b',')?;
            rest.white();
            // A trailing comma is an error (§4.2.2).
            if rest.0.is_empty() {
                return None;
            }
        }
    }
    Some(members)
}

/// What is left to read.
struct Rest<'a>(&'a [u8]);

impl<'a> Rest<'a> {
    fn member(&mut self) -> Option<(&'a [u8], Value)> {
        let key = self.key()?;
        let value = if self.byte(b'=').is_some() { self.value()? } else { Value::Boolean(true) };
        self.parameters()?;
        Some((key, value))
    }

    fn value(&mut self) -> Option<Value> {
        if self.0.first() != Some(&b'(') {
            return self.item();
        }
        self.byte(b'(')?;
        loop {
            self.spaces();
            if self.byte(b')').is_some() {
                return Some(Value::Other);
            }
            self.item()?;
            self.parameters()?;
            if !matches!(self.0.first(), Some(b' ' | b')')) {
                return None;
            }
        }
    }

    fn parameters(&mut self) -> Option<()> {
        while self.byte(b';').is_some() {
            self.spaces();
            self.key()?;
            if self.byte(b'=').is_some() {
                self.item()?;
            }
        }
        Some(())
    }

    /// A bare item (§4.2.3.1).
    fn item(&mut self) -> Option<Value> {
        match *self.0.first()? {
            b'-' | b'0'..=b'9' => self.number(),
            b'"' => self.string().map(|()| Value::Text),
            b'*' | b'a'..=b'z' | b'A'..=b'Z' => {
                self.take(|byte| crate::fields::is_token_byte(byte) || matches!(byte, b':' | b'/'));
                Some(Value::Text)
            }
            b'?' => {
                self.byte(b'?')?;
                let on = self.byte(b'1').is_some();
                (on || self.byte(b'0').is_some()).then_some(Value::Boolean(on))
            }
            b':' => {
                self.byte(b':')?;
                self.take(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'='));
                self.byte(b':').map(|()| Value::Other)
            }
            b'@' => {
                self.byte(b'@')?;
                matches!(self.number()?, Value::Integer(_)).then_some(Value::Other)
            }
            b'%' => {
                self.byte(b'%')?;
                self.string().map(|()| Value::Other)
            }
            _ => None,
        }
    }

    /// At most 15 digits, or 12 and 3 after a point (§4.2.4).
    fn number(&mut self) -> Option<Value> {
        let negative = self.byte(b'-').is_some();
        let whole = self.take(|byte| byte.is_ascii_digit());
        if whole.is_empty() || whole.len() > 15 {
            return None;
        }
        if self.byte(b'.').is_some() {
            let fraction = self.take(|byte| byte.is_ascii_digit());
            let sound = whole.len() <= 12 && matches!(fraction.len(), 1..=3);
            return sound.then_some(Value::Other);
        }
        let number = whole.iter().fold(0i64, |sum, digit| sum * 10 + i64::from(digit - b'0'));
        Some(Value::Integer(if negative { -number } else { number }))
    }

    fn string(&mut self) -> Option<()> {
        self.byte(b'"')?;
        loop {
            let (byte, rest) = self.0.split_first()?;
            self.0 = rest;
            match byte {
                b'"' => return Some(()),
                b'\\' => {
                    let (escaped, rest) = self.0.split_first()?;
                    self.0 = rest;
                    if !matches!(escaped, b'"' | b'\\') {
                        return None;
                    }
                }
                0x20..=0x7e => {}
                _ => return None,
            }
        }
    }

    fn key(&mut self) -> Option<&'a [u8]> {
        if !matches!(self.0.first(), Some(b'*' | b'a'..=b'z')) {
            return None;
        }
        Some(self.take(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'-' | b'.' | b'*')))
    }

    fn take(&mut self, is: impl Fn(u8) -> bool) -> &'a [u8] {
        let end = self.0.iter().position(|byte| !is(*byte)).unwrap_or(self.0.len());
        let (taken, rest) = self.0.split_at(end);
        self.0 = rest;
        taken
    }

    fn byte(&mut self, wanted: u8) -> Option<()> {
        self.0 = self.0.strip_prefix(&[wanted])?;
        Some(())
    }

    fn spaces(&mut self) {
        self.take(|byte| byte == b' ');
    }

    fn white(&mut self) {
        self.take(|byte| matches!(byte, b' ' | b'\t'));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 9651 §3.2, §4.2.2.
    #[test]
    fn dictionaries_are_read_strictly() {
        for (text, expected) in [
            ("a", Some(vec![("a", Value::Boolean(true))])),
            (
                "a=1, b=?0,c=tok/x:y",
                Some(vec![("a", Value::Integer(1)), ("b", Value::Boolean(false)), ("c", Value::Text)]),
            ),
            ("a=1;x;y=\"z\"\t,\tb", Some(vec![("a", Value::Integer(1)), ("b", Value::Boolean(true))])),
            ("a=1, a=2", Some(vec![("a", Value::Integer(2))])),
            ("a=-5", Some(vec![("a", Value::Integer(-5))])),
            ("a=1.5", Some(vec![("a", Value::Other)])),
            ("a=\"q\\\"s\"", Some(vec![("a", Value::Text)])),
            ("a=(1 \"b\" c;d)", Some(vec![("a", Value::Other)])),
            ("a=:aGk=:", Some(vec![("a", Value::Other)])),
            ("a=@1659578233", Some(vec![("a", Value::Other)])),
            ("", Some(vec![])),
            ("A=1", None),
            ("a =1", None),
            ("a= 1", None),
            ("a=1,", None),
            ("a=1, &&&&", None),
            ("a=1 b", None),
            ("a=\"x", None),
            ("a=1.", None),
            ("a=1234567890123456", None),
            ("a=?2", None),
            ("a=(1", None),
            ("a=(1\"b\")", None),
            ("\u{1}", None),
        ] {
            let read = parse(&[text.as_bytes()]);
            let expected = expected.map(|members| {
                members.into_iter().map(|(key, value)| (key.as_bytes(), value)).collect::<Vec<_>>()
            });
            assert_eq!(read, expected, "{text:?}");
        }
        assert_eq!(parse(&[b"a", b"b=2"]).map(|members| members.len()), Some(2), "lines add up");
    }
}
