//! `Idempotency-Key`: a repeated change gets the first one's answer and changes nothing.

use super::body;
use super::principal::{Caller, Principal};
use super::{Problem, Reason};
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use records::{Answer, Claim, Records};
use std::sync::Arc;
use std::time::Duration;
use vocabulary::{Clock, Digest, Hasher};

/// Longest key taken, in bytes.
const KEY_BYTES_MAX: usize = 100;
/// Largest body of a request that carries a key: the largest body of any request.
const BODY_BYTES_MAX: usize = records::bounds::EVIDENCE_BYTES_MAX;
/// Largest answer kept.
const ANSWER_BYTES_MAX: usize = 1 << 20;
/// How long an unfinished request keeps its key.
const HOLD: Duration = Duration::from_secs(120);
/// How long an answer is kept.
const KEEP: Duration = Duration::from_secs(24 * 3600);

/// Answers that hold a secret are never kept, at these addresses and below them; the same key gives another secret.
const SECRET: [&str; 3] = ["/api/v1/setup-links", "/api/v1/reports", "/api/v1/accounts"];

/// What the layer works with.
#[derive(Clone)]
pub(crate) struct Repeats {
    /// Where answers are kept.
    pub(crate) records: Arc<dyn Records>,
    /// Now.
    pub(crate) clock: Arc<dyn Clock>,
}

/// Answers a repeated POST or PUT from its first answer; without a key it only passes on.
pub(crate) async fn once(State(repeats): State<Repeats>, request: Request, next: Next) -> Response {
    let carries = request.headers().contains_key("idempotency-key");
    let path = request.uri().path();
    let secret = SECRET.iter().any(|secret| path.starts_with(secret));
    if !carries || secret || !matches!(*request.method(), Method::POST | Method::PUT) {
        return next.run(request).await;
    }
    repeats.answer(request, next).await.unwrap_or_else(IntoResponse::into_response)
}

impl Repeats {
    async fn answer(&self, request: Request, next: Next) -> Result<Response, Problem> {
        let (head, body) = request.into_parts();
        let sent = head.headers.get("idempotency-key").and_then(|value| value.to_str().ok());
        let sent = sent.filter(|key| !key.is_empty() && key.len() <= KEY_BYTES_MAX).ok_or_else(|| {
            Problem::new(Reason::Malformed).detail("Idempotency-Key has 1 to 100 visible characters")
        })?;
        let operator = head.extensions.get::<Principal>().map(Principal::actor);
        let caller = head.extensions.get::<Caller>().map(Caller::actor);
        let actor = operator.or(caller).unwrap_or_default();
        let key = format!("{actor} {sent}");
        let bytes = body::whole(body, BODY_BYTES_MAX).await?;
        let digest = request_digest(&head.method, &head.uri.to_string(), &bytes);
        let now = self.clock.now();
        match self.records.claim(&key, &digest, now, now.plus(HOLD)).await? {
            Claim::Running => Err(Problem::new(Reason::KeyRunning)),
            Claim::Different => Err(Problem::new(Reason::KeyReused)),
            Claim::Answered(answer) => Ok(replayed(answer)),
            Claim::Fresh => {
                let response = next.run(Request::from_parts(head, Body::from(bytes))).await;
                self.keep(&key, &digest, response).await
            }
        }
    }

    /// Keeps a success; everything else gives the key back, so that the caller may mend and repeat.
    async fn keep(&self, key: &str, request: &Digest, response: Response) -> Result<Response, Problem> {
        if !response.status().is_success() {
            self.records.release(key, request).await?;
            return Ok(response);
        }
        let (head, body) = response.into_parts();
        let bytes = body::whole(body, ANSWER_BYTES_MAX).await?;
        let media_type = head.headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
        let answer = Answer {
            status: head.status.as_u16(),
            media_type: media_type.unwrap_or("application/json").to_owned(),
            body: bytes.to_vec(),
        };
        self.records.settle(key, request, &answer, self.clock.now().plus(KEEP)).await?;
        Ok(Response::from_parts(head, Body::from(bytes)))
    }
}

fn request_digest(method: &Method, uri: &str, body: &[u8]) -> Digest {
    let hasher = Hasher::domain("wardmote/idempotent-request/v1");
    hasher.part(method.as_str().as_bytes()).part(b" ").part(uri.as_bytes()).part(b"\n").part(body).finish()
}

fn replayed(answer: Answer) -> Response {
    let status = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::OK);
    let mut response = (status, answer.body).into_response();
    let media_type = HeaderValue::from_str(&answer.media_type);
    let fields = response.headers_mut();
    fields.insert(header::CONTENT_TYPE, media_type.unwrap_or(HeaderValue::from_static("application/json")));
    fields.insert("idempotency-replayed", HeaderValue::from_static("true"));
    response
}
