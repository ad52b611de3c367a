use super::*;
use vocabulary::{Random, SeededRandom};

fn listed(text: &str) -> ListedUrl {
    text.parse().expect("an address")
}

#[test]
fn no_other_spelling_is_a_way_round_a_listed_address() {
    let path = listed("/Board/thread-7.html");
    for target in [
        "/Board/thread-7.html",
        "/board/THREAD-7.HTML",
        "/board/thread%2D7.html",
        "/board/%74hread-7.html",
        "/board/%2574hread-7.html",
        "/board/%252574hread-7.html",
        "/board%2Fthread-7.html",
        "/board\\thread-7.html",
        "/board%5cthread-7.html",
        "//board///thread-7.html",
        "/./board/./thread-7.html",
        "/board/x/../thread-7.html",
        "/board/x/%2e%2e/thread-7.html",
        "/board/x/..;y/thread-7.html",
        "/../board/thread-7.html",
        "/board/thread-7.html/",
        "/board;a=b/thread-7.html;c",
        "/board/thread-7.html.",
        "/board/thread-7.html%20",
        "/board/thread-7.html%00",
        "/board/%7%004hread-7.html",
        "/board/thread-7.html?page=2",
        "/board/thread-7.html?",
        "/board/thread-7.html#top",
    ] {
        assert!(path.covers(&AskedUrl::of(target)), "{target}");
    }
    for target in
        ["/", "/board", "/board/thread-8.html", "/board/thread-7.html/x", "/board/thread-7.htm", "*"]
    {
        assert!(!path.covers(&AskedUrl::of(target)), "{target}");
    }
}

#[test]
fn a_listed_query_is_found_in_any_order_and_beside_any_other_pair() {
    let query = listed("/view?id=7&board=A b");
    for target in [
        "/view?id=7&board=a+b",
        "/view?board=a%20b&id=7",
        "/VIEW?x=1&BOARD=A%2520B&y&id=%37",
        "/view?id=8&id=7&board=a b",
        "/view?id=7&&board=a b&",
    ] {
        assert!(query.covers(&AskedUrl::of(target)), "{target}");
    }
    for target in
        ["/view", "/view?id=7", "/view?id=8&board=a+b", "/view?id=7&board=a%2Bb", "/other?id=7&board=a+b"]
    {
        assert!(!query.covers(&AskedUrl::of(target)), "{target}");
    }
}

#[test]
fn letters_beyond_ascii_are_folded_and_bytes_that_are_no_text_are_kept_apart() {
    let url = listed("/Größe/ÄÖ");
    assert!(url.covers(&AskedUrl::of("/gr%C3%B6%C3%9Fe/%C3%A4%C3%96")));
    assert!(!url.covers(&AskedUrl::of("/gr%F6%DFe/%E4%D6")));
    assert!(url.covers(&AskedUrl::of("/%FF/../GR%C3%96%C3%9FE/%C3%A4%C3%96")));
    assert_eq!(listed("/%FF/%fe").to_string(), "/%FF/%FE");
}

#[test]
fn a_canonical_text_is_its_own_canonical_text() {
    let random: &dyn Random = &SeededRandom::new(3);
    let letters = b"/%25aAfF.;?&=+ \\~09\xc3\x84\x00#";
    for _ in 0..20_000 {
        let drawn: [u8; 24] = random.bytes();
        let text: Vec<u8> = drawn.iter().map(|byte| letters[usize::from(*byte) % letters.len()]).collect();
        let text = format!("/{}", String::from_utf8_lossy(&text));
        let url = listed(&text);
        let canonical = url.to_string();
        assert_eq!(listed(&canonical), url, "{text} {canonical}");
        assert!(url.covers(&AskedUrl::of(&text)) && url.covers(&AskedUrl::of(&canonical)), "{text}");
    }
}

