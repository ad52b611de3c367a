//! `wardmote record export DIR`: the public record as files that any web server can serve.
//!
//! Owns the order in which files are fetched and written, so that a copy that was cut off is an older whole
//! one: what never changes first, the log's checkpoint last. Judges nothing: `log verify` and `verify` do,
//! over the copy as over the original.

use super::block_on;
use crate::client::{self, Answer, Running};
use crate::command_line::{Record, RecordExport, RecordVerb};
use crate::exit::{Exit, Failure};
use crate::log_source::LogSource;
use crate::output;
use http::StatusCode;
use ledger::checkpoint::Checkpoint;
use ledger::tiles::{Tile, TileKind};
use ledger::{Entry, Kind};
use serde_json::json;
use snapshot::TransparencyReport;
use std::collections::BTreeSet;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use vocabulary::DecisionId;

/// Most pages with lists of decisions; each holds fifty.
const LISTS_MAX: usize = 100_000;

/// The file at the top of a copy: whoever opens its address is led to the record.
const TOP: &str = "<!doctype html>\n<html lang=\"en\"><meta charset=\"utf-8\"><title>Public record</title>\n\
    <meta http-equiv=\"refresh\" content=\"0; url=/record/\"><p><a href=\"/record/\">To the public record</a></p></html>\n";

pub(crate) fn run(arguments: &Record, json: bool) -> Result<Exit, Failure> {
    let RecordVerb::Export(arguments) = &arguments.verb;
    let copied = block_on(export(arguments))?;
    let folder = arguments.folder.display();
    if json {
        output::json(&json!({
            "folder": folder.to_string(),
            "decisions": copied.decisions,
            "entries": copied.entries,
            "files": copied.files,
            "bytes": copied.bytes,
        }));
    } else {
        println!(
            "{folder}: {} decisions and a log of {} entries; {} files written, {} bytes",
            copied.decisions, copied.entries, copied.files, copied.bytes
        );
        println!("check it: wardmote log verify {folder} --policy tlog-policy --roster roster.json");
    }
    Ok(Exit::Done)
}

/// What a copy holds, and what was written this time.
#[derive(Debug, Default)]
struct Copied {
    decisions: usize,
    entries: u64,
    files: u64,
    bytes: u64,
}

async fn export(arguments: &RecordExport) -> Result<Copied, Failure> {
    let server = match &arguments.from {
        Some(address) => address.trim_end_matches('/').to_owned(),
        None => {
            let local = &arguments.local;
            let config = super::configuration(local.config.as_deref(), local.data_dir.as_deref())?;
            format!("http://{}", Running::read(&config.data_dir)?.public)
        }
    };
    let mut copy = Copy { server, folder: arguments.folder.clone(), copied: Copied::default() };
    // Asked for before the checkpoint, which then covers all that it counts, and written after it.
    let report = copy.report().await?;
    copy.log().await?;
    copy.write("record/transparency.json", &report.to_json())?;
    copy.write("record/transparency.csv", report.to_csv().as_bytes())?;
    copy.pages().await?;
    Ok(copy.copied)
}

/// A copy under way.
struct Copy {
    /// Without a slash at its end.
    server: String,
    folder: PathBuf,
    copied: Copied,
}

impl Copy {
    /// What the log adds up to.
    async fn report(&self) -> Result<TransparencyReport, Failure> {
        let answer = self.get("record/transparency.json").await?.accepted()?;
        let report = TransparencyReport::parse(&answer.body);
        report.ok_or_else(|| Failure::failed("the server's transparency report is not in canonical form"))
    }

    /// Tiles, the documents they name, and then the checkpoint over them.
    async fn log(&mut self) -> Result<(), Failure> {
        let source = LogSource::Address(format!("{}/record/log", self.server));
        let note = source.checkpoint().await?;
        let head = Checkpoint::parse(note.text()).map_err(Failure::failed)?;
        for tile in Tile::new_at(0, head.size) {
            let path = format!("record/log/{tile}");
            // A tile of one width never changes.
            if !self.folder.join(&path).is_file() {
                self.write(&path, &source.tile(tile).await?)?;
            }
        }
        self.documents(&source, head.size).await?;
        self.copied.entries = head.size;
        self.write("record/log/checkpoint", note.to_string().as_bytes())
    }

    /// Policies and rosters, by the digests that the log names.
    async fn documents(&mut self, source: &LogSource, size: u64) -> Result<(), Failure> {
        let keys = self.get("record/tlog-policy").await?.accepted()?;
        self.write("record/tlog-policy", &keys.body)?;
        for bundle in Tile::new_at(0, size).into_iter().filter(|tile| tile.kind == TileKind::Entries) {
            let bytes = source.tile(bundle).await?;
            let leaves = ledger::tiles::split_bundle(&bytes);
            let leaves = leaves.ok_or_else(|| Failure::failed(format!("{bundle} does not add up")))?;
            for entry in leaves.into_iter().filter_map(|leaf| Entry::parse(leaf).ok()) {
                let sha256 = entry.body.public.get("sha256").and_then(|value| value.as_str());
                let Some(sha256) = sha256.and_then(|text| text.parse::<vocabulary::Digest>().ok()) else {
                    continue;
                };
                let path = match entry.body.kind {
                    Kind::PolicyPublished => format!("record/policy/{sha256}"),
                    Kind::RosterChanged => format!("record/roster/{sha256}.json"),
                    _ => continue,
                };
                if self.fetch(&path, &path).await?.is_none() {
                    eprintln!("wardmote: {path} is named by the log and not served");
                }
            }
        }
        Ok(())
    }

