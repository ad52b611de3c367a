//! The page of a challenge: in four languages, with and without scripts.
//!
//! Invariants: nothing is loaded but from the site's own host; without a script and without a cookie there is a way
//! on by hand; the page says why it is there, and how to reach a person.

use super::STYLE;
use super::error::{close, row};
use super::icons;
use super::markup::{Markup, TEXT_MAX};
use guard::{ChallengePage, PageKind, Stuck};

/// The script that does the work.
pub const WORK_SCRIPT: &str = include_str!("work.js");

/// The `Content-Security-Policy` to send with a challenge's page: besides the page's own style sheet only a style
/// sheet and a script of the same host, and no frame embeds it.
pub const CHALLENGE_POLICY: &str = "default-src 'none'; img-src data:; script-src 'self'; \
     style-src 'self' 'sha256-XsTW7hop+j+GB07dvD+VMNd+UcNZxZiicrfv4LUrRyE='; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// What a challenge's page says.
#[derive(Debug, Clone, Copy)]
pub struct ChallengeView<'a> {
    /// The challenge.
    pub page: &'a ChallengePage,
    /// The host asked for.
    pub host: &'a str,
    /// The request's id.
    pub ray: &'a str,
    /// How to reach the people of the site.
    pub contact: Option<&'a str>,
    /// `Accept-Language`, as sent.
    pub languages: &'a str,
}

struct Words {
    language: &'static str,
    title: &'static str,
    lead: &'static str,
    silent: &'static str,
    wait: &'static str,
    go: &'static str,
    work: &'static str,
    no_script: &'static str,
    without: &'static str,
    by_hand: &'static str,
    by_hand_text: &'static str,
    stuck: &'static str,
    cookies: &'static str,
    slowly: &'static str,
    why: &'static str,
    why_text: &'static str,
    contact: &'static str,
}

const WORDS: [Words; 4] = [
    Words {
        language: "en",
        title: "One moment, please",
        lead: "This site checks that a browser is asking. Usually there is nothing for you to do.",
        silent: "You will be taken on in a second.",
        wait: "You will be taken on in a few seconds.",
        go: "Go on now",
        work: "Your browser is doing a short calculation. You will be taken on when it is done.",
        no_script: "Your browser runs no scripts here, so it cannot do the short calculation that is asked for. You may go \
                    on without it.",
        without: "Go on without the calculation",
        by_hand: "On without the calculation",
        by_hand_text: "You can go on, but slowly: for a quarter of an hour this site answers you a little less often than \
                       usual. If you would rather let your browser calculate, open the page again.",
        stuck: "Your visit cannot be remembered",
        cookies: "Your browser keeps no cookie from this site, so the check cannot be remembered. You may allow cookies \
                  and load the page again, or go on slowly without them.",
        slowly: "Go on slowly",
        why: "Why do I see this?",
        why_text: "The site receives unusually many requests at the moment. The check keeps it reachable. It stores \
                   nothing about you but one cookie, which says that the check was passed.",
        contact: "If this page does not let you through, write to",
    },
    Words {
        language: "de",
        title: "Einen Augenblick, bitte",
        lead: "Diese Website prüft, ob ein Browser anfragt. Meist ist nichts zu tun.",
        silent: "Es geht in einer Sekunde weiter.",
        wait: "Es geht in wenigen Sekunden weiter.",
        go: "Jetzt weiter",
        work: "Ihr Browser rechnet kurz. Danach geht es von selbst weiter.",
        no_script: "Ihr Browser führt hier keine Skripte aus und kann deshalb die kurze Rechnung nicht lösen, die verlangt \
                    wird. Sie können ohne sie weitergehen.",
        without: "Ohne Rechnung weiter",
        by_hand: "Weiter ohne Rechnung",
        by_hand_text: "Es geht weiter, aber langsam: Eine Viertelstunde lang antwortet diese Website Ihnen etwas seltener als \
                       sonst. Wenn lieber Ihr Browser rechnen soll, öffnen Sie die Seite noch einmal.",
        stuck: "Ihr Besuch kann nicht gemerkt werden",
        cookies: "Ihr Browser behält kein Cookie dieser Website, darum kann die Prüfung nicht gemerkt werden. Sie können \
                  Cookies erlauben und die Seite neu laden oder ohne sie langsam weitergehen.",
        slowly: "Langsam weiter",
        why: "Warum sehe ich das?",
        why_text: "Die Website erhält gerade ungewöhnlich viele Anfragen. Die Prüfung hält sie erreichbar. Gespeichert \
                   wird nur ein Cookie, das sagt, dass die Prüfung bestanden ist.",
        contact: "Wenn diese Seite Sie nicht durchlässt, schreiben Sie an",
    },
    Words {
        language: "fr",
        title: "Un instant, s’il vous plaît",
        lead: "Ce site vérifie que la demande vient d’un navigateur. En général, vous n’avez rien à faire.",
        silent: "La page s’ouvre dans une seconde.",
        wait: "La page s’ouvre dans quelques secondes.",
        go: "Continuer maintenant",
        work: "Votre navigateur fait un court calcul. La page s’ouvre ensuite d’elle-même.",
        no_script: "Votre navigateur n’exécute pas de scripts ici et ne peut donc pas faire le court calcul demandé. Vous \
                    pouvez continuer sans lui.",
        without: "Continuer sans le calcul",
        by_hand: "Continuer sans le calcul",
        by_hand_text: "Vous pouvez continuer, mais lentement : pendant un quart d’heure, ce site vous répond un peu moins \
                       souvent. Si vous préférez laisser votre navigateur calculer, ouvrez la page de nouveau.",
        stuck: "Votre visite ne peut pas être retenue",
        cookies: "Votre navigateur ne garde aucun cookie de ce site, la vérification ne peut donc pas être retenue. Vous \
                  pouvez autoriser les cookies et recharger la page, ou continuer lentement sans eux.",
        slowly: "Continuer lentement",
        why: "Pourquoi cette page ?",
        why_text: "Le site reçoit en ce moment un nombre inhabituel de demandes. La vérification le garde accessible. Un \
                   seul cookie est conservé : il dit que la vérification est passée.",
        contact: "Si cette page ne vous laisse pas passer, écrivez à",
    },
    Words {
        language: "es",
        title: "Un momento, por favor",
        lead: "Este sitio comprueba que quien pide es un navegador. Normalmente no tiene que hacer nada.",
        silent: "Seguirá en un segundo.",
        wait: "Seguirá en unos segundos.",
        go: "Seguir ahora",
        work: "Su navegador hace un breve cálculo. Después seguirá por sí solo.",
        no_script: "Su navegador no ejecuta scripts aquí y no puede hacer el breve cálculo que se pide. Puede seguir sin \
                    él.",
        without: "Seguir sin el cálculo",
        by_hand: "Seguir sin el cálculo",
        by_hand_text: "Puede seguir, pero despacio: durante un cuarto de hora este sitio le responde con menos frecuencia. Si \
                       prefiere que su navegador calcule, abra la página de nuevo.",
        stuck: "No se puede recordar su visita",
        cookies: "Su navegador no guarda ninguna cookie de este sitio, así que no se puede recordar la comprobación. Puede \
                  permitir las cookies y recargar la página, o seguir despacio sin ellas.",
        slowly: "Seguir despacio",
        why: "¿Por qué veo esto?",
        why_text: "El sitio recibe ahora un número inusual de peticiones. La comprobación lo mantiene accesible. Solo se \
                   guarda una cookie, que dice que la comprobación se ha superado.",
        contact: "Si esta página no le deja pasar, escriba a",
    },
];

