//! What must hold of every page, whatever stands in it.

use super::languages::Lang;
use super::samples as sample;
use super::*;
use std::path::Path;

fn pages_of_the_record() -> Vec<(&'static str, String)> {
    let subscribing = sample::subscribing().into_iter().map(|one| ("record-subscribe", one.page()));
    let mut pages: Vec<_> = subscribing.collect();
    pages.extend([
        ("record-front", sample::front().page()),
        ("record-front-new", sample::front_of_a_new_record().page()),
        ("record-statement", sample::statement().page()),
        ("record-statement-over", sample::statement_of_a_lapsed_decision().page()),
        ("record-missing", sample::missing().page()),
        ("record-transparency", sample::transparency().page()),
        ("record-search", sample::search().page()),
    ]);
    pages
}

/// The record's pages in the other languages, each with its language.
fn translated_pages_of_the_record() -> Vec<(Lang, String)> {
    let mut pages = Vec::new();
    for lang in Lang::ALL.into_iter().filter(|lang| *lang != Lang::English) {
        let (mut front, mut statement) = (sample::front(), sample::statement());
        let (mut missing, mut transparency, mut search) =
            (sample::missing(), sample::transparency(), sample::search());
        let frames = [
            &mut front.frame,
            &mut statement.frame,
            &mut missing.frame,
            &mut transparency.frame,
            &mut search.frame,
        ];
        for frame in frames {
            frame.edition = record::Edition { lang, chosen: true, page: String::new() };
        }
        let all = [front.page(), statement.page(), missing.page(), transparency.page(), search.page()];
        pages.extend(all.map(|page| (lang, page)));
        for mut one in sample::subscribing() {
            one.frame.edition = record::Edition { lang, chosen: true, page: "subscribe".to_owned() };
            pages.push((lang, one.page()));
        }
    }
    pages
}

fn pages_of_the_console() -> Vec<(&'static str, String)> {
    vec![
        ("console-overview", sample::overview().page()),
        ("console-overview-new", sample::overview_of_a_new_console().page()),
        ("console-cache", sample::cache().page()),
        ("console-cache-new", sample::cache_of_a_new_site().page()),
        ("console-hosts", sample::hosts().page()),
        ("console-hosts-new", sample::hosts_of_a_new_console().page()),
        ("console-defence", sample::defence().page()),
        ("console-defence-quiet", sample::quiet_defence().page()),
        ("console-ways-in", sample::ways_in().page()),
        ("console-ways-in-new", sample::ways_into_a_new_site().page()),
        ("console-cases", sample::cases().page()),
        ("console-authorities", sample::authorities().page()),
        ("console-act", sample::act().page()),
        ("console-case", sample::case().page()),
        ("console-purge", sample::purge_preview().page()),
        ("console-setup", sample::setup().page()),
        ("console-setup-wrong", sample::setup_after_a_mistake().page()),
        ("console-sign-in", sample::sign_in().page()),
    ]
}

/// Writes every page where a browser can be pointed at it: `target/pages/*.html`.
#[test]
fn pages_are_written_out_for_the_eye() -> std::io::Result<()> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/pages");
    std::fs::create_dir_all(folder.join("assets"))?;
    let all = pages_of_the_record().into_iter().chain(pages_of_the_console()).chain(sample::desk());
    for (place, (name, page)) in all.enumerate() {
        let name = if name == "record-subscribe" { format!("{name}-{place}") } else { name.to_owned() };
        std::fs::write(folder.join(name).with_extension("html"), page)?;
    }
    for (place, (lang, page)) in translated_pages_of_the_record().into_iter().enumerate() {
        std::fs::write(folder.join(format!("record-{}-{place}.html", lang.code())), page)?;
    }
    for asset in [&assets::STYLE, &assets::CONSOLE, &assets::SETUP, &assets::PLOT, &assets::ICON] {
        std::fs::write(folder.join(asset.path().trim_start_matches('/')), asset.content())?;
    }
    Ok(())
}

