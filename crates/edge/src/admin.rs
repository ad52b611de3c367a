//! `/metrics`, `/healthz` and `/readyz` of an edge that has no control plane beside it.

use crate::authority::Scheme;
use crate::crew::ACCEPT_REST;
use crate::http1::connection::{self, Service};
use crate::http1::scratch::ScratchPool;
use crate::insight::Insight;
use crate::ports::{Answer, Content, Fields, Head, OwnFields};
use crate::ray::Rays;
use crate::reasons::Reason;
use crate::request::{Length, Request};
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// Connections to the admin listener.
pub(crate) const ADMIN_CONNECTIONS_MAX: usize = 64;

/// Answers an operator's questions.
pub(crate) struct Admin {
    pub(crate) insight: Insight,
    pub(crate) rays: Rays,
    pub(crate) winding_down: AtomicBool,
}

impl Service for Admin {
    async fn serve<C: Content, A: Answer>(&self, request: &Request, _: &mut C, answer: &mut A) {
        let (status, text) = self.answer_to(&request.method, request.target.path());
        // An operator that has left needs no answer.
        let _ = self.send(status, text, request.method == Method::HEAD, answer).await;
    }

    async fn refuse<A: Answer>(&self, reason: Reason, answer: &mut A) {
        let status = StatusCode::from_u16(reason.status()).unwrap_or(StatusCode::BAD_REQUEST);
        let _ = self.send(status, format!("{}\n", reason.name()), false, answer).await;
    }

    fn winding_down(&self) -> &AtomicBool {
        // An operator's connections end with the edge, whenever that is.
        &self.winding_down
    }
}

impl Admin {
    fn answer_to(&self, method: &Method, path: &str) -> (StatusCode, String) {
        if *method != Method::GET && *method != Method::HEAD {
            return (StatusCode::METHOD_NOT_ALLOWED, "only GET is answered here\n".to_owned());
        }
        match path {
            "/metrics" => (StatusCode::OK, self.insight.figures().prometheus()),
            "/healthz" => (StatusCode::OK, "alive\n".to_owned()),
            "/readyz" if self.insight.is_ready() => (StatusCode::OK, "ready\n".to_owned()),
            "/readyz" => (
                StatusCode::SERVICE_UNAVAILABLE,
                "no parcel was applied yet: the feed is silent\n".to_owned(),
            ),
            _ => (StatusCode::NOT_FOUND, "/metrics, /healthz and /readyz are answered here\n".to_owned()),
        }
    }

    async fn send<A: Answer>(
        &self,
        status: StatusCode,
        text: String,
        is_head: bool,
        answer: &mut A,
    ) -> Result<(), Reason> {
        let mut fields = HeaderMap::new();
        fields.insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8"),
        );
        let own = OwnFields { ray: self.rays.next(), cache: None, age: None, hsts: None };
        let length = Length::Known(text.len() as u64);
        answer.head(Head { status, fields: Fields::Map(&fields), length, own, close: false }).await?;
        if !is_head {
            answer.data(Bytes::from(text)).await?;
        }
        answer.finish(None).await
    }
}

/// Serves operators until the edge stops.
pub(crate) async fn serve_admin(
    socket: std::net::TcpListener,
    admin: Arc<Admin>,
    stopping: CancellationToken,
) {
    let Ok(listener) = tokio::net::TcpListener::from_std(socket) else { return };
    let (scratch, connections) = (Arc::<ScratchPool>::default(), TaskTracker::new());
    loop {
        let accepted = tokio::select! {
            () = stopping.cancelled() => break,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, _)) if connections.len() < ADMIN_CONNECTIONS_MAX => {
                let (admin, scratch) = (Arc::clone(&admin), Arc::clone(&scratch));
                connections.spawn(async move {
                    connection::serve(stream, Scheme::Http, &*admin, &scratch).await;
                });
            }
            Ok(_) => {}
            Err(_) => tokio::time::sleep(ACCEPT_REST).await,
        }
    }
}