/// The words of the first language that is asked for and known; else English.
fn words(languages: &str) -> &'static Words {
    let asked = languages.split(',').take(16).filter_map(|range| range.trim().get(..2));
    let known = |asked: &str| WORDS.iter().find(|words| words.language.eq_ignore_ascii_case(asked));
    asked.filter_map(known).next().unwrap_or(&WORDS[0])
}

/// Where a browser goes on to by itself, and when, as the value of `Refresh` (HTML, "shared declarative refresh
/// steps"); none where a person decides, or where the address is too long for a field.
pub fn refresh(page: &ChallengePage) -> Option<String> {
    let leads_on = page.after_seconds > 0 && page.next.len() <= REFRESH_BYTES_MAX;
    leads_on.then(|| format!("{};url={}", page.after_seconds, page.next))
}

/// The longest address in a field.
const REFRESH_BYTES_MAX: usize = 8 * 1024;

/// The whole page, under 20 KB, to be sent with [`CHALLENGE_POLICY`] and [`refresh`].
pub fn challenge_page(view: &ChallengeView<'_>) -> String {
    let (words, mut page) = (words(view.languages), Markup::default());
    let (title, lead) = match view.page.kind {
        PageKind::Explanation(Stuck::NoCookie) => (words.stuck, words.cookies),
        PageKind::Explanation(Stuck::NoWork) => (words.by_hand, words.by_hand_text),
        PageKind::Silent { .. } | PageKind::Wait | PageKind::Work { .. } => (words.title, words.lead),
    };
    head(&mut page, view.page, words, title);
    page.raw("<header class=\"brand\">")
        .raw(icons::MARK)
        .raw("<b>Wardmote</b></header><main><h1>")
        .raw(title);
    page.raw("</h1><p class=\"lead\" role=\"status\">");
    page.raw(lead).raw("</p>");
    way_on(&mut page, view.page, words);
    page.raw("<section class=\"card\"><h2>").raw(words.why).raw("</h2><p>").raw(words.why_text).raw("</p>");
    if let Some(contact) = view.contact {
        page.raw("<p>").raw(words.contact).raw(" ").contact(contact).raw(".</p>");
    }
    page.raw("</section><section class=\"card\"><dl>");
    row(&mut page, "Ray", view.ray);
    row(&mut page, "Site", view.host);
    close(page.raw("</dl></section></main>"));
    page.finish()
}

