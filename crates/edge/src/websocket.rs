//! WebSocket between a stream of HTTP/2 or HTTP/3 and an origin that speaks HTTP/1.1 (RFC 8441 §5, RFC 9220).
//!
//! Such a visitor sends no key and hears no proof that the origin has read one, so the edge is the client of RFC 6455
//! towards the origin: it draws a key for each request, and believes a switch of protocols only with the answer to it.

use crate::ray::Rays;
use crate::reasons::Reason;
use crate::request::Request;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderMap, HeaderValue, StatusCode, Version, header};
use sha1::{Digest, Sha1};

/// RFC 6455 §1.3.
const GUID: &str = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/// The edge's part in one opening handshake.
pub(crate) struct Bridge {
    key: String,
}

impl Bridge {
    /// None where the visitor plays this part itself, or asks for no WebSocket.
    pub(crate) fn of(request: &Request, rays: &Rays) -> Option<Self> {
        let by_stream = matches!(request.version, Version::HTTP_2 | Version::HTTP_3);
        // Two ids of requests: no key comes twice, which is what a key is for. It is no secret (RFC 6455 §1.3).
        let nonce = || [rays.next().to_bytes(), rays.next().to_bytes()].concat();
        (request.upgrade && by_stream).then(|| Self { key: STANDARD.encode(nonce()) })
    }

    /// The request as the origin is asked.
    pub(crate) fn request(&self, request: &Request) -> Request {
        let mut request = request.clone();
        // The alphabet of base64 is one of field values.
        if let Ok(key) = HeaderValue::try_from(&self.key) {
            request.fields.insert(header::SEC_WEBSOCKET_KEY, key);
        }
        request
    }

    /// Whether the answer may be passed on: to the visitor any success means that the WebSocket is open.
    pub(crate) fn check(&self, status: StatusCode, fields: &HeaderMap) -> Result<(), Reason> {
        if status == StatusCode::SWITCHING_PROTOCOLS {
            let mut proofs = fields.get_all(header::SEC_WEBSOCKET_ACCEPT).iter();
            let proved =
                proofs.next().is_some_and(|proof| proof.as_bytes() == proof_of(&self.key).as_bytes());
            return if proved && proofs.next().is_none() { Ok(()) } else { Err(Reason::OriginMalformed) };
        }
        if status.is_success() { Err(Reason::NoTunnel) } else { Ok(()) }
    }
}

/// RFC 6455 §4.2.2, 5.4.
fn proof_of(key: &str) -> String {
    STANDARD.encode(Sha1::digest(format!("{key}{GUID}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 6455 §1.3.
    #[test]
    fn a_switch_is_believed_with_the_proof_of_its_key_alone() {
        let bridge = Bridge { key: "dGhlIHNhbXBsZSBub25jZQ==".to_owned() };
        for (status, proofs, outcome) in [
            (101, vec!["s3pPLMBiTxaQ9kYGzzhZRbK+xOo="], Ok(())),
            (101, vec!["s3pPLMBiTxaQ9kYGzzhZRbK+xOO="], Err(Reason::OriginMalformed)),
            (101, vec![], Err(Reason::OriginMalformed)),
            (101, vec!["s3pPLMBiTxaQ9kYGzzhZRbK+xOo="; 2], Err(Reason::OriginMalformed)),
            (200, vec!["s3pPLMBiTxaQ9kYGzzhZRbK+xOo="], Err(Reason::NoTunnel)),
            (204, vec![], Err(Reason::NoTunnel)),
            (302, vec![], Ok(())),
            (403, vec![], Ok(())),
        ] {
            let mut fields = HeaderMap::new();
            for proof in &proofs {
                fields.append(header::SEC_WEBSOCKET_ACCEPT, HeaderValue::from_static(proof));
            }
            let status = StatusCode::from_u16(status).expect("a status");
            assert_eq!(bridge.check(status, &fields), outcome, "{status} {proofs:?}");
        }
    }
}