#[test]
fn every_page_has_a_language_a_title_one_headline_and_one_main_part() {
    for (name, page) in pages_of_the_record().into_iter().chain(pages_of_the_console()) {
        assert!(page.starts_with("<!doctype html>\n<html lang=\"en\">"), "{name}");
        let title = page.split_once("<title>").and_then(|(_, rest)| rest.split_once("</title>"));
        assert!(title.is_some_and(|(title, _)| title.len() > 8), "{name}");
        assert_eq!(page.matches("<h1>").count(), 1, "{name}");
        assert_eq!(page.matches("<main").count(), 1, "{name}");
        for forbidden in ["style=\"", "javascript:", "@import", "<iframe", "<base", " onclick", " onload"] {
            assert!(!page.contains(forbidden), "{name} has {forbidden}");
        }
    }
}

#[test]
fn pages_of_the_record_stand_alone_without_a_script() {
    for (name, page) in pages_of_the_record() {
        assert!(!page.contains("<script") && !page.contains("rel=\"stylesheet\""), "{name}");
        assert!(!page.contains(" src=") && !page.contains("url("), "{name}");
        assert!(page.len() < 60_000, "{name}: {} bytes", page.len());
        let style = page.split_once("<style>").and_then(|(_, rest)| rest.split_once("</style>"));
        let hash = style.map(|(style, _)| vocabulary::Digest::of(style.as_bytes()));
        let hash = hash.map(|hash| {
            use base64::Engine as _;
            base64::engine::general_purpose::STANDARD.encode(hash.as_bytes())
        });
        assert!(hash.is_some_and(|hash| record::CONTENT_SECURITY_POLICY.contains(&hash)), "{name}");
    }
}

#[test]
fn a_page_in_a_chosen_language_leads_to_that_language_alone_and_has_no_word_of_another() {
    for (lang, page) in translated_pages_of_the_record() {
        let code = lang.code();
        assert!(page.starts_with(&format!("<!doctype html>\n<html lang=\"{code}\">")), "{code}");
        assert!(page.len() < 60_000, "{code}: {} bytes", page.len());
        for below in
            ["\"/record/\"", "\"/record/#", "\"/record/search", "\"/record/transparency\"", "\"/record/older"]
        {
            assert!(!page.contains(below), "{code}: {below}");
        }
        assert!(page.contains(&format!("\"/record/{code}/search\"")), "{code}");
        for other in Lang::ALL {
            assert!(page.contains(&format!("hreflang=\"{}\"", other.code())), "{code}: {other:?}");
        }
        // A sample of what would stand there had a text been forgotten in a template.
        for forgotten in ["In force", "Ended by", "Signed by", "All decisions", "Check it", "Every "] {
            assert!(!page.contains(forgotten), "{code}: {forgotten}");
        }
    }
}

#[test]
fn pages_of_the_desk_stand_alone_without_a_script_and_escape_what_stands_in_them() {
    for (name, page) in sample::desk() {
        for never in ["<script", " src=", "url(", "javascript:", " onclick", "<b>not markup"] {
            assert!(!page.contains(never), "{name}: {never}");
        }
        assert!(page.starts_with("<!doctype html>\n<html lang=\"en\">"), "{name}");
        assert_eq!((page.matches("<h1>").count(), page.matches("<main").count()), (1, 1), "{name}");
        assert!(page.len() < 100 << 10, "{name}: {} bytes", page.len());
    }
}

#[test]
fn pages_of_the_console_load_only_embedded_assets_and_stay_light() {
    for (name, page) in pages_of_the_console() {
        let mut weight = page.len();
        for mark in ["src=\"", "<link rel=\"stylesheet\" href=\"", "<link rel=\"icon\" href=\""] {
            for (_, rest) in page.match_indices(mark).map(|(at, _)| page.split_at(at + mark.len())) {
                let path = rest.split('"').next().unwrap_or_default();
                let asset = path.strip_prefix("/assets/").and_then(assets::find);
                assert!(asset.is_some(), "{name} loads {path}");
                weight += asset.map_or(0, |asset| asset.content().len());
            }
        }
        assert!(!page.contains("<style") && !page.contains("<script>"), "{name}");
        assert!(weight < 200_000, "{name}: {weight} bytes");
    }
}