fn head(page: &mut Markup, challenge: &ChallengePage, words: &Words, title: &'static str) {
    page.raw("<!doctype html><html lang=\"")
        .raw(words.language)
        .raw("\"><head><meta charset=\"utf-8\"><title>");
    page.raw(title).raw("</title><meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">");
    page.raw("<meta name=\"robots\" content=\"noindex\">").raw(icons::ICON);
    match &challenge.kind {
        PageKind::Silent { probe } => {
            page.raw("<link rel=\"stylesheet\" href=\"").text(probe, LINK_MAX).raw("\">");
        }
        PageKind::Work { .. } => {
            page.raw("<script src=\"/.wardmote/work.js\" defer></script>");
        }
        PageKind::Wait | PageKind::Explanation(_) => {}
    }
    page.raw("<style>").raw(STYLE).raw("</style></head><body><div class=\"page\">");
}

fn way_on(page: &mut Markup, challenge: &ChallengePage, words: &'static Words) {
    match &challenge.kind {
        PageKind::Silent { .. } => said(page, words.silent),
        PageKind::Wait => said(page, words.wait),
        PageKind::Work { token, difficulty, without } => {
            work(page, (token, *difficulty), &challenge.next, words);
            // For devices that are slow at it, too.
            return link(page, without, words.without);
        }
        PageKind::Explanation(_) => return link(page, &challenge.next, words.slowly),
    }
    link(page, &challenge.next, words.go);
}

/// What the script reads, and what is said while it works: it shows that itself, since without it nothing is done.
fn work(page: &mut Markup, (token, difficulty): (&str, u8), next: &str, words: &'static Words) {
    page.raw("<p id=\"work\" hidden data-token=\"").text(token, TEXT_MAX).raw("\" data-difficulty=\"");
    page.text(&difficulty.to_string(), 3).raw("\" data-next=\"").text(next, LINK_MAX);
    page.raw("\">").raw(words.work).raw("</p><noscript>");
    said(page, words.no_script);
    page.raw("</noscript>");
}

fn said(page: &mut Markup, text: &'static str) {
    page.raw("<p>").raw(text).raw("</p>");
}

/// The longest address of a challenge, escaped: a request's target has at most 32 KiB, and is written with every
/// byte in three.
const LINK_MAX: usize = 110 * 1024;

fn link(page: &mut Markup, to: &str, label: &'static str) {
    page.raw("<p><a class=\"go\" rel=\"nofollow\" href=\"")
        .text(to, LINK_MAX)
        .raw("\">")
        .raw(label)
        .raw("</a></p>");
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(kind: PageKind, languages: &str) -> String {
        let page =
            ChallengePage { kind, next: "/.wardmote/pass?t=x&c=0&w=1&to=/%22".to_owned(), after_seconds: 4 };
        let contact = Some("desk@shop.test");
        challenge_page(&ChallengeView { page: &page, host: "shop.test", ray: "00ff", contact, languages })
    }

    fn work() -> PageKind {
        PageKind::Work { token: "abc".to_owned(), difficulty: 8, without: "/.wardmote/check?t=x".to_owned() }
    }

    #[test]
    fn every_challenge_has_a_way_on_by_hand_and_runs_nothing_inline() {
        for kind in [
            PageKind::Silent { probe: "/.wardmote/probe.css?t=y".to_owned() },
            PageKind::Wait,
            work(),
            PageKind::Explanation(Stuck::NoCookie),
            PageKind::Explanation(Stuck::NoWork),
        ] {
            let page = shown(kind, "");
            assert!(
                page.contains("class=\"go\"") && page.contains("desk@shop.test") && page.contains("00ff")
            );
            assert_eq!(page.matches("<h1>").count(), 1);
            // Outside of what only browsers without scripts show: devices may be slow.
            let (before, rest) = page.split_once("<noscript>").unwrap_or((&page, ""));
            let after = rest.split_once("</noscript>").map_or("", |(_, after)| after);
            assert!(before.contains("class=\"go\"") || after.contains("class=\"go\""), "{page}");
            for forbidden in ["javascript:", "style=\"", "=\"http", "(http", "onclick"] {
                assert!(!page.contains(forbidden), "{forbidden}");
            }
            assert!(page.len() < 20_000, "{}", page.len());
        }
    }

    #[test]
    fn a_page_speaks_the_visitors_language_where_it_can() {
        for (languages, lang) in
            [("de-CH, en;q=0.8", "de"), ("pt, fr;q=0.5", "fr"), ("xx", "en"), ("", "en"), ("\u{e4}", "en")]
        {
            assert!(
                shown(PageKind::Wait, languages).contains(&format!("<html lang=\"{lang}\">")),
                "{languages}"
            );
        }
    }
}
