//! The page of a warning (M1): what was decided about a site, and the way on for whoever wants to see it all the same.

use super::error::{close, open, row};
use super::icons;
use super::markup::{Markup, TEXT_MAX};
use vocabulary::Timestamp;
use vocabulary::moment::date_and_time;

/// The `Content-Security-Policy` to send with [`warning_page`]: its form alone may be sent, and only to its own host.
pub const WARNING_POLICY: &str = "default-src 'none'; img-src data:; \
     style-src 'sha256-XsTW7hop+j+GB07dvD+VMNd+UcNZxZiicrfv4LUrRyE='; base-uri 'none'; form-action 'self'; frame-ancestors 'none'";

/// What the page of a warning says. Text may come from anywhere: it is escaped and bounded.
#[derive(Debug, Clone, Copy)]
pub struct WarningView<'a> {
    /// The host asked for.
    pub host: &'a str,
    /// The decision's id.
    pub decision: &'a str,
    /// Where the statement of reasons stands.
    pub statement_url: &'a str,
    /// The statement's headline.
    pub title: &'a str,
    /// What the measure means for visitors, in the statement's words.
    pub meaning: &'a str,
    /// Whom to reach about it.
    pub contact: &'a str,
    /// When the warning ends by itself.
    pub until: Timestamp,
    /// The request's id.
    pub ray: &'a str,
    /// Whether it was decided under profile trial.
    pub trial: bool,
    /// Where the form is sent that leads on.
    pub onward: &'a str,
}

/// Bytes of the address that leads on, as markup, at most: a longer one leads to the site's own start.
const ONWARD_MAX: usize = 2_000;

/// The whole page, under 15 KB, to be sent with [`WARNING_POLICY`].
pub fn warning_page(view: &WarningView<'_>) -> String {
    let mut page = Markup::default();
    open(&mut page, "A warning before you go on", "noindex");
    page.raw("<header class=\"brand\">")
        .raw(icons::MARK)
        .raw("<b>Wardmote</b><span>Warning</span></header><main>");
    if view.trial {
        page.raw(
            "<p class=\"trial\"><b>This is a trial.</b> The decision was made with practice keys, for a ",
        );
        page.raw("name reserved for tests. A real warning looks the same, without this note.</p>");
    }
    page.raw("<p class=\"flag\">")
        .raw(icons::ALERT)
        .raw("A warning by a public decision</p><h1>Before you go on to ");
    page.text(view.host, 300).raw("</h1><p class=\"lead\">").text(view.title, TEXT_MAX).raw("</p><p>");
    page.text(view.meaning, 2 * TEXT_MAX).raw("</p><p>");
    page.link(view.statement_url, "class=\"go\" rel=\"describedby\"", "Read the decision and its reasons");
    page.raw("</p>");
    onward(&mut page, view);
    page.raw(
        "<section class=\"card\"><h2>If you think this is wrong</h2><p>The people who run the site, whoever ",
    );
    page.raw("reported it, and anyone the warning harms may appeal. The warning ends by itself on ");
    page.text(&date_and_time(view.until), 60)
        .raw(". Questions: ")
        .contact(view.contact)
        .raw("</p></section>");
    page.raw("<section class=\"card\"><h2>For the record</h2><dl>");
    row(&mut page, "Decision", view.decision);
    row(&mut page, "Ray of this request", view.ray);
    page.raw("</dl></section></main>");
    close(&mut page);
    page.finish()
}

fn onward(page: &mut Markup, view: &WarningView<'_>) {
    let leads_on = view.onward.len() * 5 <= ONWARD_MAX && view.onward.starts_with("/.wardmote/");
    let start = view.onward.split("&to=").next().unwrap_or_default();
    page.raw(
        "<section class=\"card\"><h2>It is your choice</h2><p>Nothing is closed. If you go on, one cookie ",
    );
    page.raw(
        "remembers for some hours that you have read this; without it you would see this page again.</p>",
    );
    page.raw("<form method=\"post\" action=\"");
    if leads_on {
        page.text(view.onward, ONWARD_MAX);
    } else {
        page.text(start, ONWARD_MAX).raw("&amp;to=/");
    }
    page.raw("\"><button class=\"go\">Go on to the site</button></form></section>");
}
