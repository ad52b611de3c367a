//! Server-sent events for the console.

use super::Api;
use crate::live::LiveEvent;
use crate::rim::{Problem, Reason};
use axum::extract::State;
use axum::response::Sse;
use axum::response::sse::{Event, KeepAlive};
use std::convert::Infallible;
use std::time::Duration;
use tokio_stream::wrappers::BroadcastStream;
use tokio_stream::{Stream, StreamExt as _};

/// Streams `history` once, then `figures` each second and `changed` after each change.
#[utoipa::path(get, path = "/api/v1/events/live", tag = "system",
    responses((status = 200, description = "Events `history`, `figures`, `changed`", body = String, content_type = "text/event-stream"),
        (status = 503, description = "Too many watch already")))]
pub(crate) async fn live(
    State(api): State<Api>,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>>>, Problem> {
    let (events, permit) = api.plane.live.watch().ok_or_else(|| {
        Problem::new(Reason::RecordsBusy).detail("too many consoles watch at once; close one")
    })?;
    let history = event("history", &api.plane.live.history());
    let news = BroadcastStream::new(events)
        .take_while(|event| !matches!(event, Ok(LiveEvent::End)))
        .filter_map(move |news| {
            // The permit lives as long as the stream.
            let _held = &permit;
            match news {
                Ok(LiveEvent::Figures(figures)) => Some(event("figures", &figures)),
                Ok(LiveEvent::Changed) => Some(event("changed", &())),
                // A console that lagged behind misses some seconds.
                Ok(LiveEvent::Sites(_) | LiveEvent::Purged | LiveEvent::End) | Err(_) => None,
            }
        });
    let stream = tokio_stream::once(history).chain(news).map(Ok);
    Ok(Sse::new(stream).keep_alive(KeepAlive::new().interval(Duration::from_secs(15))))
}

pub(super) fn event(name: &str, content: &impl serde::Serialize) -> Event {
    // Figures have a JSON form; were one ever lacking, the console would just miss it.
    Event::default().event(name).json_data(content).unwrap_or_default()
}
