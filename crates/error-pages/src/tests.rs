use super::*;
use std::collections::BTreeMap;
use url::Url;

fn asset(media_type: &str, bytes: &[u8]) -> Asset {
    Asset { media_type: media_type.to_owned(), bytes: bytes.to_vec() }
}

fn assets(list: &[(&str, &str, &[u8])]) -> Assets {
    let entry = |(url, media_type, bytes): &(&str, &str, &[u8])| {
        (Url::parse(url).expect("an address"), asset(media_type, bytes))
    };
    list.iter().map(entry).collect()
}

fn page_of(source: &str, assets: &Assets) -> Page {
    match compile(source, PageClass::Origin, assets) {
        Ok(Compiled::Whole(page)) => page,
        other => panic!("{source}: {other:?}"),
    }
}

fn html(source: &str) -> String {
    page_of(source, &BTreeMap::new()).fill(&VALUES)
}

fn error(source: &str) -> String {
    compile(source, PageClass::Origin, &BTreeMap::new()).expect_err(source).to_string()
}

const VALUES: Values<'static> = Values {
    ray: "00f067aa0ba902b7",
    client: "192.0.2.7",
    geo: "unknown",
    status: 502,
    title: "The site's server hung up",
    text: "<b>::RAY_ID::</b>",
    reason: "origin-closed",
    challenge: "<form></form>",
};

#[test]
fn a_page_is_written_anew_with_its_tokens_filled_and_escaped() {
    assert_eq!(
        html(
            "<!DOCTYPE html><!-- gone --><TITLE>::STATUS::</TITLE><p title=::RAY_ID:: data-x='a\"b'>1 &lt; 2 &amp;&nbsp;::CLIENT_IP::<br>::GEO::"
        ),
        "<!doctype html><title>502</title><p data-x=\"a&#34;b\" title=\"00f067aa0ba902b7\">1 &lt; 2 &amp;\u{a0}192.0.2.7<br>unknown"
    );
    let filled = html("<div>::ERROR_BOX::</div>");
    assert!(
        filled.contains("The site&#39;s server hung up") && filled.contains("&lt;b&gt;::RAY_ID::&lt;/b&gt;")
    );
}

#[test]
fn no_value_becomes_markup_wherever_its_token_stands() {
    let evil = "\"'><script>alert(1)</script>";
    let values =
        Values { ray: evil, client: evil, geo: evil, title: evil, text: evil, reason: evil, ..VALUES };
    for source in [
        "<p>::RAY_ID:: ::CLIENT_IP:: ::GEO:: ::ERROR_BOX::",
        "<p title=::RAY_ID::>",
        "<p title='::GEO::'>",
        "<a href=\"mailto:a@b.test?subject=::RAY_ID::\">x</a>",
        "<title>::CLIENT_IP::</title>",
        "<textarea>::RAY_ID::</textarea>",
    ] {
        let filled = page_of(source, &BTreeMap::new()).fill(&values);
        assert!(!filled.contains("<script") && !filled.contains("alert(1)</"), "{filled}");
    }
}

