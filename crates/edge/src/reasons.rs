//! The one table of reasons: how an exchange ended, and why a connection was refused or closed.
//!
//! Owns the names. A reason's name stands in the access log, in metrics, on error pages and in problem
//! documents, so it never changes its meaning once released.
//!
//! Invariant: every answer the edge writes by itself, and every close it decides on, has a reason here.

use crate::pages::Side;
use error_pages::PageClass;

/// What a reason says about the exchange, for counting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// The visitor got what the site meant.
    Served,
    /// A measure in force answered.
    Blocked,
    /// The edge refused what the visitor sent.
    Refused,
    /// The site's own server failed.
    OriginFailed,
    /// The edge failed, or gave way under its bounds.
    EdgeFailed,
    /// The connection ended before the exchange did.
    Broken,
}

impl Outcome {
    /// The label in metrics.
    pub fn label(self) -> &'static str {
        match self {
            Self::Served => "served",
            Self::Blocked => "blocked",
            Self::Refused => "refused",
            Self::OriginFailed => "origin-failed",
            Self::EdgeFailed => "edge-failed",
            Self::Broken => "broken",
        }
    }
}

/// One row of the table.
#[derive(Debug, Clone, Copy)]
pub struct Entry {
    /// The stable name, in kebab case.
    pub name: &'static str,
    /// The status the edge answers with; 0 where it writes no answer of its own.
    pub status: u16,
    /// How it is counted.
    pub outcome: Outcome,
    /// The headline for people.
    pub title: &'static str,
    /// One or two sentences for people.
    pub text: &'static str,
}

macro_rules! reasons {
    ($($variant:ident $name:literal $status:literal $outcome:ident $title:literal $text:literal;)*) => {
        /// Why an exchange ended as it did.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        #[expect(missing_docs, reason = "each row of the table documents its variant")]
        pub enum Reason { $($variant),* }

        impl Reason {
            /// Every reason, in the order of the table.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// The reason's row.
            pub const fn entry(self) -> &'static Entry {
                match self {
                    $(Self::$variant => &Entry {
                        name: $name, status: $status, outcome: Outcome::$outcome, title: $title, text: $text,
                    }),*
                }
            }
        }
    };
}

