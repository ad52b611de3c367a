//! Whether content is of the kind its address ends like: the guard against web cache deception.
//!
//! An attacker sends a visitor to `/account/x.css`; an origin that ignores the tail answers with the account
//! page, and a cache that trusts the tail would keep it for everybody.

use crate::fields::trim;

/// What an ending promises.
#[derive(Clone, Copy)]
enum Kind {
    Style,
    Script,
    Json,
    Image,
    Font,
    Media,
    /// Anything but a page or data that a page is made of.
    File,
}

const ENDINGS: [(&str, Kind); 66] = [
    ("css", Kind::Style),
    ("js", Kind::Script),
    ("mjs", Kind::Script),
    ("cjs", Kind::Script),
    ("json", Kind::Json),
    ("map", Kind::Json),
    ("webmanifest", Kind::Json),
    ("png", Kind::Image),
    ("jpg", Kind::Image),
    ("jpeg", Kind::Image),
    ("jfif", Kind::Image),
    ("gif", Kind::Image),
    ("webp", Kind::Image),
    ("avif", Kind::Image),
    ("jxl", Kind::Image),
    ("heic", Kind::Image),
    ("ico", Kind::Image),
    ("cur", Kind::Image),
    ("bmp", Kind::Image),
    ("svg", Kind::Image),
    ("svgz", Kind::Image),
    ("tif", Kind::Image),
    ("tiff", Kind::Image),
    ("apng", Kind::Image),
    ("woff", Kind::Font),
    ("woff2", Kind::Font),
    ("ttf", Kind::Font),
    ("otf", Kind::Font),
    ("eot", Kind::Font),
    ("mp4", Kind::Media),
    ("m4v", Kind::Media),
    ("webm", Kind::Media),
    ("ogg", Kind::Media),
    ("ogv", Kind::Media),
    ("mov", Kind::Media),
    ("avi", Kind::Media),
    ("mkv", Kind::Media),
    ("mp3", Kind::Media),
    ("m4a", Kind::Media),
    ("aac", Kind::Media),
    ("wav", Kind::Media),
    ("flac", Kind::Media),
    ("mid", Kind::Media),
    ("wasm", Kind::File),
    ("pdf", Kind::File),
    ("ps", Kind::File),
    ("csv", Kind::File),
    ("txt", Kind::File),
    ("doc", Kind::File),
    ("docx", Kind::File),
    ("xls", Kind::File),
    ("xlsx", Kind::File),
    ("ppt", Kind::File),
    ("pptx", Kind::File),
    ("zip", Kind::File),
    ("gz", Kind::File),
    ("tgz", Kind::File),
    ("bz2", Kind::File),
    ("xz", Kind::File),
    ("zst", Kind::File),
    ("rar", Kind::File),
    ("7z", Kind::File),
    ("jar", Kind::File),
    ("apk", Kind::File),
    ("exe", Kind::File),
    ("dmg", Kind::File),
];

/// Whether a Content-Type fits the ending of a path. A path without a known ending promises nothing.
pub(crate) fn agrees(path: &[u8], content_type: Option<&[u8]>) -> bool {
    let Some(kind) = promised(path) else { return true };
    let Some(media_type) = content_type.map(essence) else { return false };
    let Some(slash) = media_type.iter().position(|byte| *byte == b'/') else { return false };
    let (main, sub) = (&media_type[..slash], &media_type[slash + 1..]);
    let is = |part: &[u8], known: &str| part.eq_ignore_ascii_case(known.as_bytes());
    let has = |known: &str| sub.windows(known.len()).any(|part| is(part, known));
    let binary = is(main, "application") && is(sub, "octet-stream");
    match kind {
        Kind::Style => is(main, "text") && is(sub, "css"),
        Kind::Script => {
            (is(main, "text") || is(main, "application")) && (has("javascript") || has("ecmascript"))
        }
        Kind::Json => is(main, "application") && (has("json")),
        Kind::Image => is(main, "image"),
        Kind::Font => is(main, "font") || (is(main, "application") && has("font")) || binary,
        Kind::Media => is(main, "video") || is(main, "audio") || has("ogg") || binary,
        Kind::File => !has("html") && !has("json"),
    }
}

/// What a path promises by what follows its last dot, percent-decoded: `%2fx.css`, `;x.css` and `%00.css`
/// all end the same way to somebody.
fn promised(path: &[u8]) -> Option<Kind> {
    // The longest ending has 11 letters; a dot and each letter may take three bytes.
    const LONGEST: usize = 36;
    let tail = &path[path.len().saturating_sub(LONGEST)..];
    let mut decoded = [0u8; LONGEST];
    let length = decode(tail, &mut decoded);
    let text = &decoded[..length];
    let dot = text.iter().rposition(|byte| *byte == b'.')?;
    let ending = &text[dot + 1..];
    let found = ENDINGS.iter().find(|(known, _)| ending.eq_ignore_ascii_case(known.as_bytes()));
    found.map(|(_, kind)| *kind)
}

fn decode(text: &[u8], out: &mut [u8; 36]) -> usize {
    let digit = |byte: Option<&u8>| byte.and_then(|byte| char::from(*byte).to_digit(16));
    let (mut at, mut length) = (0, 0);
    while at < text.len() {
        let pair = (text[at] == b'%').then(|| digit(text.get(at + 1)).zip(digit(text.get(at + 2)))).flatten();
        out[length] = match pair {
            // Two hexadecimal digits are at most 255.
            Some((high, low)) => u8::try_from(high * 16 + low).unwrap_or_default(),
            None => text[at],
        };
        at += if pair.is_some() { 3 } else { 1 };
        length += 1;
    }
    length
}

/// The media type without parameters.
fn essence(content_type: &[u8]) -> &[u8] {
    trim(content_type.split(|byte| *byte == b';').next().unwrap_or_default())
}