#[test]
fn what_has_no_place_on_a_page_is_told_with_its_line() {
    for (source, line, says) in [
        ("<p>\n::RAYID:: x", 1, "::RAYID:: is no token"),
        ("<p>\n<p title=\"::ERROR_BOX::\">", 2, "cannot stand in an attribute"),
        ("<p style=\"color:::GEO::\">", 1, "a style holds no token"),
        ("<script>let ray = '::RAY_ID::'</script>", 1, "holds a token"),
        ("<style>p { color: ::GEO:: }</style>", 1, "holds a token"),
        ("<p onclick=\"::RAY_ID::\">", 1, "write it as a script element"),
        ("<iframe src=\"https://a.test/\"></iframe>", 1, "embeds no other page"),
        ("<base href=\"https://a.test/\">", 1, "addresses are whole"),
        ("<img src=\"logo.png\">", 1, "is no whole address"),
        ("<img src=\"//a.test/logo.png\">", 1, "is no whole address"),
        ("<img src=\"file:///etc/passwd\">", 1, "no address of the web"),
        ("<img src=\"https://u:p@a.test/x\">", 1, "no address of the web"),
        ("<img srcset=\"https://a.test/x 2x\">", 1, "name one picture"),
        ("<a href=\"java\nscript:alert(1)\">x</a>", 1, "not to a program"),
        ("<meta http-equiv=refresh content=\"0;url=https://evil.test\">", 1, "has no place here"),
        ("<link rel=preload href=\"https://a.test/x\">", 1, "only stylesheet and icon"),
        ("<p>\n<p", 2, "ends within a tag"),
        ("<p>\n<p title=\"never closed>", 2, "ends within a tag"),
        ("<!-- never closed", 1, "ends within a comment"),
        ("<p>\n<script>let a = 1;", 2, "<script> is not closed"),
        ("<style>p {}", 1, "<style> is not closed"),
        ("<p title=a title=b>", 1, "stands twice"),
        ("<p a\"b=c>", 1, "odd letters"),
        ("<p\"b>", 1, "name of an element has odd letters"),
        ("<style>@import \"https://a.test/x.css\" print;</style>", 1, "conditions"),
        ("<style>p { background: url(https://a.test/x</style>", 1, "not closed"),
        ("::CHALLENGE_BOX::", 1, "class challenge only"),
        ("<script src=\"https://a.test/x.js\">more</script>", 1, "has content"),
        ("<script>/* <!-- */</script>", 1, "<!--"),
        ("<script src=\"http://a.test/x.js\"></script>", 1, "over https:// alone"),
        ("<svg>\n<style>p{}</style></svg>", 2, "no place within <svg>"),
        ("<svg><g><script>let a = 1;</script></g></svg>", 1, "no place within <svg>"),
        ("<svg><svg></svg><style>p{}</style></svg>", 1, "no place within <svg>"),
        ("<svg/><svg><desc></p></desc><style>p{}</style>", 1, "no place within <svg>"),
        ("<math><link rel=stylesheet href=https://a.test/x>", 1, "no place within <math>"),
    ] {
        let CompileError::Mistakes(mistakes) =
            compile(source, PageClass::Origin, &BTreeMap::new()).expect_err(source)
        else {
            panic!("{source}");
        };
        let told = mistakes.iter().any(|mistake| mistake.line == line && mistake.message.contains(says));
        assert!(told, "{source}: {mistakes:?}");
    }
    assert!(error(&"<p a=b a=c>".repeat(50)).lines().count() <= 10);
}

#[test]
fn a_challenge_needs_its_box() {
    let challenge = |source| compile(source, PageClass::Challenge, &BTreeMap::new());
    assert!(challenge("<p>no way in").expect_err("no box").to_string().contains("nobody gets past"));
    let Ok(Compiled::Whole(page)) = challenge("<p>::CHALLENGE_BOX::") else { panic!("a page") };
    assert!(page.fill(&VALUES).contains("<p><form></form>"));
}

#[test]
fn what_stands_outside_is_wanted_and_then_put_inside() {
    let source = "<link rel=stylesheet href=https://a.test/css/a.css media=print><img src=\"https://a.test/l.png#x\">\
                  <style>p { background: URL( 'https://a.test/l.png' ) }</style><script src=https://a.test/s.js></script>\
                  <p style=\"background:url(https://a.test/l.png)\">";
    let none = BTreeMap::new();
    let Ok(Compiled::Wants(wants)) = compile(source, PageClass::Origin, &none) else { panic!("wants") };
    let wanted: Vec<_> = wants.iter().map(Url::as_str).collect();
    assert_eq!(wanted, ["https://a.test/css/a.css", "https://a.test/l.png", "https://a.test/s.js"]);
    let css =
        "/* c */ @import url(b.css); @font-face { src: url(../f.woff2) } q::before { content: 'url(x)' }";
    let mut held = assets(&[
        ("https://a.test/css/a.css", "text/css", css.as_bytes()),
        ("https://a.test/l.png", "image/png", b"PNG"),
        ("https://a.test/s.js", "text/javascript", b"let a = 1;\r\n"),
    ]);
    let Ok(Compiled::Wants(wants)) = compile(source, PageClass::Origin, &held) else { panic!("wants more") };
    let wanted: Vec<_> = wants.iter().map(Url::as_str).collect();
    assert_eq!(wanted, ["https://a.test/css/b.css", "https://a.test/f.woff2"]);
    held.extend(assets(&[
        ("https://a.test/css/b.css", "text/css", b"b {}"),
        ("https://a.test/f.woff2", "font/woff2", b"W"),
    ]));
    let page = page_of(source, &held);
    let filled = page.fill(&VALUES);
    let png = "data:image/png;base64,UE5H";
    for part in [
        "<style media=\"print\"> b {} @font-face { src: url(\"data:font/woff2;base64,Vw==\") } q::before { content: 'url(x)' }</style>",
        &format!("<img src=\"{png}\">"),
        &format!("<style>p {{ background: url(\"{png}\") }}</style>"),
        "<script>let a = 1;\n</script>",
        &format!("<p style=\"background:url(&#34;{png}&#34;)\">"),
    ] {
        assert!(filled.contains(part), "{part}\n{filled}");
    }
    assert!(!filled.contains("https://a.test"), "{filled}");
    // The digest of the script as it stands in the page.
    assert!(page.policy().contains("script-src 'sha256-"), "{}", page.policy());
    assert!(page_of("<p>", &none).policy().contains("script-src 'none'"));
}

