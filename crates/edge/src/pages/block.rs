//! The block page: what a visitor sees where a proved measure is in force.
//!
//! It says, in this order: that a decision closed this site, until when, why in a sentence, what that does
//! and does not mean, where all reasons and proofs stand, and how to object. It never shows more than the
//! published statement does.

use super::error::{close, open, phrase, row};
use super::icons;
use super::markup::{Markup, TEXT_MAX};
use serde::Serialize;
use vocabulary::Timestamp;
use vocabulary::moment::{date_and_time, span};

/// Who demanded a block, and under which law (RFC 7725).
#[derive(Debug, Clone, Copy, Serialize)]
pub struct DemandView<'a> {
    /// The authority.
    pub authority: &'a str,
    /// The law it relied on.
    pub law: &'a str,
    /// Where the demand or the authority is described; also the target of `rel="blocked-by"`.
    pub url: &'a str,
}

/// Bytes of a statement's headline, and of how to reach a site's own people, as markup: all of a page stays below
/// 15 kB with them.
const TITLE_MAX: usize = 320;
const SITE_CONTACT_MAX: usize = 240;

/// What a block page says. Text may come from anywhere: it is escaped and bounded.
#[derive(Debug, Clone, Copy)]
pub struct BlockView<'a> {
    /// The host asked for.
    pub host: &'a str,
    /// The decision's id.
    pub decision: &'a str,
    /// Where the statement of reasons stands; also the target of `rel="describedby"`.
    pub statement_url: &'a str,
    /// The statement's headline.
    pub title: &'a str,
    /// What the measure means for visitors, in the statement's words.
    pub meaning: &'a str,
    /// Whom to reach about it: a mailbox, an address, or words.
    pub contact: &'a str,
    /// How the site's own people can be reached, in their words; the one thing of theirs on this page.
    pub site_contact: Option<&'a str>,
    /// When the measure ends by itself.
    pub until: Timestamp,
    /// The present, for the time that is left.
    pub now: Timestamp,
    /// The request's id.
    pub ray: &'a str,
    /// Whether the ground is danger to life: then the page first says where to find help.
    pub emergency: bool,
    /// What is closed: the site, one of its pages, or the site for where the visitor is.
    pub closed: Closed,
    /// Whether the measure was made under profile trial: then the page says that it is an exercise.
    pub trial: bool,
    /// The legal demand behind it, if there is one.
    pub demand: Option<DemandView<'a>>,
}

/// What a block closes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Closed {
    /// The site.
    Site,
    /// The page that was asked for; the rest of the site is open.
    Page,
    /// The site, for where the visitor is.
    Here,
    /// The site for good: its service has ended.
    Ended,
}

impl Closed {
    fn sentence(self) -> &'static str {
        match self {
            Self::Site => "A published decision blocks this site for a limited time.",
            Self::Page => {
                "A published decision blocks this address for a limited time; the rest of the site is open."
            }
            Self::Here => "A published decision blocks this site for a limited time where you are.",
            Self::Ended => "A published decision ended this network's service for this site.",
        }
    }
}

impl BlockView<'_> {
    /// 451 when a legal demand stands behind the measure (RFC 7725), else 403.
    pub fn status(&self) -> u16 {
        if self.demand.is_some() { 451 } else { 403 }
    }

    /// The same as a problem document (RFC 9457) with reason `blocked-by-decision`.
    pub fn problem_json(&self) -> String {
        let problem = Problem {
            title: phrase(self.status()),
            status: self.status(),
            detail: &format!("{} {}", self.closed.sentence(), self.meaning),
            reason: "blocked-by-decision",
            host: self.host,
            decision: self.decision,
            statement: self.statement_url,
            until: self.until,
            contact: self.contact,
            ray: self.ray,
            trial: self.trial,
            demand: self.demand,
        };
        // A struct of strings and numbers has a JSON form; the text is never empty in practice.
        serde_json::to_string(&problem).unwrap_or_default()
    }
}

#[derive(Serialize)]
struct Problem<'a> {
    title: &'static str,
    status: u16,
    detail: &'a str,
    reason: &'static str,
    host: &'a str,
    decision: &'a str,
    statement: &'a str,
    until: Timestamp,
    contact: &'a str,
    ray: &'a str,
    trial: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    demand: Option<DemandView<'a>>,
}

/// The whole page, under 15 KB, to be sent with [`super::CONTENT_SECURITY_POLICY`].
pub fn block_page(view: &BlockView<'_>) -> String {
    let mut page = Markup::default();
    let title = match view.closed {
        Closed::Ended => "No longer served: a public decision",
        _ => "Blocked for now by a public decision",
    };
    open(&mut page, title, "noindex");
    page.raw("<header class=\"brand\">").raw(icons::MARK).raw("<b>Wardmote</b><span>");
    page.raw(if view.demand.is_some() { "451" } else { "403" }).raw("</span></header><main>");
    headline(&mut page, view);
    meaning(&mut page, view);
    demand(&mut page, view);
    objection(&mut page, view);
    details(&mut page, view);
    page.raw("</main><footer><p>");
    page.raw("Anyone can check this decision, its signatures and its place in the public log: ");
    page.raw("<code>wardmote verify ").text(view.statement_url, TEXT_MAX).raw("</code></p></footer>");
    close(&mut page);
    page.finish()
}