#[test]
fn what_is_no_address_or_not_spelled_canonically_is_refused() {
    assert_eq!("board".parse::<ListedUrl>(), Err(ListedUrlError::NoPath));
    assert_eq!(format!("/{}", "x".repeat(TEXT_MAX)).parse::<ListedUrl>(), Err(ListedUrlError::TooLong));
    assert!(serde_json::from_str::<ListedUrl>("\"/a/b?x=1\"").is_ok());
    for text in ["\"/A\"", "\"/a/\"", "\"/%61\"", "\"/a?y=1&x=1\"", "\"/a?x\""] {
        let refused = serde_json::from_str::<ListedUrl>(text).expect_err(text).to_string();
        assert!(refused.contains("canonical"), "{refused}");
    }
}

#[test]
fn escapes_of_escapes_are_read_in_one_pass() {
    let deep = format!("/{}61", "%".to_owned() + &"25".repeat(1_000));
    assert!(listed("/a").covers(&AskedUrl::of(&deep)));
}

#[test]
fn an_address_is_listed_in_whatever_way_a_server_reads_it() {
    for (url, targets) in [
        // What follows a script is its own matter.
        (
            "/topic.php?t=5",
            &[
                "/topic.php/x?t=5",
                "/topic.php/a/b.html?t=5",
                "/TOPIC.PHP/x/../y?t=5",
                "/topic.php%00.jpg?t=5",
            ][..],
        ),
        ("/cgi-bin/view.pl", &["/cgi-bin/view.pl/5", "/cgi-bin//view.pl/5/"]),
        // Names as PHP has them.
        ("/v?t=5", &["/v?+t=5", "/v?%20%20t=5", "/v?t%00z=5", "/v?x=1&+t=5", "/v?t%2500z=5"]),
        (
            "/v?topic_id=5",
            &["/v?topic.id=5", "/v?topic id=5", "/v?topic+id=5", "/v?topic[id=5", "/v?topic%2eid=5"],
        ),
        ("/v?topic.id=5", &["/v?topic_id=5", "/v?topic.id=5"]),
        ("/v?a[b.c]=5", &["/v?a[b.c]=5", "/v?+a[b.c]=5"]),
        // `;` between pairs.
        ("/v?id=5", &["/v?x=1;id=5", "/v?id=5;all", "/v?id=5;x=1&y"]),
        ("/v?topic=5.0", &["/v?topic=5.0;all"]),
        // Empty segments before `..`.
        ("/post/1", &["/post//../1", "/post/x/../1", "/a/..//post/1", "//post/1"]),
        ("/1", &["/post/../1", "/post//../1"]),
        ("/post", &["/%u0070ost", "/%25u0070ost", "/%u0070%6Fst"]),
    ] {
        for target in targets {
            assert!(listed(url).covers(&AskedUrl::of(target)), "{url}: {target}");
        }
    }
    for (url, target) in [
        ("/board", "/board/5"),
        ("/board.html", "/board.html/5"),
        ("/topic.php?t=5", "/topic.php/x?t=6"),
        ("/topic.php", "/other.php/topic.php.txt"),
        ("/v?a[b.c]=5", "/v?a[b_c]=5"),
        ("/v?t=5", "/v?tz=5"),
        ("/v?id=5", "/v?x=1;id=6"),
        ("/post/1", "/post//1/.."),
    ] {
        assert!(!listed(url).covers(&AskedUrl::of(target)), "{url}: {target}");
    }
}

#[test]
fn a_path_of_scripts_alone_has_a_bounded_number_of_readings() {
    let asked = AskedUrl::of(&"/a.php".repeat(2_000));
    assert!(asked.paths.len() <= 9, "{}", asked.paths.len());
    assert!(listed("/a.php").covers(&asked));
}

#[test]
fn a_program_without_a_query_stands_for_all_that_it_serves() {
    let whole = |text: &str| text.parse::<ListedUrl>().expect(text).is_whole_program();
    for text in ["/index.php", "/", "/cgi-bin/board.cgi", "/INDEX.PHP", "/a/../index.php", "/index.php?"] {
        assert!(whole(text), "{text}");
    }
    for text in ["/index.php?topic=5", "/post/1", "/?p=1", "/index.php/topic/5", "/phpinfo"] {
        assert!(!whole(text), "{text}");
    }
}
