//! Secondary keys: which request fields a stored response was chosen by (RFC 9111 §4.1).

use crate::codec::{Reader, Writer};
use crate::fields::{Fields, elements, trim};
use crate::language::Languages;
use crate::reason::Reason;
use crate::request::Request;
use http::{HeaderName, HeaderValue, header};

/// Most field names one `Vary` may list.
const NAMES_MAX: usize = 16;
/// Longest normalised value kept, in bytes.
const VALUE_BYTES_MAX: usize = 1024;

/// Fields that the edge writes for each visitor: the visitor's request does not show what the origin saw,
/// so no other visitor can be matched with it.
const PER_VISITOR: [&str; 4] = ["x-forwarded-for", "x-real-ip", "forwarded", "wardmote-ray"];
/// Written by the edge too, from what the key holds.
const IN_KEY: [&str; 3] = ["host", "x-forwarded-host", "x-forwarded-proto"];

/// The fields a response varies by, with the values its request had. Empty when it does not vary.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Variant(Box<[Selecting]>);

/// What to send to the origin in place of a request's own lines of the same name.
pub(crate) type NormalField = (HeaderName, HeaderValue);

/// One selecting field. `None` means the request had no such field, which is not an empty one.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Selecting {
    name: HeaderName,
    value: Option<Box<[u8]>>,
    /// Under Accept-Language: the one language of the content, in lower case.
    language: Option<Box<[u8]>>,
}

/// The names that a response's `Vary` lines list, sorted, each once.
#[derive(Default)]
pub(crate) struct VaryFields {
    names: Vec<HeaderName>,
    star: bool,
    unusable: bool,
}

impl VaryFields {
    pub(crate) fn line(&mut self, line: &[u8]) {
        for element in elements(line) {
            if element == b"*" {
                self.star = true;
                continue;
            }
            match HeaderName::from_bytes(element) {
                Ok(name) if PER_VISITOR.contains(&name.as_str()) => self.star = true,
                Ok(name) if IN_KEY.contains(&name.as_str()) || self.names.contains(&name) => {}
                Ok(name) => self.names.push(name),
                Err(_) => self.unusable = true,
            }
            if self.names.len() > NAMES_MAX {
                self.unusable = true;
                self.names.clear();
            }
        }
    }

    /// The secondary key of a response to `request`, whose content is in `language`.
    pub(crate) fn variant(&self, request: &Request<'_>, language: Option<&[u8]>) -> Result<Variant, Reason> {
        if self.star {
            return Err(Reason::VaryStar);
        }
        if self.unusable {
            return Err(Reason::VaryUnusable);
        }
        let mut names = self.names.clone();
        names.sort_by(|a, b| a.as_str().cmp(b.as_str()));
        let selecting = names.into_iter().map(|name| {
            let value = normal_value(request, &name);
            match &value {
                Some(bytes) if bytes.len() > VALUE_BYTES_MAX => Err(Reason::VaryUnusable),
                _ => {
                    let language =
                        language.filter(|_| name == header::ACCEPT_LANGUAGE).and_then(one_language);
                    Ok(Selecting { name, value, language })
                }
            }
        });
        selecting.collect::<Result<_, _>>().map(Variant)
    }
}

impl VaryFields {
    /// Whether a response with these lines has the same secondary key as `variant` for the same request.
    pub(crate) fn names_of(&self, variant: &Variant) -> bool {
        let same = |selecting: &Selecting| self.names.contains(&selecting.name);
        !self.star && !self.unusable && self.names.len() == variant.0.len() && variant.0.iter().all(same)
    }
}

impl Variant {
    /// Whether a request would have selected the same response.
    pub fn matches(&self, request: &Request<'_>) -> bool {
        self.0.iter().all(|selecting| selecting.matches(request))
    }

    /// Whether the response was chosen by a field.
    pub fn is_by(&self, name: &HeaderName) -> bool {
        self.0.iter().any(|selecting| selecting.name == *name)
    }

    /// Whether the response varies at all.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Bytes on the heap, for weighing.
    pub fn heap_bytes(&self) -> usize {
        let bytes = |value: &Option<Box<[u8]>>| value.as_ref().map_or(0, |value| value.len());
        let values = self.0.iter().map(|s| bytes(&s.value) + bytes(&s.language));
        self.0.len() * size_of::<Selecting>() + values.sum::<usize>()
    }
}

