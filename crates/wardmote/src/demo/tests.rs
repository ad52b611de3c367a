//! The site as a visitor's program sees it.

use super::*;
use http::{Method, Request, StatusCode};
use http_body_util::BodyExt as _;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

/// Status, header fields and body of the answer to one request.
async fn ask(method: Method, path: &str, known: Option<&str>) -> (StatusCode, http::HeaderMap, String) {
    let mut request = Request::builder().method(method).uri(path);
    if let Some(known) = known {
        request = request.header("if-none-match", known);
    }
    let request = request.body(()).expect("the test writes a valid request");
    let (head, body) = answer::answer(&request).into_parts();
    let body = body.collect().await.expect("a full body cannot fail").to_bytes();
    (head.status, head.headers, String::from_utf8_lossy(&body).into_owned())
}

#[tokio::test]
async fn every_page_says_how_long_it_may_be_kept_and_has_a_validator() {
    for (path, media_type, lifetime) in [
        ("/", "text/html", "max-age=60"),
        ("/hours", "text/html", "max-age=60"),
        ("/events", "text/html", "max-age=60"),
        ("/style.css", "text/css", "max-age=86400"),
        ("/lane.svg", "image/svg+xml", "max-age=86400"),
        ("/icon.svg", "image/svg+xml", "max-age=86400"),
        ("/robots.txt", "text/plain", "max-age=3600"),
        ("/api/hours.json", "application/json", "max-age=3600"),
    ] {
        let (status, fields, body) = ask(Method::GET, path, None).await;
        assert_eq!(status, StatusCode::OK, "{path}");
        assert!(fields["content-type"].to_str().is_ok_and(|text| text.starts_with(media_type)), "{path}");
        assert!(fields["cache-control"].to_str().is_ok_and(|text| text.contains(lifetime)), "{path}");
        assert!(!body.is_empty() && body.len() < 32_000, "{path}");
        let etag = fields["etag"].to_str().expect("an ETag is ASCII").to_owned();
        for known in [etag.clone(), format!("\"other\", W/{etag}"), "*".to_owned()] {
            let (status, fields, body) = ask(Method::GET, path, Some(&known)).await;
            assert_eq!((status, body.len()), (StatusCode::NOT_MODIFIED, 0), "{path} {known}");
            assert_eq!(fields["etag"], etag.as_str());
        }
        assert_eq!(ask(Method::GET, path, Some("\"other\"")).await.0, StatusCode::OK, "{path}");
    }
}

#[tokio::test]
async fn the_menu_and_every_link_lead_somewhere_and_nothing_comes_from_elsewhere() {
    for path in ["/", "/hours", "/events", "/catalogue", "/no-such-page"] {
        let (_, _, page) = ask(Method::GET, path, None).await;
        assert_eq!(page.matches("<h1>").count(), 1, "{path}");
        assert!(page.contains("<html lang=\"en\">") && !page.contains("{body}"), "{path}");
        for mark in ["href=\"", "src=\"", "action=\""] {
            for (at, _) in page.match_indices(mark) {
                let link = page[at + mark.len()..].split('"').next().unwrap_or_default();
                let target = link.split(['?', '#']).next().unwrap_or_default();
                let (status, _, _) = ask(Method::GET, target, None).await;
                assert_eq!(status, StatusCode::OK, "{path} leads to {link}");
            }
        }
        assert!(!page.contains("<script") && !page.contains("style=\""), "{path}");
    }
}

#[tokio::test]
async fn the_catalogue_is_made_anew_for_each_visitor_and_never_kept() {
    let (status, fields, first) = ask(Method::GET, "/catalogue?q=FOG", None).await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(fields["cache-control"], "private, no-store");
    assert!(fields.get("etag").is_none());
    assert!(first.contains("Fog, and How to Walk in It") && first.contains("One book found"));
    let (_, _, second) = ask(Method::GET, "/catalogue?q=FOG", None).await;
    assert_ne!(first, second);
}

#[tokio::test]
async fn a_search_never_becomes_markup() {
    let (_, _, page) = ask(Method::GET, "/catalogue?q=%22%3E%3Cscript%3E%7Btable%7D%zz%", None).await;
    assert!(page.contains("value=\"&#34;&gt;&lt;script&gt;&#123;table}\""), "{page}");
    assert!(page.contains("Nothing found"));
}

#[tokio::test]
async fn other_paths_and_methods_are_refused() {
    let (status, fields, page) = ask(Method::GET, "/no-such-page", None).await;
    assert_eq!(status, StatusCode::NOT_FOUND);
    assert!(page.contains("shelf") && fields["cache-control"] == "public, max-age=10");
    let (status, fields, _) = ask(Method::POST, "/catalogue", None).await;
    assert_eq!(status, StatusCode::METHOD_NOT_ALLOWED);
    assert_eq!(fields["allow"], "GET, HEAD");
}

#[tokio::test]
async fn the_hours_for_programs_are_json() {
    let (_, _, body) = ask(Method::GET, "/api/hours.json", None).await;
    let hours: serde_json::Value = serde_json::from_str(&body).expect("the file is JSON");
    assert_eq!(hours["days"].as_array().map(Vec::len), Some(7));
}

#[tokio::test]
async fn it_serves_on_a_socket_until_it_is_told_to_stop() -> std::io::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    let shutdown = CancellationToken::new();
    let server = tokio::spawn(serve(listener, shutdown.clone()));
    let mut stream = TcpStream::connect(address).await?;
    stream.write_all(b"HEAD /hours HTTP/1.1\r\nHost: library.test\r\n\r\n").await?;
    let mut answer = vec![0; 4_096];
    let length = stream.read(&mut answer).await?;
    let answer = String::from_utf8_lossy(&answer[..length]).into_owned();
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n") && answer.ends_with("\r\n\r\n"), "{answer}");
    shutdown.cancel();
    tokio::time::timeout(Duration::from_secs(5), server).await?.map_err(std::io::Error::other)?;
    assert!(TcpStream::connect(address).await.is_err());
    Ok(())
}
