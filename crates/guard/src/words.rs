//! Signatures and requests in words, for people who read events.

use shield::Request;
use shield::adaptive::{Attribute, Signature};
use shield::budgets::Prefix;
use shield::events::{EventClient, EventRequest, SignatureItem};

/// The longest text of a visitor in an event, in bytes.
const TEXT_BYTES_MAX: usize = 512;

/// What a signature looks at, as a request that it meets has it.
pub(crate) fn items(signature: &Signature, request: &Request<'_>) -> Vec<SignatureItem> {
    let item = |(attribute, _): &(Attribute, u32)| SignatureItem {
        attribute: attribute.name(),
        value: Some(match signature.is_unusual(*attribute) {
            true => cut(&format!("unusual, such as {}", value(*attribute, request))),
            false => cut(&value(*attribute, request)),
        }),
    };
    signature.items().iter().map(item).collect()
}

fn value(attribute: Attribute, request: &Request<'_>) -> String {
    let field = |name| String::from_utf8_lossy(request.fields.first(name).unwrap_or_default()).into_owned();
    match attribute {
        Attribute::Prefix => network(request),
        Attribute::Asn => request.source.asn.map_or("unknown".to_owned(), |number| format!("AS{number}")),
        Attribute::Country => country(request).unwrap_or_else(|| "unknown".to_owned()),
        Attribute::Tls => request.tls_fingerprint.unwrap_or("none").to_owned(),
        Attribute::Http2 => request.http2_fingerprint.unwrap_or(request.version).to_owned(),
        Attribute::HeaderOrder => header_order(request),
        Attribute::UserAgent => field("user-agent"),
        Attribute::Path => request.path().to_owned(),
        Attribute::PathTemplate => format!("like {}", request.path()),
        Attribute::QueryKeys => {
            let pairs = request.query().split('&').filter(|pair| !pair.is_empty());
            pairs.map(|pair| pair.split('=').next().unwrap_or_default()).collect::<Vec<_>>().join(" ")
        }
        Attribute::Method => request.method.to_owned(),
        Attribute::Referer => format!("of the kind {}", field("referer")),
        Attribute::Cookies => {
            let some = request.fields.first("cookie").is_some();
            if some { "as many as here" } else { "none" }.to_owned()
        }
        Attribute::Language => field("accept-language"),
        Attribute::Cache => "the same treatment by the cache".to_owned(),
        Attribute::Address => request.target.to_owned(),
    }
}

fn network(request: &Request<'_>) -> String {
    let address = Prefix::of(request.source.address).address();
    format!("{address}/{}", if address.is_ipv4() { 24 } else { 48 })
}

fn country(request: &Request<'_>) -> Option<String> {
    request.source.country.map(|code| String::from_utf8_lossy(&code).into_owned())
}

fn header_order(request: &Request<'_>) -> String {
    let mut names = String::new();
    request.fields.each(&mut |name, _| {
        names.push_str(&String::from_utf8_lossy(name));
        names.push(' ');
        names.len() < TEXT_BYTES_MAX
    });
    names.trim_end().to_owned()
}

/// Who asked.
pub(crate) fn client(request: &Request<'_>) -> EventClient {
    EventClient {
        address: request.source.address,
        country: country(request),
        asn: request.source.asn,
        tls: request.tls_fingerprint.map(ToOwned::to_owned),
    }
}

/// What was asked for.
pub(crate) fn request(request: &Request<'_>) -> EventRequest {
    let agent = request.fields.first("user-agent").unwrap_or_default();
    EventRequest {
        method: cut(request.method),
        host: cut(request.host),
        target: cut(request.target),
        user_agent: cut(&String::from_utf8_lossy(agent)),
    }
}

fn cut(text: &str) -> String {
    text[..text.floor_char_boundary(TEXT_BYTES_MAX)].to_owned()
}