    /// The pages in each language, the files of each decision, and the feed.
    async fn pages(&mut self) -> Result<(), Failure> {
        let (front, decisions) = self.edition("record").await?;
        for decision in &decisions {
            self.files(*decision).await?;
        }
        self.copied.decisions = decisions.len();
        let languages: BTreeSet<_> = after(&front, "hreflang=\"").filter(|code| is_language(code)).collect();
        for language in languages {
            self.edition(&format!("record/{language}")).await?;
        }
        let feed = self.get("record/feed.atom").await?.accepted()?;
        self.write("record/feed.atom", &feed.body)?;
        self.write("index.html", TOP.as_bytes())
    }

    /// All pages below a place: lists, statements, the search, the policy's versions, and what the log adds up to. Tells the front page and the
    /// decisions that it leads to.
    async fn edition(&mut self, at: &str) -> Result<(String, BTreeSet<DecisionId>), Failure> {
        let front = self.page(&format!("{at}/"), &format!("{at}/index.html")).await?;
        let (of_decisions, of_lists) = (format!("\"/{at}/decisions/"), format!("\"/{at}/older/"));
        let (mut page, mut decisions, mut count) = (front.clone(), BTreeSet::new(), 0);
        loop {
            decisions.extend(after(&page, &of_decisions).filter_map(|id| id.parse::<DecisionId>().ok()));
            count += 1;
            let older = after(&page, &of_lists).find(|cursor| is_cursor(cursor));
            let Some(list) = older.filter(|_| count < LISTS_MAX).map(|cursor| format!("{at}/older/{cursor}"))
            else {
                break;
            };
            page = self.page(&list, &format!("{list}/index.html")).await?;
        }
        let statements = decisions.iter().map(|decision| format!("decisions/{decision}"));
        for name in ["search", "transparency"].map(str::to_owned).into_iter().chain(statements) {
            self.page(&format!("{at}/{name}"), &format!("{at}/{name}/index.html")).await?;
        }
        self.policies(at).await?;
        Ok((front, decisions))
    }

    /// The versions of the policy with what each changed.
    async fn policies(&mut self, at: &str) -> Result<(), Failure> {
        let list = self.page(&format!("{at}/policies"), &format!("{at}/policies/index.html")).await?;
        let mark = format!("\"/{at}/policies/");
        let versions: BTreeSet<u32> = after(&list, &mark).filter_map(|number| number.parse().ok()).collect();
        for version in versions {
            let place = format!("{at}/policies/{version}");
            self.page(&place, &format!("{place}/index.html")).await?;
        }
        Ok(())
    }

    /// What a decision is checked by.
    async fn files(&mut self, decision: DecisionId) -> Result<(), Failure> {
        let path = format!("record/decisions/{decision}");
        for form in ["json", "tlog-proof", "dsa.json"] {
            // A proof may still be on its way, and what restricts nothing has no statement of reasons.
            let file = format!("{path}.{form}");
            let found = self.fetch(&file, &file).await?;
            if found.is_none() && form != "dsa.json" {
                eprintln!("wardmote: {file} is not there yet");
            }
        }
        Ok(())
    }

    /// A page: what it can ask of its server, a copy asks of the original.
    async fn page(&mut self, path: &str, file: &str) -> Result<String, Failure> {
        let answer = self.get(path).await?.accepted()?;
        let page = String::from_utf8_lossy(&answer.body).into_owned();
        let asks = format!("action=\"{}/record/", self.server);
        self.write(file, page.replace("action=\"/record/", &asks).as_bytes())?;
        Ok(page)
    }

    /// Copies a file as it is; none where there is none.
    async fn fetch(&mut self, path: &str, file: &str) -> Result<Option<()>, Failure> {
        let answer = self.get(path).await?;
        if answer.status == StatusCode::NOT_FOUND {
            return Ok(None);
        }
        self.write(file, &answer.accepted()?.body).map(Some)
    }

    async fn get(&self, path: &str) -> Result<Answer, Failure> {
        client::fetch(&format!("{}/{path}", self.server)).await
    }

    /// Writes a file whole or not at all.
    fn write(&mut self, path: &str, bytes: &[u8]) -> Result<(), Failure> {
        let place = self.folder.join(path);
        let kept = write_whole(&place, bytes);
        kept.map_err(|error| Failure::failed(format!("cannot write {}: {error}", place.display())))?;
        self.copied.files += 1;
        self.copied.bytes += bytes.len() as u64;
        Ok(())
    }
}

fn write_whole(place: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let folder = place.parent().unwrap_or(Path::new("."));
    std::fs::create_dir_all(folder)?;
    let draft = folder.join(".being-written");
    let mut file = std::fs::File::create(&draft)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    std::fs::rename(&draft, place)
}

/// What stands in a page between each mark and the next quotation mark.
fn after<'a>(page: &'a str, mark: &'a str) -> impl Iterator<Item = &'a str> {
    page.split(mark).skip(1).filter_map(|rest| rest.split('"').next())
}

/// What the record writes as the place in a list: it becomes a folder's name.
fn is_cursor(text: &str) -> bool {
    (1..=16).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
}

/// The two letters of a language: they become a folder's name.
fn is_language(text: &str) -> bool {
    text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_the_record_writes_becomes_a_folder() {
        let page = r#"<a href="/record/older/c3f">x</a><a href="/record/older/../../etc">y</a>"#;
        let found: Vec<_> = after(page, "\"/record/older/").collect();
        assert_eq!(found, ["c3f", "../../etc"]);
        for (text, is) in [("c3f", true), ("../../etc", false), ("", false), ("c3f/x", false), ("C3F", false)]
        {
            assert_eq!(is_cursor(text), is, "{text:?}");
        }
        for (text, is) in [("de", true), ("..", false), ("d", false), ("DE", false), ("de/", false)] {
            assert_eq!(is_language(text), is, "{text:?}");
        }
    }
}