impl Variant {
    pub(crate) fn encode(&self, to: &mut Writer<'_>) {
        to.count(self.0.len());
        for selecting in &self.0 {
            to.text(selecting.name.as_str().as_bytes());
            to.optional(selecting.value.as_deref());
            to.optional(selecting.language.as_deref());
        }
    }

    pub(crate) fn decode(from: &mut Reader<'_>) -> Option<Self> {
        let count = from.count().filter(|count| *count <= NAMES_MAX)?;
        let selecting = (0..count).map(|_| {
            let text = from.text()?;
            let name = HeaderName::from_bytes(text).ok().filter(|name| name.as_str().as_bytes() == text)?;
            let value = from.optional()?.map(Box::from);
            let language = from.optional()?.map(Box::from);
            Some(Selecting { name, value, language })
        });
        selecting.collect::<Option<_>>().map(Self)
    }
}

impl Selecting {
    fn matches(&self, request: &Request<'_>) -> bool {
        if self.name == header::ACCEPT_ENCODING {
            return self.value.as_deref() == Some(request.encodings.as_str().as_bytes());
        }
        if self.name == header::ACCEPT_LANGUAGE {
            return self.speaks_to(&request.languages());
        }
        let mut rest = self.value.as_deref();
        let mut same = true;
        let mut present = false;
        each_piece(request.fields, &self.name, &mut |piece| {
            present = true;
            match rest.and_then(|rest| rest.strip_prefix(piece)) {
                Some(left) if same => rest = Some(left),
                _ => same = false,
            }
        });
        present == self.value.is_some() && same && rest.is_none_or(<[u8]>::is_empty)
    }

    /// Either the request says the same, or what it wants before all else is the language of the content:
    /// no origin could choose better (RFC 9111 §4.1 lets a cache use what it knows of a field's meaning).
    fn speaks_to(&self, languages: &Languages<'_>) -> bool {
        let mut rest = self.value.as_deref();
        let mut same = languages.is_present() == rest.is_some();
        languages.each_byte(&mut |byte| match rest.and_then(<[u8]>::split_first) {
            Some((first, left)) if *first == byte => rest = Some(left),
            _ => same = false,
        });
        let same = same && rest.is_none_or(<[u8]>::is_empty);
        let content = self.language.as_deref();
        same || content
            .is_some_and(|own| languages.first().is_some_and(|want| want.eq_ignore_ascii_case(own)))
    }
}

/// The language of the content, if it is one alone.
fn one_language(line: &[u8]) -> Option<Box<[u8]>> {
    let mut each = elements(line);
    let first = each.next()?;
    each.next().is_none().then(|| first.to_ascii_lowercase().into())
}

/// The fields that go to the origin in their normal form where an answer may be stored.
pub(crate) fn normal_fields(request: &Request<'_>) -> Vec<NormalField> {
    let encodings = HeaderValue::from_static(request.encodings.as_str());
    let mut normal = vec![(header::ACCEPT_ENCODING, encodings)];
    let languages = request.languages();
    if languages.is_present() {
        // Tokens, digits and separators only, so it is always a value.
        let value = HeaderValue::from_bytes(&languages.to_bytes()).ok();
        normal.extend(value.map(|value| (header::ACCEPT_LANGUAGE, value)));
    }
    normal
}

fn normal_value(request: &Request<'_>, name: &HeaderName) -> Option<Box<[u8]>> {
    if *name == header::ACCEPT_ENCODING {
        return Some(request.encodings.as_str().as_bytes().into());
    }
    if *name == header::ACCEPT_LANGUAGE {
        let languages = request.languages();
        return languages.is_present().then(|| languages.to_bytes().into_boxed_slice());
    }
    let mut value: Option<Vec<u8>> = None;
    each_piece(request.fields, name, &mut |piece| {
        value.get_or_insert_default().extend_from_slice(piece);
    });
    value.map(Vec::into_boxed_slice)
}

/// Shows the normal form of a field piece by piece: lines combined (RFC 9110 §5.3), white space around
/// commas made one space after each, as RFC 9111 §4.1 allows. A field that is there and empty shows one
/// empty piece.
fn each_piece(fields: &dyn Fields, name: &HeaderName, see: &mut dyn FnMut(&[u8])) {
    let mut first = true;
    fields.each(&mut |line_name, line| {
        if !line_name.eq_ignore_ascii_case(name.as_str()) {
            return;
        }
        if trim(line).is_empty() {
            see(b"");
        }
        for element in elements(line) {
            if !first {
                see(b", ");
            }
            first = false;
            see(element);
        }
    });
}
