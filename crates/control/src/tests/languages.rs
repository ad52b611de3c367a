//! The record in the reader's language.

use super::rig::*;

async fn read(running: &Running, path: &str, wished: &str) -> Answer {
    send(running.control.public(), "GET", path, &[("Accept-Language", wished)], b"").await
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_of_the_record_come_in_the_browsers_language_or_in_the_one_that_was_chosen() {
    let mut rig = Rig::new();
    let running = rig.start().await;
    running.apply(SITES, "").await.is(200);
    let decision = &blocked(&rig, &running).await;

    let wished = read(&running, "/record/", "de-CH, de;q=0.9, en;q=0.5").await.is(200);
    assert_eq!((wished.field("content-language"), wished.field("vary")), ("de", "accept-language"));
    let page = wished.text();
    assert!(page.contains("<html lang=\"de\">") && page.contains("Jetzt in Kraft"), "{page}");
    // The browser's wish leads on by the same addresses; a choice stands in the address from then on.
    assert!(page.contains(&format!("\"/record/decisions/{decision}\"")), "{page}");
    assert!(page.contains("<a href=\"/record/fr/\" lang=\"fr\""), "{page}");

    let statement = format!("decisions/{decision}");
    let written = running.public(&format!("/record/{statement}")).await.is(200).text();
    let title =
        written.split("<h1>").nth(1).and_then(|rest| rest.split('<').next()).expect("a title").to_owned();
    for (code, says) in [
        ("en", "What was found"),
        ("de", "Was gefunden wurde"),
        ("fr", "constaté"),
        ("es", "Qué se encontró"),
    ] {
        let chosen = read(&running, &format!("/record/{code}/{statement}"), "it, de").await.is(200);
        assert_eq!((chosen.field("content-language"), chosen.fields.contains_key("vary")), (code, false));
        let page = chosen.text();
        assert!(page.contains(says) && page.contains(&format!(">{title}</h1>")), "{code}: {page}");
        assert!(page.contains(&format!("\"/record/{code}/search\"")), "{code}: {page}");
        assert!(
            page.contains(&format!("\"/record/de/{statement}\"")),
            "{code}: the same page in another language"
        );
        for path in ["", "search?q=board", "transparency"] {
            let page = read(&running, &format!("/record/{code}/{path}"), "it").await.is(200).text();
            assert!(page.contains(&format!("<html lang=\"{code}\">")), "{code}/{path}");
        }
        let lost = read(&running, &format!("/record/{code}/nowhere"), "it").await.is(404);
        assert_eq!(lost.field("content-language"), code);
    }
    // What is sought is kept when the language is changed, and is no way out of the page.
    let sought = read(&running, "/record/search?q=%22%3E%3Cb%3Ex", "fr").await.is(200).text();
    assert!(sought.contains("/record/es/search?q=%22%3E%3Cb%3Ex\"") && !sought.contains("<b>x"), "{sought}");
    assert_eq!(read(&running, "/record/xx/", "fr").await.is(404).field("content-language"), "fr");
    running.stop().await;
}