reasons! {
    // Served.
    Hit "hit" 0 Served "" "";
    NotModified "not-modified" 304 Served "" "";
    Stale "stale" 0 Served "" "";
    Passed "passed" 0 Served "" "";
    Tunnelled "tunnelled" 101 Served "" "";
    Proved "proved-to-authority" 200 Served "" "";
    // As the site's owner has it.
    ToHttps "to-https" 308 Served "" "";
    Maintenance "maintenance" 503 Served "This site is being worked on" "Its owner has closed it for a while. Nothing is wrong with your request.";
    RuledElsewhere "redirected-by-rule" 0 Served "" "";
    ChallengeStep "challenge-step" 200 Served "" "";
    // Measures.
    Blocked "blocked-by-decision" 403 Blocked "Blocked by a public decision" "A published decision blocks this site for a limited time.";
    Warned "warned-by-decision" 403 Blocked "A warning by a public decision" "A published decision asks visitors to read a warning before this site.";
    WarningPassed "warning-passed" 303 Served "" "";
    CutByMeasure "cut-by-decision" 0 Blocked "Cut by a public decision" "A published decision came into force while this answer was under way.";
    // Framing of HTTP/1 (RFC 9112) and what goes with it.
    LineMalformed "request-line-malformed" 400 Refused "The request cannot be read" "Its first line is not a method, a target and a version with one space between them.";
    BareLineFeed "bare-line-feed" 400 Refused "The request cannot be read" "A line ends in a bare line feed; lines end in CR LF.";
    BareCarriageReturn "bare-carriage-return" 400 Refused "The request cannot be read" "A carriage return stands without its line feed.";
    VersionUnsupported "version-unsupported" 505 Refused "This HTTP version is not spoken here" "On this connection HTTP/1.1 and HTTP/1.0 are spoken.";
    FieldFolded "field-folded" 400 Refused "The request cannot be read" "A header field is folded over several lines, which is obsolete.";
    SpaceBeforeColon "space-before-colon" 400 Refused "The request cannot be read" "White space stands between a field name and its colon.";
    FieldMalformed "field-malformed" 400 Refused "The request cannot be read" "A header field has no name, no colon, or a byte that is not allowed in it.";
    HeadTooLarge "head-too-large" 431 Refused "The request's header is too large" "At most 32 KiB of header are taken. Clearing this site's cookies often helps.";
    TooManyFields "too-many-fields" 431 Refused "The request has too many header fields" "At most 100 header fields are taken.";
    HostMissing "host-missing" 400 Refused "The request names no host" "The Host field is missing.";
    HostRepeated "host-repeated" 400 Refused "The request is ambiguous" "It has more than one Host field.";
    HostMalformed "host-malformed" 400 Refused "The request names no usable host" "The Host field is not a host name with an optional port.";
    TargetMalformed "target-malformed" 400 Refused "The address cannot be read" "The request target is not a path, or has bytes that must be percent-encoded.";
    TargetTooLong "target-too-long" 414 Refused "The address is too long" "The first line of the request is longer than 32 KiB.";
    TargetMismatch "target-mismatch" 400 Refused "The request is ambiguous" "Its target names another host or scheme than the Host field and the connection do.";
    MethodRefused "method-refused" 405 Refused "This method is not served" "CONNECT and TRACE are not served here.";
    MethodTooLong "method-too-long" 501 Refused "This method is not known" "Method names have at most 32 characters.";
    LengthMalformed "length-malformed" 400 Refused "The request is ambiguous" "Its Content-Length is not one plain number.";
    LengthRepeated "length-repeated" 400 Refused "The request is ambiguous" "It has more than one Content-Length.";
    LengthAndCoding "length-and-coding" 400 Refused "The request is ambiguous" "It has both Content-Length and Transfer-Encoding.";
    CodingUnsupported "coding-unsupported" 400 Refused "The request is ambiguous" "Its Transfer-Encoding is other than exactly chunked.";
    CodingRepeated "coding-repeated" 400 Refused "The request is ambiguous" "It has more than one Transfer-Encoding.";
    CodingBeforeHttp11 "coding-before-http-1-1" 400 Refused "The request is ambiguous" "Transfer-Encoding does not exist in HTTP/1.0.";
    ChunkMalformed "chunk-malformed" 400 Refused "The request's body cannot be read" "A chunk's size, extension or end is malformed.";
    ChunkLineTooLong "chunk-line-too-long" 400 Refused "The request's body cannot be read" "A chunk's extensions are too long.";
    TrailerTooLarge "trailer-too-large" 400 Refused "The request's body cannot be read" "Its trailer is larger than 8 KiB or 32 fields.";
    TrailerMalformed "trailer-malformed" 400 Refused "The request's body cannot be read" "A field of its trailer is malformed.";
    ExpectationUnknown "expectation-unknown" 417 Refused "The request expects something unknown" "Only the expectation 100-continue is known.";
    EarlyBytes "bytes-before-switch" 400 Refused "The request is ambiguous" "It asks for another protocol, and more bytes came before the answer to that.";
    BodyTooLarge "body-too-large" 413 Refused "The request's body is too large" "At most 1 GiB is taken in one request.";
    BodyCut "body-cut" 400 Refused "The request's body is incomplete" "The connection ended before the whole body had arrived.";
    BodySlow "body-slow" 408 Refused "The request's body came too slowly" "Less than 240 bytes a second arrived.";
    HeadSlow "head-slow" 408 Refused "The request came too slowly" "The whole header must arrive within 10 seconds.";
    FieldsMalformed "fields-malformed" 400 Refused "The request cannot be used" "Its pseudo-header fields or connection fields break the rules of HTTP/2 and HTTP/3.";
    ProtocolUnknown "protocol-unknown" 501 Refused "This protocol is not spoken here" "A stream may switch to WebSocket and to nothing else.";
    // Who and where.
    UnknownHost "unknown-host" 421 Refused "No site of this name here" "This network does not serve the host that was asked for. Its name may have been set up wrongly.";
    Misdirected "misdirected-request" 421 Refused "This host is not on this connection" "The connection was made for other host names. Please try again: a new connection finds the right one.";
    Uncertified "client-certificate-required" 403 Refused "This site asks for a certificate" "It is open to visitors who show a certificate of their own, and only over HTTPS.";
    Loop "forwarding-loop" 508 Refused "The request goes round in a circle" "It has passed this network before: the site's origin points back at it.";
    OnlyIfCached "only-if-cached" 504 Refused "No copy is held here" "The request asked for a stored answer only, and none that fits is stored.";
    // The shield.
    Banned "banned" 403 Refused "Your network is refused for now" "The operator of this network refuses requests from where yours comes from, until a set time.";
    RuleBlocked "blocked-by-rule" 403 Refused "This request is refused" "A rule of this site's owner refuses requests like yours.";
    RateLimited "rate-limited" 429 Refused "Too many requests" "More requests came from you than this site takes in a time. Please wait a little.";
    AttackBlocked "blocked-as-attack" 403 Refused "This request is refused for now" "It looks like those of an attack that this site is under. This ends by itself within minutes after the attack.";
    Challenged "challenged" 403 Refused "One moment, please" "This site checks that a browser is asking.";
    ComeAgain "come-again" 429 Refused "Please try again later" "This site checks every visitor at the moment, and this request cannot be checked. In a browser, open one of the site's pages first, then send it again.";
    NoErrand "no-errand" 404 Refused "Nothing is here" "Addresses under this path belong to the network in front of the site, and it has nothing at this one.";
    // Origins.
    NoOrigin "no-origin" 502 OriginFailed "This site has no server" "No origin server is configured for this site.";
    OriginName "origin-name" 502 OriginFailed "The site's server cannot be found" "The name of the site's own server has no address.";
    OriginUnreachable "origin-unreachable" 502 OriginFailed "The site's server cannot be reached" "The site's own server refused the connection or could not be reached.";
    OriginTls "origin-tls" 502 OriginFailed "The site's server cannot be trusted" "No secure connection to the site's own server could be made; its certificate may be wrong.";
    OriginLoop "origin-is-edge" 502 OriginFailed "The site's server points back here" "The address of the site's own server is this network itself.";
    OriginInside "origin-is-inside" 502 OriginFailed "The site's server points inside" "The name of the site's own server leads to an address of this network's own machine or link.";
    OriginSettings "origin-settings" 502 OriginFailed "The site's server cannot be asked" "What this network needs to speak to the site's own server cannot be read.";
    OriginClosed "origin-closed" 502 OriginFailed "The site's server hung up" "The site's own server closed the connection before it answered.";
    OriginRefused "origin-refused" 502 OriginFailed "The site's server takes no more requests" "The site's own server sent the request back before it looked at it.";
    OriginReset "origin-reset" 502 OriginFailed "The site's server broke off" "The site's own server ended the request before it answered.";
    NoTunnel "origin-no-websocket" 502 OriginFailed "The site's server does not speak WebSocket here" "It answered the request for a WebSocket as if it were one for a page.";
    OriginMalformed "origin-malformed" 502 OriginFailed "The site's server answered nonsense" "The answer of the site's own server breaks the rules of HTTP and cannot be passed on.";
    OriginConnectSlow "origin-connect-slow" 504 OriginFailed "The site's server does not answer" "No connection to the site's own server came about in time.";
    OriginSlow "origin-slow" 504 OriginFailed "The site's server took too long" "The site's own server did not answer in time.";
    OriginOvertime "origin-overtime" 504 OriginFailed "The site's server took too long" "The site's own server did not end its answer in the time that the site allows.";
    OriginCut "origin-cut" 0 OriginFailed "The site's server broke off" "The site's own server ended its answer before it was whole.";
    OriginStalled "origin-stalled" 0 OriginFailed "The site's server stalled" "The site's own server sent nothing for too long in the middle of its answer.";
    OriginChanged "origin-changed" 502 OriginFailed "The file has just been replaced" "The site's own server has another version of this file than the one that was begun. Please try again.";
    OriginPartFailed "origin-part-failed" 502 OriginFailed "The site's server failed" "The site's own server answered an error when it was asked for a part of this file.";
    OriginOverloaded "origin-overloaded" 503 OriginFailed "This site has a lot to do just now" "Its own server has as many requests as it can take at a time. Please try again in a few seconds.";
    OriginBusy "origin-busy" 503 EdgeFailed "Too many requests are under way" "As many requests to the site's own server are open as this network allows at a time.";
    // Us, and the wire.
    GaveWay "gave-way" 0 Broken "Others were waiting" "The visitor took nothing of the answer for a while, and its connection to the site's own server was needed for others.";
    VisitorGone "visitor-gone" 0 Broken "The visitor left" "The visitor's connection ended before the answer did.";
    VisitorSlow "visitor-slow" 0 Broken "The visitor read too slowly" "Less than 240 bytes a second were taken.";
    Shutdown "shutdown" 0 EdgeFailed "Shutting down" "The edge is being stopped.";
    Internal "internal" 500 EdgeFailed "Something went wrong on our side" "The fault is in this network. It has been noted.";
}

