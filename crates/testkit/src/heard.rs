//! How a plain origin reads the bytes of one connection.
//!
//! A second reader beside the edge's own, without one line in common with it. It forgives nothing: what two
//! readers could take differently is not a request here but [`Reading::fault`], whoever sent it.

/// One request as the origin took it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Heard {
    /// The method.
    pub method: String,
    /// The target as it stood in the first line.
    pub target: String,
    /// The Host field.
    pub host: String,
    /// All fields as they came, names in lower case.
    pub fields: Vec<(String, String)>,
    /// The content, without its coding.
    pub body: Vec<u8>,
}

/// What a connection's bytes come to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reading {
    /// The requests that are whole, in order.
    pub whole: Vec<Heard>,
    /// What follows them and is no whole request.
    pub rest: Vec<u8>,
    /// Why the rest can never become one.
    pub fault: Option<String>,
}

impl Reading {
    /// Reads everything that came on a connection.
    pub fn of(bytes: &[u8]) -> Self {
        let mut reading = Self::default();
        let mut at = 0;
        loop {
            match request(&bytes[at..]) {
                Ok(Some((heard, length))) => {
                    reading.whole.push(heard);
                    at += length;
                }
                Ok(None) => break,
                Err(fault) => {
                    reading.fault = Some(fault);
                    break;
                }
            }
        }
        reading.rest = bytes[at..].to_vec();
        reading
    }
}

/// One request at the front with its length in bytes; none while it is not whole.
fn request(bytes: &[u8]) -> Result<Option<(Heard, usize)>, String> {
    let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") else { return Ok(None) };
    let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
    let odd = |letter: char| (letter.is_control() && letter != '\t') || letter == '\u{7f}';
    let mut lines = head.split("\r\n");
    let line = lines.next().unwrap_or_default();
    let words: Vec<_> = line.split(' ').collect();
    let [method, target, "HTTP/1.1"] = words[..] else { return Err(format!("first line {line:?}")) };
    if line.contains(odd) || !method.bytes().all(is_token) || method.is_empty() || target.is_empty() {
        return Err(format!("first line {line:?}"));
    }
    let mut fields = Vec::new();
    for line in lines {
        let Some((name, value)) = line.split_once(':') else { return Err(format!("field {line:?}")) };
        if name.is_empty() || !name.bytes().all(is_token) || value.contains(odd) {
            return Err(format!("field {line:?}"));
        }
        fields.push((name.to_ascii_lowercase(), value.trim_matches([' ', '\t']).to_owned()));
    }
    let host = only(&fields, "host")?.ok_or("no host")?;
    let heard =
        Heard { method: method.to_owned(), target: target.to_owned(), host, fields, body: Vec::new() };
    let content = content(&heard.fields, &bytes[end + 4..])?;
    Ok(content.map(|(body, length)| (Heard { body, ..heard }, end + 4 + length)))
}

fn only(fields: &[(String, String)], name: &str) -> Result<Option<String>, String> {
    let mut values = fields.iter().filter(|(key, _)| key == name).map(|(_, value)| value.clone());
    let first = values.next();
    if values.next().is_some() { Err(format!("{name} twice")) } else { Ok(first) }
}

fn content(fields: &[(String, String)], bytes: &[u8]) -> Result<Option<(Vec<u8>, usize)>, String> {
    match (only(fields, "transfer-encoding")?.as_deref(), only(fields, "content-length")?) {
        (None, None) => Ok(Some((Vec::new(), 0))),
        (None, Some(digits)) if digits.bytes().all(|byte| byte.is_ascii_digit()) => {
            let length: usize = digits.parse().map_err(|_| format!("length {digits:?}"))?;
            Ok(bytes.get(..length).map(|body| (body.to_vec(), length)))
        }
        (Some("chunked"), None) => chunks(bytes),
        framing => Err(format!("framed as {framing:?}")),
    }
}

fn chunks(bytes: &[u8]) -> Result<Option<(Vec<u8>, usize)>, String> {
    let (mut body, mut at) = (Vec::new(), 0);
    loop {
        let Some(line) = line(&bytes[at..])? else { return Ok(None) };
        at += line.len() + 2;
        if line.is_empty() || line.len() > 8 || !line.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(format!("chunk {line:?}"));
        }
        let size = usize::from_str_radix(&line, 16).map_err(|_| format!("chunk {line:?}"))?;
        if size == 0 {
            break;
        }
        let Some(chunk) = bytes.get(at..at + size + 2) else { return Ok(None) };
        if !chunk.ends_with(b"\r\n") {
            return Err("a chunk goes on behind its end".to_owned());
        }
        body.extend_from_slice(&chunk[..size]);
        at += size + 2;
    }
    while let Some(line) = line(&bytes[at..])? {
        at += line.len() + 2;
        if line.is_empty() {
            return Ok(Some((body, at)));
        }
    }
    Ok(None)
}

fn line(bytes: &[u8]) -> Result<Option<String>, String> {
    let Some(end) = bytes.iter().position(|byte| *byte == b'\n') else { return Ok(None) };
    match bytes[..end].strip_suffix(b"\r") {
        Some(line) => Ok(Some(String::from_utf8_lossy(line).into_owned())),
        None => Err("a bare line feed".to_owned()),
    }
}

fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_read_one_by_one_and_what_is_not_plain_is_a_fault() {
        let one = "POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n";
        let two = "PUT /b HTTP/1.1\r\nhost: b\r\ncontent-length: 3\r\n\r\nabc";
        let reading = Reading::of([one, two, "GET /c"].concat().as_bytes());
        let heard: Vec<_> = reading.whole.iter().map(|heard| (&*heard.target, &*heard.body)).collect();
        assert_eq!(heard, [("/a", b"hi".as_slice()), ("/b", b"abc")]);
        assert_eq!((reading.rest.as_slice(), reading.fault), (b"GET /c".as_slice(), None));
        for odd in [
            "GET  / HTTP/1.1\r\nHost: a\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: a\r\nX: a\nb\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: a\r\nX : b\r\n\r\n",
            "GET / HTTP/1.1\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1;x\r\na\r\n0\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nab\r\n0\r\n\r\n",
        ] {
            let reading = Reading::of(odd.as_bytes());
            assert!(reading.whole.is_empty() && reading.fault.is_some(), "{odd:?}: {reading:?}");
        }
    }
}
