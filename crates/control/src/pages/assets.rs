//! The console's assets, embedded, each served under a name that contains the hash of its content.

use std::sync::LazyLock;
use vocabulary::Digest;

/// The `Cache-Control` to send with an asset: a name never gets another content.
pub const CACHE_CONTROL: &str = "public, max-age=31536000, immutable";

/// One embedded file.
#[derive(Debug)]
pub struct Asset {
    name: String,
    media_type: &'static str,
    content: &'static str,
}

impl Asset {
    fn new(stem: &str, extension: &str, media_type: &'static str, content: &'static str) -> Self {
        let hash = Digest::of(content.as_bytes()).to_string();
        let name = format!("{stem}-{}.{extension}", hash.get(..16).unwrap_or_default());
        Self { name, media_type, content }
    }

    /// The path it is served under.
    pub fn path(&self) -> String {
        format!("/assets/{}", self.name)
    }

    /// Its `Content-Type`.
    pub fn media_type(&self) -> &'static str {
        self.media_type
    }

    /// Its bytes.
    pub fn content(&self) -> &'static str {
        self.content
    }
}

const CSS: &str = "text/css; charset=utf-8";
const JS: &str = "text/javascript; charset=utf-8";

pub(super) static STYLE: LazyLock<Asset> = LazyLock::new(|| {
    let content = concat!(
        include_str!("../../assets/base.css"),
        include_str!("../../assets/console.css"),
        include_str!("../../assets/vendor/uPlot.min.css")
    );
    Asset::new("console", "css", CSS, content)
});
pub(super) static CONSOLE: LazyLock<Asset> =
    LazyLock::new(|| Asset::new("console", "js", JS, include_str!("../../assets/console.js")));
pub(super) static SETUP: LazyLock<Asset> =
    LazyLock::new(|| Asset::new("setup", "js", JS, include_str!("../../assets/setup.js")));
pub(super) static PLOT: LazyLock<Asset> =
    LazyLock::new(|| Asset::new("uplot", "js", JS, include_str!("../../assets/vendor/uPlot.iife.min.js")));
pub(super) static ICON: LazyLock<Asset> =
    LazyLock::new(|| Asset::new("icon", "svg", "image/svg+xml", include_str!("../../assets/icon.svg")));

/// The asset of this name, the last segment of its path.
pub fn find(name: &str) -> Option<&'static Asset> {
    [&STYLE, &CONSOLE, &SETUP, &PLOT, &ICON]
        .into_iter()
        .map(|asset| &**asset)
        .find(|asset| asset.name == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_asset_is_found_under_its_hashed_name_only() {
        let name = STYLE.path().replace("/assets/", "");
        assert!(
            find(&name).is_some_and(|asset| asset.media_type() == CSS && asset.content().contains("--ink"))
        );
        for other in ["console.css", "", "../base.css", "console-0000000000000000.css"] {
            assert!(find(other).is_none(), "{other}");
        }
    }

    #[test]
    fn assets_fetch_nothing_from_elsewhere() {
        for asset in [&STYLE, &CONSOLE, &SETUP, &PLOT, &ICON] {
            let text = asset.content().replace("http://www.w3.org/2000/svg", "");
            for forbidden in ["http://", "@import", "url(//", "sourceMappingURL", "eval(", "new Function"] {
                assert!(!text.contains(forbidden), "{} has {forbidden}", asset.name);
            }
        }
    }
}