#[test]
fn outside_text_never_becomes_markup() {
    let attack = "\"'><script>alert(1)</script><img src=x onerror=alert(1)>".to_owned();
    let mut statement = sample::statement();
    statement.title.clone_from(&attack);
    statement.facts = vec![attack.clone()];
    statement.hosts = vec![attack.clone()];
    statement.contact.clone_from(&attack);
    statement.decision.clone_from(&attack);
    statement.signers[0].pseudonym.clone_from(&attack);
    let mut overview = sample::overview();
    overview.csrf.clone_from(&attack);
    overview.sites[0].hosts = vec![attack.clone()];
    overview.decisions[0].title.clone_from(&attack);
    let mut cache = sample::cache();
    cache.misses[0].target.clone_from(&attack);
    cache.purges[0].target.text.clone_from(&attack);
    cache.purges[0].held[0].0.clone_from(&attack);
    cache.outcome = Some(attack.clone());
    cache.form.target.clone_from(&attack);
    let mut preview = sample::purge_preview();
    preview.form.target.clone_from(&attack);
    preview.targets[1].text.clone_from(&attack);
    let mut hosts = sample::hosts();
    hosts.hosts[0].host.clone_from(&attack);
    hosts.hosts[0].proofs[0].place.clone_from(&attack);
    hosts.error = Some(attack.clone());
    hosts.wanted.clone_from(&attack);
    let mut defence = sample::defence();
    defence.events[0].asked.clone_from(&attack);
    defence.events[0].why.clone_from(&attack);
    defence.signatures[0].what = vec![attack.clone()];
    defence.tops[0].rows[0].value.clone_from(&attack);
    defence.form.when.clone_from(&attack);
    let mut ways_in = sample::ways_in();
    ways_in.form.authorities.clone_from(&attack);
    ways_in.form.allow.clone_from(&attack);
    ways_in.form.max_age.clone_from(&attack);
    ways_in.error = Some(attack.clone());
    let setup = console::Setup { error: Some(attack) };
    let console = [
        ways_in.page(),
        hosts.page(),
        overview.page(),
        cache.page(),
        preview.page(),
        defence.page(),
        setup.page(),
    ];
    for page in [statement.page()].into_iter().chain(console) {
        assert!(
            !page.contains("<script>alert") && !page.contains("<img") && page.contains("&#60;script&#62;")
        );
    }
}

#[test]
fn a_statement_shows_what_it_owes() {
    let page = sample::statement().page();
    for owed in [
        "In force",
        "Ends by itself in about 31 hours",
        "Tuesday 24 November 2026, 04:00 UTC",
        "Danger to human life",
        "Duty officer",
        "duty-lantern",
        "*.board.example.test",
        "may appeal",
        "decisions@record.example.test",
        "Authorities were asked formally.",
        "curl -O http://localhost:9091/record/decisions/dec_3kq8w0v7t2m5n9x1c4b6d8f0gh.json",
        "wardmote verify dec_3kq8w0v7t2m5n9x1c4b6d8f0gh.json --policy tlog-policy",
        ".tlog-proof\"",
        "40 / 42",
        "self-witnessed",
        "<rect width=\"35%\"",
    ] {
        assert!(page.contains(owed), "{owed}");
    }
    let over = sample::statement_of_a_lapsed_decision().page();
    for owed in ["Ended by itself", "rel=\"blocked-by\"", "<rect width=\"100%\"", "no longer listed"] {
        assert!(over.contains(owed), "{owed}");
    }
    assert!(!over.contains("This record is a trial"));
}

#[test]
fn only_web_addresses_and_mailboxes_become_links() {
    for (contact, linked) in [
        ("desk@record.test", Some("href=\"mailto:desk@record.test\"")),
        ("https://record.test/desk", Some("href=\"https://record.test/desk\"")),
        ("javascript:alert(1)//@x", None),
        ("call us: 1 2 3", None),
    ] {
        let page = record::StatementPage { contact: contact.to_owned(), ..sample::statement() }.page();
        match linked {
            Some(link) => assert!(page.contains(link), "{contact}"),
            None => assert!(page.contains(&format!("Contact: {contact}")), "{contact}"),
        }
    }
    let mut statement = sample::statement_of_a_lapsed_decision();
    if let Some(demand) = &mut statement.demand {
        demand.url = "javascript:alert(1)".to_owned();
    }
    assert!(!statement.page().contains("blocked-by"));
}