impl Reason {
    /// The stable name.
    pub const fn name(self) -> &'static str {
        self.entry().name
    }

    /// The status of the edge's own answer; 0 where it writes none.
    pub const fn status(self) -> u16 {
        self.entry().status
    }

    /// How it is counted.
    pub const fn outcome(self) -> Outcome {
        self.entry().outcome
    }

    /// Where the request came to a stop.
    pub fn side(self) -> Side {
        match self.outcome() {
            _ if self == Self::Maintenance => Side::Owner,
            Outcome::OriginFailed => Side::Origin,
            Outcome::EdgeFailed => Side::Edge,
            Outcome::Served | Outcome::Blocked | Outcome::Refused | Outcome::Broken => Side::Visitor,
        }
    }

    /// Which of a site's own pages is about it; none: ours alone. Refusals of what cannot be read are nobody's
    /// to dress up.
    pub fn page_class(self) -> Option<PageClass> {
        match self {
            Self::Maintenance => Some(PageClass::Maintenance),
            Self::NoOrigin | Self::OriginName | Self::Loop => Some(PageClass::Configuration),
            _ => match self.outcome() {
                Outcome::OriginFailed | Outcome::EdgeFailed => Some(PageClass::Origin),
                Outcome::Served | Outcome::Blocked | Outcome::Refused | Outcome::Broken => None,
            },
        }
    }

    /// The place in the table, for counters.
    pub(crate) const fn index(self) -> usize {
        self as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_reason_has_its_own_name_and_refusals_speak_to_people() {
        let names: BTreeSet<_> = Reason::ALL.iter().map(|reason| reason.name()).collect();
        assert_eq!(names.len(), Reason::ALL.len());
        for (place, reason) in Reason::ALL.iter().enumerate() {
            assert_eq!(reason.index(), place);
            let entry = reason.entry();
            assert!(entry.name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-'));
            if entry.outcome != Outcome::Served {
                assert!(!entry.title.is_empty() && entry.text.ends_with('.'), "{}", entry.name);
            }
            assert!(entry.status == 0 || http::StatusCode::from_u16(entry.status).is_ok());
        }
    }
}
