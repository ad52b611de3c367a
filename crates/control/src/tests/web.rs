//! A public web of one shop, for what pages refer to.

use async_trait::async_trait;
use outbound::{Fetched, Limits, Unfetched, Web};
use std::collections::BTreeMap;
use std::sync::Mutex;
use url::Url;

pub(super) struct Shop;

#[async_trait]
impl Web for Shop {
    async fn get(&self, url: &Url, limits: &Limits) -> Result<Fetched, Unfetched> {
        let (status, media_type, bytes) = match url.as_str() {
            "https://shop.example/logo.png" => (200, "image/png", b"PNG".to_vec()),
            "https://shop.example/page.css" => (200, "text/css", b"p { background: url(logo.png) }".to_vec()),
            "https://shop.example/gone.png" => (404, "text/html", Vec::new()),
            "https://shop.example/large.png" => return Err(Unfetched::TooLarge(limits.bytes)),
            _ => {
                let host = url.host_str().unwrap_or_default().to_owned();
                return Err(Unfetched::Private(host, [10, 0, 0, 1].into()));
            }
        };
        Ok(Fetched { status, media_type: media_type.to_owned(), bytes })
    }
}

/// Files that a test puts up, by their address; every other address is one where nothing answers.
#[derive(Default)]
pub(super) struct Files(Mutex<BTreeMap<String, String>>);

impl Files {
    pub(super) fn put(&self, address: &str, content: &str) {
        self.0.lock().expect("lock").insert(address.to_owned(), content.to_owned());
    }
}

#[async_trait]
impl Web for Files {
    async fn get(&self, url: &Url, _: &Limits) -> Result<Fetched, Unfetched> {
        let files = self.0.lock().expect("lock");
        let content = files.get(url.as_str()).ok_or_else(|| Unfetched::Wire("nobody answers".to_owned()))?;
        let bytes = content.as_bytes().to_vec();
        Ok(Fetched { status: 200, media_type: "text/plain".to_owned(), bytes })
    }
}
