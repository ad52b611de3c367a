//! From a source to a page that is held.

use super::shelf::Shelf;
use crate::plane::Plane;
use crate::sites_toml::{AccountEntry, Document, PageSource};
use error_pages::{Asset, Assets, BYTES_MAX, CompileError, Compiled, Page, PageClass, compile};
use outbound::{Limits, Unfetched};
use records::{StoreError, WriteOnceError};
use std::collections::{BTreeMap, BTreeSet};
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::timeout;
use url::Url;
use vocabulary::Digest;

/// Most bytes of all the pages of one account: edges hold them in memory.
const ACCOUNT_BYTES_MAX: usize = 8_000_000;
/// Most bytes of one asset.
const ASSET_BYTES_MAX: usize = 1_000_000;
/// Longest wait for one asset.
const ASSET_TIME_MAX: Duration = Duration::from_secs(10);
/// Longest wait for everything a page refers to.
const PRESS_TIME_MAX: Duration = Duration::from_secs(30);
/// Style sheets that name style sheets: how often more may be wanted.
const ROUNDS_MAX: usize = 6;

/// Why a source became no page.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PressRefusal {
    #[error("{0}")]
    Compile(CompileError),
    #[error("{url} cannot be put into the page: {why}")]
    Asset { url: Url, why: Unfetched },
    #[error("{url} cannot be put into the page: it is answered with status {status}")]
    Status { url: Url, status: u16 },
    #[error("what the page refers to did not come within {} s", PRESS_TIME_MAX.as_secs())]
    TooSlow,
    #[error("the page {path} cannot be read: {why}")]
    File { path: PathBuf, why: String },
    #[error("{path}: {why}")]
    InFile { path: PathBuf, why: Box<PressRefusal> },
    #[error("no page sha256:{0} is held here; name its file, or POST it to /api/v1/pages first")]
    Unknown(Digest),
    #[error("the page sha256:{digest} does not suit class {class}: only a challenge has ::CHALLENGE_BOX::")]
    Unfit { digest: Digest, class: PageClass },
    #[error("the pages of account {account:?} take more than {ACCOUNT_BYTES_MAX} bytes")]
    AccountFull { account: String },
    #[error("{0}")]
    Store(StoreError),
}

/// Compiles a page, with everything it refers to, and puts it on the shelf; into the records only with `keep`.
pub(crate) async fn press(
    plane: &Plane,
    source: &str,
    class: PageClass,
    keep: bool,
) -> Result<(Digest, Arc<Page>), PressRefusal> {
    let whole = timeout(PRESS_TIME_MAX, gather(plane, source, class));
    let (digest, page) = plane.shelf.add(whole.await.map_err(|_| PressRefusal::TooSlow)??);
    if keep {
        let put =
            plane.records.put_document(&Shelf::name(&digest), &page.to_bytes(), plane.clock.now()).await;
        put.map_err(|error| match error {
            WriteOnceError::Store(error) => PressRefusal::Store(error),
            _ => PressRefusal::Unknown(digest),
        })?;
    }
    Ok((digest, page))
}

async fn gather(plane: &Plane, source: &str, class: PageClass) -> Result<Page, PressRefusal> {
    let limits = Limits { bytes: ASSET_BYTES_MAX, time: ASSET_TIME_MAX, redirects: true };
    let mut assets = Assets::new();
    for _ in 0..ROUNDS_MAX {
        let wants = match compile(source, class, &assets).map_err(PressRefusal::Compile)? {
            Compiled::Whole(page) => return Ok(page),
            Compiled::Wants(wants) => wants,
        };
        for url in wants {
            let fetched = plane.web.get(&url, &limits).await;
            let fetched = fetched.map_err(|why| PressRefusal::Asset { url: url.clone(), why })?;
            if fetched.status != 200 {
                return Err(PressRefusal::Status { url, status: fetched.status });
            }
            assets.insert(url, Asset { media_type: fetched.media_type, bytes: fetched.bytes });
        }
    }
    Err(PressRefusal::TooSlow)
}

/// Makes every page that a sites file names one that is held.
pub(crate) async fn settle(plane: &Plane, document: &mut Document, keep: bool) -> Result<(), PressRefusal> {
    // One file may serve many sites; it is read once for each kind of page.
    let mut pressed = BTreeMap::new();
    for account in &mut document.accounts {
        for site in &mut account.sites {
            for (class, source) in &mut site.pages.by_class {
                let is_challenge = *class == PageClass::Challenge;
                let digest = match source {
                    PageSource::Held(digest) => held(plane, *digest, *class).await?,
                    PageSource::File(path) => match pressed.get(&(path.clone(), is_challenge)) {
                        Some(digest) => *digest,
                        None => {
                            let digest = press_file(plane, path, *class, keep).await?;
                            pressed.insert((path.clone(), is_challenge), digest);
                            digest
                        }
                    },
                };
                *source = PageSource::Held(digest);
            }
        }
        check_room(plane, account).await?;
    }
    Ok(())
}

async fn held(plane: &Plane, digest: Digest, class: PageClass) -> Result<Digest, PressRefusal> {
    let page = plane.shelf.find(&*plane.records, &digest).await.map_err(PressRefusal::Store)?;
    let page = page.ok_or(PressRefusal::Unknown(digest))?;
    if page.suits(class) { Ok(digest) } else { Err(PressRefusal::Unfit { digest, class }) }
}

async fn press_file(
    plane: &Plane,
    path: &Path,
    class: PageClass,
    keep: bool,
) -> Result<Digest, PressRefusal> {
    let (file, data_dir) = (path.to_owned(), plane.founded.files.clone());
    let read = tokio::task::spawn_blocking(move || {
        let mut text = String::new();
        if file.exists() {
            data_dir.check_foreign(&file)?;
        }
        let file = std::fs::File::open(file).map_err(|error| error.to_string())?;
        file.take(BYTES_MAX as u64 + 1).read_to_string(&mut text).map_err(|error| error.to_string())?;
        Ok::<_, String>(text)
    });
    let text = read.await.map_err(|error| error.to_string()).flatten();
    let text = text.map_err(|why| PressRefusal::File { path: path.to_owned(), why })?;
    let pressed = press(plane, &text, class, keep).await;
    let (digest, _) =
        pressed.map_err(|why| PressRefusal::InFile { path: path.to_owned(), why: Box::new(why) })?;
    Ok(digest)
}

/// Refuses an account whose pages, each counted once, take more than its share.
async fn check_room(plane: &Plane, account: &AccountEntry) -> Result<(), PressRefusal> {
    let named: BTreeSet<Digest> =
        account.sites.iter().flat_map(|site| site.pages.held().by_class.into_values()).collect();
    let mut bytes = 0;
    for digest in &named {
        let page = plane.shelf.find(&*plane.records, digest).await.map_err(PressRefusal::Store)?;
        bytes += page.map_or(0, |page| page.len());
    }
    if bytes > ACCOUNT_BYTES_MAX {
        return Err(PressRefusal::AccountFull { account: account.name.clone() });
    }
    Ok(())
}
