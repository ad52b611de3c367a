//! The pages and files that are the same for everybody.

use std::sync::LazyLock;
use vocabulary::Digest;

pub(super) const HTML: &str = "text/html; charset=utf-8";
const CSS: &str = "text/css; charset=utf-8";
const SVG: &str = "image/svg+xml";
const JSON: &str = "application/json";
const TEXT: &str = "text/plain; charset=utf-8";

const MINUTE: &str = "public, max-age=60";
const HOUR: &str = "public, max-age=3600";
const DAY: &str = "public, max-age=86400";

/// One page or file.
pub(super) struct Page {
    path: &'static str,
    media_type: &'static str,
    cache_control: &'static str,
    body: String,
    etag: String,
}

impl Page {
    fn new(path: &'static str, media_type: &'static str, cache_control: &'static str, body: String) -> Self {
        let hash = Digest::of(body.as_bytes()).to_string();
        Self { path, media_type, cache_control, body, etag: format!("\"{}\"", &hash[..16]) }
    }

    pub(super) fn media_type(&self) -> &'static str {
        self.media_type
    }

    pub(super) fn cache_control(&self) -> &'static str {
        self.cache_control
    }

    pub(super) fn body(&self) -> &str {
        &self.body
    }

    /// A strong validator made from the content.
    pub(super) fn etag(&self) -> &str {
        &self.etag
    }
}

static PAGES: LazyLock<Vec<Page>> = LazyLock::new(|| {
    let html = |path, title, body| Page::new(path, HTML, MINUTE, in_frame(title, path, body));
    let file = |path, media_type, cache_control, body: &str| {
        Page::new(path, media_type, cache_control, body.to_owned())
    };
    vec![
        html("/", "Marlow Lane Library", include_str!("site/home.html")),
        html("/hours", "Opening hours", include_str!("site/hours.html")),
        html("/events", "Events", include_str!("site/events.html")),
        file("/style.css", CSS, DAY, include_str!("site/style.css")),
        file("/lane.svg", SVG, DAY, include_str!("site/lane.svg")),
        file("/icon.svg", SVG, DAY, include_str!("site/icon.svg")),
        file("/robots.txt", TEXT, HOUR, "User-agent: *\nDisallow: /catalogue\n"),
        file("/api/hours.json", JSON, HOUR, include_str!("site/hours.json")),
    ]
});

static NOT_FOUND: LazyLock<Page> = LazyLock::new(|| {
    let body = in_frame("Not on this shelf", "", include_str!("site/missing.html"));
    Page::new("", HTML, "public, max-age=10", body)
});

/// The page at a path.
pub(super) fn find(path: &str) -> Option<&'static Page> {
    PAGES.iter().find(|page| page.path == path)
}

/// The page for every other path.
pub(super) fn not_found() -> &'static Page {
    &NOT_FOUND
}

/// A page's body inside what all pages share; `path` marks where in the menu the visitor is.
pub(super) fn in_frame(title: &str, path: &str, body: &str) -> String {
    let current = format!("<a href=\"{path}\">");
    let marked = format!("<a href=\"{path}\" aria-current=\"page\">");
    include_str!("site/frame.html")
        .replace("{title}", title)
        .replace(&current, &marked)
        .replace("{body}", body)
}