#[test]
fn a_statement_on_the_largest_scope_stays_light() {
    let hosts: Vec<String> = (0..5_000).map(|n| format!("a-rather-long-name-{n}.example.test")).collect();
    let page = record::StatementPage { sites: 5_000, hosts, ..sample::statement() }.page();
    assert!(page.len() < 60_000 && page.contains("and 4800 more"), "{} bytes", page.len());
}

#[test]
fn an_empty_record_and_an_empty_console_say_the_next_step() {
    assert!(sample::front_of_a_new_record().page().contains("No decision is in force"));
    let console = sample::overview_of_a_new_console().page();
    assert!(console.contains("wardmote apply -f sites.toml") && console.contains("POST /api/v1/cases"));
}

#[test]
fn a_token_is_found_alone_and_in_a_whole_link() {
    for pasted in ["5Q7K", "  5Q7K\n", "http://localhost:9090/setup#t=5Q7K"] {
        assert_eq!(console::token_in(pasted), "5Q7K");
    }
}

/// The names that a page's script looks for, with how each is written.
fn figures_named_in(page: &str) -> Vec<(String, String)> {
    let value = |text: &str| text.split('"').next().unwrap_or_default().to_owned();
    let mut named = Vec::new();
    for figure in page.split("data-figure=\"").skip(1) {
        let how = figure.split("data-as=\"").nth(1).map(value).unwrap_or_default();
        named.push((value(figure), how));
    }
    for series in page.split("data-series=\"").skip(1) {
        let pairs = value(series);
        named.extend(
            pairs
                .split(' ')
                .filter_map(|pair| pair.split_once(':'))
                .map(|(name, how)| (name.to_owned(), how.to_owned())),
        );
    }
    named
}

#[test]
fn the_figures_are_sent_under_the_names_the_script_reads() -> Result<(), serde_json::Error> {
    let script = include_str!("../../assets/console.js");
    let overview = (sample::overview().page(), serde_json::to_value(sample::overview().figures)?, 7);
    let cache = (sample::cache().page(), serde_json::to_value(sample::cache().figures)?, 10);
    for (page, sent, count) in [overview, cache] {
        let named = figures_named_in(&page);
        assert_eq!(named.len(), count, "{named:?}");
        for (name, how) in named {
            assert!(sent.get(&name).is_some(), "{name} is not sent");
            assert!(
                ["rate", "share", "bytes", "count"].contains(&how.as_str()) && script.contains(&how),
                "{name} as {how}"
            );
        }
        assert!(sent.get("time").is_some() && script.contains("figures.time"));
    }
    Ok(())
}

#[test]
fn the_cache_page_says_why_and_where_each_purge_holds() {
    let page = sample::cache().page();
    for owed in [
        "Cache of shop.example.test",
        "the answer sets a cookie",
        "shop.example.test/basket",
        "Since the start 96 % came from the cache",
        "9.1 GB from memory",
        "edge-lisbon</span> <span class=\"small soft\">not yet",
        "time not noted",
        "title=\"Sunday 22 November 2026, 20:03 UTC\">9 ms</time>",
        "Everything, softly",
        "POST /api/v1/purges",
    ] {
        assert!(page.contains(owed), "{owed}");
    }
    let new = sample::cache_of_a_new_site().page();
    for owed in [
        "wardmote purge --site shop.example.test",
        "No edge serves this site yet",
        "value=\"prefix\" selected",
        "role=\"alert\"",
        " checked",
    ] {
        assert!(new.contains(owed), "{owed}");
    }
    let preview = sample::purge_preview().page();
    for owed in [
        "on 2 edges",
        "never sent again",
        "be sure that it can bear the load",
        "name=\"kind\" value=\"everything\"",
        "name=\"go\"",
    ] {
        assert!(preview.contains(owed), "{owed}");
    }
}