#[test]
fn an_asset_of_another_kind_is_named() {
    for (source, media_type, bytes) in [
        ("<img src=https://a.test/x>", "text/html", b"x".as_slice()),
        ("<img src=https://a.test/x>", "font/woff2", b"x"),
        ("<img src=https://a.test/x>", "image/png\"><script>", b"x"),
        ("<script src=https://a.test/x></script>", "text/plain", b"x"),
        ("<script src=https://a.test/x></script>", "text/javascript", b"a</script>"),
        ("<link rel=stylesheet href=https://a.test/x>", "text/javascript", b"x"),
        ("<link rel=stylesheet href=https://a.test/x>", "text/css", b"\xff"),
        ("<link rel=stylesheet href=https://a.test/x>", "text/css", b"a{}</style><script>"),
    ] {
        let held = assets(&[("https://a.test/x", media_type, bytes)]);
        let error = compile(source, PageClass::Origin, &held).expect_err(source).to_string();
        assert!(error.contains("https://a.test/x") || error.contains("</"), "{error}");
    }
}

#[test]
fn sheets_in_a_circle_and_pages_over_the_bound_are_refused() {
    let circle = assets(&[("https://a.test/a.css", "text/css", b"@import 'a.css';")]);
    let source = "<link rel=stylesheet href=https://a.test/a.css>";
    assert!(
        compile(source, PageClass::Origin, &circle).expect_err("a circle").to_string().contains("circle")
    );
    let long = "x".repeat(BYTES_MAX + 1);
    assert_eq!(compile(&long, PageClass::Origin, &BTreeMap::new()), Err(CompileError::TooLarge));
    // Small as it came, large once written: every < becomes four letters.
    let grows = "a < b ".repeat(BYTES_MAX / 8);
    assert_eq!(compile(&grows, PageClass::Origin, &BTreeMap::new()), Err(CompileError::TooLarge));
    // Large as it came, though next to nothing of it is written.
    let comment = format!("<!--{}-->", "x".repeat(BYTES_MAX));
    assert_eq!(compile(&comment, PageClass::Origin, &BTreeMap::new()), Err(CompileError::TooLarge));
    let scripts = "<script>let a;</script>".repeat(compile::SCRIPTS_MAX + 1);
    assert!(error(&scripts).contains("scripts"), "{}", error(&scripts));
    let picture = assets(&[("https://a.test/x", "image/png", &vec![0; 400_000])]);
    let often = "<img src=https://a.test/x>".repeat(4);
    assert!(compile(&often, PageClass::Origin, &picture).is_err());
    let many: String = (0..=ASSETS_MAX).map(|n| format!("<img src=https://a.test/{n}>")).collect();
    assert!(error(&many).contains("more than 32 things"), "{}", error(&many));
    assert!(error(&"::RAY_ID::".repeat(TOKENS_MAX + 1)).contains("tokens"));
}

#[test]
fn a_page_survives_its_bytes_and_bytes_of_others_are_none() {
    let page = page_of("<p>ä::RAY_ID::", &BTreeMap::new());
    assert_eq!(Page::from_bytes(&page.to_bytes()).expect("a page"), page);
    for bytes in [b"".as_slice(), b"{}", b"<p>", b"{\"html\":\"\",\"policy\":\"\",\"x\":1}"] {
        assert!(Page::from_bytes(bytes).is_err());
    }
    assert_ne!(page.digest(), page_of("<p>", &BTreeMap::new()).digest());
}

#[test]
fn nothing_that_looks_like_html_stops_the_reader() {
    for source in [
        "",
        "<",
        "</",
        "<>",
        "&",
        "&#",
        "::",
        ":::",
        "::::",
        "😀::😀",
        "<svg/><math><mi//xlink:href=x>",
        "</p></br>",
    ] {
        let _ = compile(source, PageClass::Origin, &BTreeMap::new());
    }
}

#[test]
fn a_style_beside_a_drawing_is_a_style_again() {
    for source in [
        "<svg><path d=\"M0\"/></svg><style>p{}</style>",
        "<svg/><style>p{}</style>",
        "<noscript><p>Please</p></noscript><script>let a = 1;</script>",
    ] {
        let compiled = compile(source, PageClass::Origin, &BTreeMap::new());
        assert!(matches!(compiled, Ok(Compiled::Whole(_))), "{source}: {compiled:?}");
    }
}
