//! `wardmote prewarm`: pages into the cache before visitors ask for them, with a bar that shows how far it is.

use super::{block_on, control_plane};
use crate::client::Client;
use crate::command_line::Prewarm;
use crate::exit::{Exit, Failure};
use crate::output::{self, plain};
use bytes::Bytes;
use serde_json::{Value, json};
use std::io::{IsTerminal as _, Write as _};
use std::path::Path;

/// Pages of one request: few enough that a slow origin does not hold it up for long.
const BATCH: usize = 16;
/// Failures shown; more are counted.
const FAILURES_SHOWN: usize = 20;
/// Longest list read, in bytes.
const LIST_BYTES_MAX: u64 = 64 << 20;
const BAR_WIDTH: usize = 30;

pub(crate) fn run(arguments: &Prewarm, json: bool) -> Result<Exit, Failure> {
    let client = control_plane(&arguments.local)?;
    let listed = arguments.urls.as_deref().map(read).transpose()?;
    let tally = block_on(async {
        let (urls, foreign) = match (listed, &arguments.sitemap) {
            (Some(urls), _) => (urls, 0),
            (None, Some(url)) => sitemap(&client, &arguments.site, url).await?,
            (None, None) => return Err(Failure::bad_use("name --urls or --sitemap")),
        };
        let mut tally = Tally { total: urls.len(), foreign, ..Tally::default() };
        warm(&client, &arguments.site, &urls, &mut tally).await?;
        Ok(tally)
    })?;
    if json {
        output::json(&tally.document());
    } else {
        print!("{}", tally.text());
    }
    Ok(if tally.failed == 0 { Exit::Done } else { Exit::Failed })
}

/// What became of the pages so far.
#[derive(Default)]
struct Tally {
    total: usize,
    done: usize,
    stored: usize,
    /// Answered as visitors would be, and not for sharing.
    not_stored: usize,
    failed: usize,
    bytes: u64,
    /// Of a sitemap: addresses of other hosts.
    foreign: usize,
    failures: Vec<Value>,
}

impl Tally {
    fn count(&mut self, page: &Value) {
        let number = |name: &str| page.get(name).and_then(Value::as_u64).unwrap_or_default();
        let status = number("status");
        self.done += 1;
        self.bytes += number("bytes");
        let failed = page.get("error").is_some_and(Value::is_string) || status == 0 || status >= 400;
        if failed {
            self.failed += 1;
            if self.failures.len() < FAILURES_SHOWN {
                self.failures.push(page.clone());
            }
        } else if page.get("stored").and_then(Value::as_bool) == Some(true) {
            self.stored += 1;
        } else {
            self.not_stored += 1;
        }
    }

    fn bar(&self) -> String {
        let filled = (self.done * BAR_WIDTH).checked_div(self.total).unwrap_or(BAR_WIDTH);
        let (filled, left) = ("#".repeat(filled), "-".repeat(BAR_WIDTH - filled));
        format!(
            "[{filled}{left}] {}/{}  {} stored, {} failed",
            self.done, self.total, self.stored, self.failed
        )
    }

    fn text(&self) -> String {
        let mut text = format!(
            "{} pages: {} stored, {} not for storing, {} failed; {} bytes\n",
            self.total, self.stored, self.not_stored, self.failed, self.bytes
        );
        if self.foreign > 0 {
            text.push_str(&format!("{} addresses of other hosts were left out\n", self.foreign));
        }
        for page in &self.failures {
            let words = |name: &str| page.get(name).and_then(Value::as_str).map(plain).unwrap_or_default();
            let status = page.get("status").and_then(Value::as_u64).unwrap_or_default();
            text.push_str(&format!(" !!  {}  {status}  {}\n", words("url"), words("error")));
        }
        text
    }

    fn document(&self) -> Value {
        json!({
            "total": self.total, "stored": self.stored, "not_stored": self.not_stored, "failed": self.failed,
            "bytes": self.bytes, "foreign": self.foreign, "failures": self.failures,
        })
    }
}

async fn warm(client: &Client, site: &str, urls: &[String], tally: &mut Tally) -> Result<(), Failure> {
    let shows = std::io::stderr().is_terminal();
    for batch in urls.chunks(BATCH) {
        let answer = post(client, "/api/v1/prewarm", &json!({ "site": site, "urls": batch })).await?;
        let results = answer.get("results").and_then(Value::as_array).cloned().unwrap_or_default();
        results.iter().for_each(|page| tally.count(page));
        if shows {
            // A terminal that cannot be written to misses the bar, not the pages.
            let _ = write!(std::io::stderr(), "\r{}", tally.bar());
        }
    }
    if shows {
        let _ = writeln!(std::io::stderr());
    }
    Ok(())
}

async fn sitemap(client: &Client, site: &str, url: &str) -> Result<(Vec<String>, usize), Failure> {
    let answer = post(client, "/api/v1/prewarm/sitemap", &json!({ "site": site, "url": url })).await?;
    let urls = answer.get("urls").and_then(Value::as_array).cloned().unwrap_or_default();
    let urls: Vec<String> = urls.iter().filter_map(|url| url.as_str().map(str::to_owned)).collect();
    let foreign = answer.get("foreign").and_then(Value::as_u64).unwrap_or_default();
    Ok((urls, usize::try_from(foreign).unwrap_or(usize::MAX)))
}

async fn post(client: &Client, path: &str, body: &Value) -> Result<Value, Failure> {
    let body = Bytes::from(body.to_string());
    client.post(path, "application/json", body).await?.accepted()?.json()
}

fn read(path: &Path) -> Result<Vec<String>, Failure> {
    let told = |error: std::io::Error| Failure::bad_use(format!("cannot read {}: {error}", path.display()));
    let length = std::fs::metadata(path).map_err(told)?.len();
    if length > LIST_BYTES_MAX {
        return Err(Failure::bad_use(format!("{} is over 64 MiB; split it", path.display())));
    }
    Ok(lines(&std::fs::read_to_string(path).map_err(told)?))
}

fn lines(text: &str) -> Vec<String> {
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines.map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_may_have_empty_lines_and_remarks() {
        assert_eq!(
            lines("# all\n\nhttp://a.test/1\r\n  http://a.test/2 \n"),
            ["http://a.test/1", "http://a.test/2"]
        );
    }

    #[test]
    fn pages_are_counted_by_what_became_of_them_and_the_bar_follows() {
        let mut tally = Tally { total: 4, ..Tally::default() };
        for page in [
            json!({"url": "u", "status": 200, "stored": true, "bytes": 5}),
            json!({"url": "u", "status": 200, "stored": false, "bytes": 5}),
            json!({"url": "gone", "status": 404, "stored": true, "bytes": 1}),
        ] {
            tally.count(&page);
        }
        assert_eq!((tally.stored, tally.not_stored, tally.failed, tally.bytes), (1, 1, 1, 11));
        assert_eq!(tally.bar(), "[######################--------] 3/4  1 stored, 1 failed");
        assert_eq!(
            tally.text(),
            "4 pages: 1 stored, 1 not for storing, 1 failed; 11 bytes\n !!  gone  404  \n"
        );
        assert_eq!(Tally::default().bar(), format!("[{}] 0/0  0 stored, 0 failed", "#".repeat(BAR_WIDTH)));
    }
}
