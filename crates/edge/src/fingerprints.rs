//! What a visitor's connection gives away of the program behind it, for all requests on it.

use std::sync::OnceLock;

/// The fingerprints of one connection.
#[derive(Debug, Default)]
pub(crate) struct Fingerprints {
    tls: Option<Box<str>>,
    /// Known with its first request.
    http2: OnceLock<Box<str>>,
}

impl Fingerprints {
    /// Of a connection whose hello had this one.
    pub(crate) fn of(tls: Option<String>) -> Self {
        Self { tls: tls.map(String::into_boxed_str), http2: OnceLock::new() }
    }

    /// How it greeted in TLS; none: in no way that could be read.
    pub(crate) fn tls(&self) -> Option<&str> {
        self.tls.as_deref()
    }

    /// How it began HTTP/2; none: it speaks something else.
    pub(crate) fn http2(&self) -> Option<&str> {
        self.http2.get().map(|text| &**text)
    }

    /// Its first frames have come. Only the first word counts.
    pub(crate) fn begun_http2(&self, text: String) {
        let _ = self.http2.set(text.into_boxed_str());
    }
}