fn headline(page: &mut Markup, view: &BlockView<'_>) {
    if view.trial {
        page.raw(
            "<p class=\"trial\"><b>This is a trial.</b> The decision was made with practice keys, for a ",
        );
        page.raw("name reserved for tests. A real block looks the same, without this note.</p>");
    }
    page.raw("<p class=\"flag\">").raw(icons::PAUSE);
    page.raw(if view.closed == Closed::Ended { "Ended by a decision" } else { "Blocked by a decision" });
    page.raw("</p><h1>");
    match view.closed {
        Closed::Site => page.text(view.host, 300).raw(" is closed for now"),
        Closed::Page => page.raw("This page of ").text(view.host, 300).raw(" is closed for now"),
        Closed::Here => page.text(view.host, 300).raw(" is closed for now where you are"),
        Closed::Ended => page.text(view.host, 300).raw(" is no longer served here"),
    };
    page.raw("</h1><p class=\"lead\">");
    page.text(view.title, TITLE_MAX).raw("</p>");
    if view.emergency {
        page.raw("<p class=\"first\">If you or someone near you is in danger, call your local emergency ");
        page.raw("number first.</p>");
    }
    page.raw("<p>").text(view.meaning, 2 * TEXT_MAX).raw("</p><p>");
    page.link(view.statement_url, "class=\"go\" rel=\"describedby\"", "Read the decision and its reasons");
    page.raw("</p>");
}

/// What the end of a service means; it does not end by itself, only this page does.
fn farewell(page: &mut Markup, view: &BlockView<'_>) {
    page.raw("<section class=\"card\"><ul class=\"points\"><li>").raw(icons::SERVER);
    page.raw("<div><h2>The site may be elsewhere</h2>Its own server and everything on it are as they were. The people ");
    page.raw("who run it had thirty days to move; its name may soon lead there.</div></li><li>")
        .raw(icons::CLOCK);
    page.raw("<div><h2>This page stays until</h2><b><time datetime=\"").text(&view.until.to_string(), 30);
    page.raw("\">").text(&date_and_time(view.until), 60).raw("</time></b>, in ");
    page.text(&span(view.until.since(view.now)), 40).raw(".</div></li><li>").raw(icons::SHEET);
    page.raw("<div><h2>Nobody can do this in secret</h2>The reasons and the signatures were published in a public ");
    page.raw("log thirty days before this page could appear.</div></li></ul></section>");
}

fn meaning(page: &mut Markup, view: &BlockView<'_>) {
    if view.closed == Closed::Ended {
        return farewell(page, view);
    }
    page.raw("<section class=\"card\"><ul class=\"points\"><li>").raw(icons::CLOCK);
    page.raw("<div><h2>It ends by itself</h2><b><time datetime=\"").text(&view.until.to_string(), 30);
    page.raw("\">").text(&date_and_time(view.until), 60).raw("</time></b>, in ");
    page.text(&span(view.until.since(view.now)), 40);
    page.raw(". Only a new public decision can change that.</div></li><li>").raw(icons::SERVER);
    page.raw(
        "<div><h2>Nothing was deleted</h2>The site’s own server and everything on it are as they were. ",
    );
    page.raw(
        "Only the way through this network is closed, and it stays shielded from attack.</div></li><li>",
    );
    page.raw(icons::SHEET)
        .raw("<div><h2>Nobody can do this in secret</h2>The reasons, the signatures and the ");
    page.raw("end were published in a public log before this page could appear.</div></li></ul></section>");
}

fn demand(page: &mut Markup, view: &BlockView<'_>) {
    let Some(demand) = view.demand else { return };
    page.raw("<section class=\"card\"><h2>A legal demand stands behind this</h2><p>It came from <b>");
    page.text(demand.authority, TEXT_MAX).raw("</b> under <b>").text(demand.law, TEXT_MAX).raw("</b>. ");
    page.link(demand.url, "rel=\"blocked-by\"", "About this demand").raw("</p></section>");
}

fn objection(page: &mut Markup, view: &BlockView<'_>) {
    page.raw(
        "<section class=\"card\"><h2>If you think this is wrong</h2><p>The people who run the site, whoever ",
    );
    page.raw("reported it, and anyone the block harms may appeal. Someone who took no part in the decision ");
    page.raw("will hear it. The decision says how. Questions: ").contact(view.contact).raw("</p>");
    if let Some(contact) = view.site_contact {
        page.raw("<p>The people who run the site say how to reach them: ")
            .text(contact, SITE_CONTACT_MAX)
            .raw("</p>");
    }
    page.raw("</section>");
}

fn details(page: &mut Markup, view: &BlockView<'_>) {
    page.raw("<section class=\"card\"><h2>For the record</h2><dl>");
    row(page, "Decision", view.decision);
    row(page, "Ray of this request", view.ray);
    page.raw("</dl></section>");
}
