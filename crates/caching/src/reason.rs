//! One table of why a response was, or was not, stored or reused.

use std::fmt;

macro_rules! reasons {
    ($($(#[$doc:meta])* $variant:ident = $name:literal, $forward:literal, $text:literal;)*) => {
        /// Why the cache did not answer, or did not keep the answer.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum Reason {$($(#[$doc])* $variant,)*}

        impl Reason {
            /// Every reason, for metrics that name them all.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The stable name: a token, in logs, metrics and `Cache-Status` details.
            pub fn name(self) -> &'static str {
                match self {$(Self::$variant => $name,)*}
            }

            /// The `fwd` value of RFC 9211 §2.2 when this is why the request went to the origin.
            pub fn forward(self) -> &'static str {
                match self {$(Self::$variant => $forward,)*}
            }

            /// What it means, for people.
            pub fn text(self) -> &'static str {
                match self {$(Self::$variant => $text,)*}
            }
        }
    };
}

reasons! {
    // Requests that the cache leaves alone.
    /// RFC 9111 §4: only GET and HEAD are answered from here.
    Method = "method", "method", "only GET and HEAD are answered from the cache";
    /// The site does not use the cache.
    Off = "off", "bypass", "the site does not use the cache";
    /// A GET or HEAD with content: its meaning is not in the key (RFC 9110 §9.3.1).
    RequestContent = "request-content", "bypass", "the request carries content, which is no part of the key";
    /// A field that some origins take for the method, path or host: its meaning is not in the key.
    Steering = "steering", "bypass", "the request carries a field that steers some origins past its address";
    /// RFC 9110 §7.8.
    Upgrade = "upgrade", "bypass", "the request asks for another protocol";
    /// RFC 9111 §5.2.1.5.
    RequestNoStore = "request-no-store", "bypass", "the request says no-store";
    /// RFC 9111 §4.3.2: If-Match and If-Unmodified-Since are for the origin.
    Precondition = "precondition", "bypass", "the request carries a condition only the origin can judge";
    /// A cookie of the site's bypass list.
    BypassCookie = "bypass-cookie", "bypass", "the request carries a cookie that passes the cache by";
    /// RFC 9440 §3: the answer may be for whoever has shown that certificate.
    ClientCertificate = "client-certificate", "bypass", "the visitor has shown a certificate, which is no part of the key";
    /// A rule of the site says so.
    Rule = "rule", "bypass", "a rule of the site has the request pass the cache by";
    /// A child edge has seen purges that have not come to its parent.
    Behind = "behind", "bypass", "a purge that the asking edge has seen has not come here yet";
    // Nothing usable held.
    /// Nothing under this key.
    Absent = "absent", "uri-miss", "nothing is stored for this address";
    /// RFC 9111 §4.1.
    Vary = "vary", "vary-miss", "stored answers are for requests with other fields (Vary)";
    /// RFC 9111 §4.2.
    Stale = "stale", "stale", "the stored answer is no longer fresh";
    /// RFC 9111 §5.2.1.4, §5.4.
    RequestNoCache = "request-no-cache", "request", "the request asks for an answer from the origin";
    /// RFC 9111 §5.2.1.1.
    RequestMaxAge = "request-max-age", "request", "the stored answer is older than the request allows";
    /// RFC 9111 §5.2.1.3.
    RequestMinFresh = "request-min-fresh", "request", "the stored answer stays fresh for less than the request wants";
    /// RFC 9111 §5.2.2.4: what is stored with no-cache is revalidated before each use.
    Revalidate = "revalidate", "stale", "the origin wants to be asked each time";
    /// Purged softly: revalidated before its next use.
    Purged = "purged", "stale", "the stored answer was purged softly";
    /// RFC 9111 §4.2.2, mode guarded: fresh by guess only, and the visitor may be known to the site.
    Cookie = "cookie", "request", "the request carries a cookie and the origin gives no lifetime to come";
    /// RFC 9111 §3.3: only a part of the body is held.
    Slices = "slices", "partial", "only other parts of the body are stored";
    // Responses that are not stored.
    /// Only answers to GET are stored.
    Head = "head", "miss", "an answer to HEAD has no content to store";
    /// RFC 9111 §3, RFC 9110 §15.3.7, or a status that judges the request and not the target.
    Status = "status", "miss", "answers with this status are not stored";
    /// RFC 9111 §3.3: part of a representation.
    Partial = "partial", "partial", "the answer is only a part";
    /// RFC 9111 §5.2.2.5.
    NoStore = "no-store", "miss", "the origin says no-store";
    /// RFC 9111 §5.2.2.7.
    Private = "private", "miss", "the origin says private";
    /// RFC 9111 §5.2.2.4.
    NoCache = "no-cache", "miss", "the origin wants to be asked each time";
    /// RFC 9111 §3.5.
    Authorization = "authorization", "miss", "the request was authorised and the origin does not allow sharing";
    /// Mode guarded: an answer that sets a cookie is for one visitor.
    SetCookie = "set-cookie", "miss", "the answer sets a cookie";
    /// RFC 9110 §12.5.5: `Vary: *`, or a field that the edge writes for each visitor.
    VaryStar = "vary-star", "miss", "the answer varies by more than the request's fields";
    /// A `Vary` that cannot be kept: not a list of names, or more than the bounds.
    VaryUnusable = "vary-unusable", "miss", "the Vary field is malformed or too long";
    /// RFC 9111 §4.2.1: unreadable freshness counts as stale.
    Malformed = "malformed", "miss", "the answer's freshness fields cannot be read";
    /// No explicit lifetime.
    NoFreshness = "no-freshness", "miss", "the origin gives no lifetime";
    /// RFC 9111 §4.2: its age has reached its lifetime already.
    Expired = "expired", "miss", "the answer was no longer fresh when it came";
    /// An address that ends like a static file, with content of another kind (web cache deception).
    ContentType = "content-type", "miss", "the content is not of the kind that the address ends like";
    /// Too many new addresses with queries in a short time: whoever invents them fills no store.
    Admission = "admission", "miss", "too many new addresses with queries came at once";
    /// The body is longer than the bound.
    TooLarge = "too-large", "miss", "the answer is larger than what is stored";
    /// RFC 9111 §3.3: the body ended early.
    Incomplete = "incomplete", "miss", "the answer was cut short";
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text())
    }
}
