//! The functions of the language: how each one's arguments are read.

use super::ast::{Address, Integer, Test, Text, TextTest, UrlDecoding};
use super::parser::{Kind, Operand, Parsed, Parser, Shape};

/// The most arguments of `concat`.
pub(super) const ARGUMENTS_MAX: usize = 16;

const NAMES: [&str; 17] = [
    "all",
    "any",
    "cidr",
    "cidr6",
    "concat",
    "ends_with",
    "has_key",
    "has_value",
    "len",
    "lower",
    "regex_replace",
    "remove_bytes",
    "starts_with",
    "substring",
    "to_string",
    "upper",
    "url_decode",
];

/// All names of functions.
pub(super) fn names() -> impl Iterator<Item = &'static str> {
    NAMES.into_iter()
}

type Result = Parsed<(Kind, Shape)>;

impl Parser<'_> {
    /// Reads the arguments of a call and gives what it stands for.
    pub(super) fn arguments(&mut self, name: &str, at: usize) -> Result {
        match name {
            "any" => self.over_elements(at).map(|(array, test)| one(Test::Any(array, Box::new(test)))),
            "all" => self.over_elements(at).map(|(array, test)| one(Test::All(array, Box::new(test)))),
            "lower" => self.of_text(name).map(|(text, shape)| (Kind::Text(Text::Lower(text)), shape)),
            "upper" => self.of_text(name).map(|(text, shape)| (Kind::Text(Text::Upper(text)), shape)),
            "len" => self.length(),
            "starts_with" => self.edge(name, TextTest::StartsWith),
            "ends_with" => self.edge(name, TextTest::EndsWith),
            "url_decode" => self.url_decode(name),
            "concat" => self.concat_arguments(),
            "substring" => self.substring_arguments(name),
            "remove_bytes" => self.remove_bytes(name),
            "to_string" => self.printed_argument(),
            "cidr" => self.cidr(),
            "cidr6" => self.cidr6(),
            "has_key" => self.has_key(),
            "has_value" => self.has_value(),
            "regex_replace" => self.regex_replace(name, at),
            _ => Err(self.error(at, format!("unknown function {name:?}")).or_nearest(name, names())),
        }
    }

    /// A field, a call or a string.
    pub(super) fn argument(&mut self) -> Parsed<Operand> {
        self.blank();
        let at = self.at();
        if self.at_string() {
            let literal = self.string()?;
            return Ok(Operand { kind: Kind::Text(Text::Literal(literal)), shape: Shape::One, at });
        }
        self.operand()
    }

    fn comma(&mut self, next: &str) -> Parsed<()> {
        if self.take(",") {
            self.blank();
            return Ok(());
        }
        Err(self.expected(&format!(", and {next}")))
    }

    /// The first argument of a function on strings: a field or a call, not a literal.
    fn of_text(&mut self, name: &str) -> Parsed<(Box<Text>, Shape)> {
        self.blank();
        if self.at_string() {
            return Err(
                self.error(self.at(), format!("the first argument of {name} is a field, not a literal"))
            );
        }
        let operand = self.operand()?;
        self.as_text(name, operand)
    }

    fn as_text(&self, name: &str, operand: Operand) -> Parsed<(Box<Text>, Shape)> {
        let shape = match operand.shape {
            Shape::One => Shape::One,
            Shape::Each => Shape::Mapped,
            Shape::Mapped => {
                return Err(self.error(operand.at, "this is a value for each element: write [*] after it"));
            }
        };
        match operand.kind {
            Kind::Text(text) => Ok((Box::new(text), shape)),
            Kind::Array(_) => Err(self.error(
                operand.at,
                format!("{name} takes a string and this is an array: write [*] or an index after it"),
            )),
            other => Err(self.error(operand.at, format!("{name} takes a string; this is {}", other.words()))),
        }
    }

    fn length(&mut self) -> Result {
        let operand = self.operand()?;
        if let Kind::Array(array) = operand.kind {
            return Ok((Kind::Integer(Integer::Count(array)), Shape::One));
        }
        let (text, shape) = self.as_text("len", operand)?;
        Ok((Kind::Integer(Integer::Length(*text)), shape))
    }

    fn edge(&mut self, name: &str, test: fn(Box<[u8]>) -> TextTest) -> Result {
        let (text, shape) = self.of_text(name)?;
        self.comma("a string")?;
        let literal = self.string()?;
        Ok((Kind::Bool(Test::Text(*text, test(literal))), shape))
    }

    fn url_decode(&mut self, name: &str) -> Result {
        let (text, shape) = self.of_text(name)?;
        let mut how = UrlDecoding::default();
        if self.take(",") {
            self.blank();
            let at = self.at();
            for option in self.string()? {
                match option {
                    b'r' => how.recursive = true,
                    b'u' => how.unicode = true,
                    _ => return Err(self.error(at, "the options of url_decode are r and u")),
                }
            }
        }
        Ok((Kind::Text(Text::UrlDecode(text, how)), shape))
    }

    fn concat_arguments(&mut self) -> Result {
        let mut all = Vec::new();
        let mut shape = Shape::One;
        loop {
            let operand = self.argument()?;
            let at = operand.at;
            if !all.is_empty() && operand.shape != Shape::One {
                return Err(self.error(at, "[*] may be used only in the first argument"));
            }
            let (text, own) = self.as_text("concat", operand)?;
            if own == Shape::Mapped {
                shape = own;
            }
            all.push(*text);
            if all.len() > ARGUMENTS_MAX {
                return Err(self.error(at, format!("concat takes at most {ARGUMENTS_MAX} arguments")));
            }
            if !self.take(",") {
                return Ok((Kind::Text(Text::Concat(all)), shape));
            }
        }
    }

    fn substring_arguments(&mut self, name: &str) -> Result {
        let (text, shape) = self.of_text(name)?;
        self.comma("where to begin")?;
        let start = self.number()?;
        let end = if self.take(",") {
            self.blank();
            Some(self.number()?)
        } else {
            None
        };
        Ok((Kind::Text(Text::Substring(text, start, end)), shape))
    }

    fn remove_bytes(&mut self, name: &str) -> Result {
        let (text, shape) = self.of_text(name)?;
        self.comma("a string of the bytes to remove")?;
        let mut without = Box::new([false; 256]);
        for byte in self.string()? {
            without[usize::from(byte)] = true;
        }
        Ok((Kind::Text(Text::RemoveBytes(text, without)), shape))
    }

    fn printed_argument(&mut self) -> Result {
        let operand = self.operand()?;
        let shape = if operand.shape == Shape::One { Shape::One } else { Shape::Mapped };
        let text = match operand.kind {
            Kind::Integer(integer) => Text::OfInteger(Box::new(integer)),
            Kind::Address(address) => Text::OfAddress(Box::new(address)),
            Kind::Bool(test) => Text::OfBool(Box::new(test)),
            other => {
                let problem = format!(
                    "to_string takes a number, an address or a truth value; this is {}",
                    other.words()
                );
                return Err(self.error(operand.at, problem));
            }
        };
        Ok((Kind::Text(text), shape))
    }

    fn address_argument(&mut self, name: &str) -> Parsed<Box<Address>> {
        let operand = self.operand()?;
        match operand.kind {
            Kind::Address(address) => Ok(Box::new(address)),
            other => {
                Err(self.error(operand.at, format!("{name} takes an address; this is {}", other.words())))
            }
        }
    }

    fn bits(&mut self, max: u8) -> Parsed<u8> {
        self.comma("a number of bits")?;
        let at = self.at();
        let bits = self.number()?;
        let problem = format!("expected a number of bits from 1 to {max}");
        u8::try_from(bits).ok().filter(|bits| (1..=max).contains(bits)).ok_or_else(|| self.error(at, problem))
    }

    fn cidr(&mut self) -> Result {
        let address = self.address_argument("cidr")?;
        let (v4, v6) = (self.bits(32)?, self.bits(128)?);
        Ok((Kind::Address(Address::Network(address, v4, v6)), Shape::One))
    }

    fn cidr6(&mut self) -> Result {
        let address = self.address_argument("cidr6")?;
        let v6 = self.bits(128)?;
        Ok((Kind::Address(Address::Network(address, 32, v6)), Shape::One))
    }

    fn has_key(&mut self) -> Result {
        let operand = self.operand()?;
        let Kind::Map(map) = operand.kind else {
            return Err(
                self.error(operand.at, format!("has_key takes a map; this is {}", operand.kind.words()))
            );
        };
        self.comma("a key")?;
        let at = self.at();
        let key = self.string()?;
        let key = std::str::from_utf8(&key).map_err(|_| self.error(at, "a key must be UTF-8"))?;
        Ok(one(Test::Has(map.at(key))))
    }

    fn has_value(&mut self) -> Result {
        let operand = self.operand()?;
        let Kind::Array(array) = operand.kind else {
            return Err(
                self.error(operand.at, format!("has_value takes an array; this is {}", operand.kind.words()))
            );
        };
        self.comma("a string")?;
        Ok(one(Test::HasValue(array, self.string()?)))
    }

    fn regex_replace(&mut self, name: &str, at: usize) -> Result {
        if !self.makes_value {
            let problem = "regex_replace may stand only in the value of a rewrite, a redirect or a header";
            return Err(self.error(at, problem));
        }
        let operand = self.argument()?;
        let (text, shape) = self.as_text(name, operand)?;
        self.comma("a pattern")?;
        let regex = self.pattern_argument()?;
        self.comma("a replacement")?;
        let with = self.replacement(regex.captures_len())?;
        Ok((Kind::Text(Text::RegexReplace(text, regex, with)), shape))
    }
}

fn one(test: Test) -> (Kind, Shape) {
    (Kind::Bool(test), Shape::One)
}
