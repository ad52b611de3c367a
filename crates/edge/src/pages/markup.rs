//! Building HTML so that outside text cannot become markup.
//!
//! Markup comes from the source code alone (`&'static str`); everything else passes [`Markup::text`], which
//! escapes and bounds it. There is no third way in.

/// A growing piece of HTML.
#[derive(Default)]
pub(super) struct Markup(String);

impl Markup {
    /// Adds markup written in the source code.
    pub(super) fn raw(&mut self, markup: &'static str) -> &mut Self {
        self.0.push_str(markup);
        self
    }

    /// Adds outside text, escaped for element content and quoted attributes alike, cut with an ellipsis
    /// where its escaped form would pass `max` bytes.
    ///
    /// Control characters become spaces; marks that turn the direction of writing are dropped, since they
    /// could make one line of a page read like another.
    pub(super) fn text(&mut self, text: &str, max: usize) -> &mut Self {
        let budget = self.0.len() + max;
        for c in text.chars() {
            let before = self.0.len();
            match c {
                '&' => self.0.push_str("&amp;"),
                '<' => self.0.push_str("&lt;"),
                '>' => self.0.push_str("&gt;"),
                '"' => self.0.push_str("&#34;"),
                '\'' => self.0.push_str("&#39;"),
                '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => {}
                c if c.is_control() => self.0.push(' '),
                c => self.0.push(c),
            }
            if self.0.len() > budget {
                self.0.truncate(before);
                self.0.push('…');
                break;
            }
        }
        self
    }

    /// Adds a link with the given extra attributes; only `https`, `http` and `mailto` are linked, any other
    /// address is shown as text.
    pub(super) fn link(&mut self, url: &str, attributes: &'static str, label: &str) -> &mut Self {
        if !is_linkable(url) {
            return self.text(label, TEXT_MAX);
        }
        self.raw("<a ").raw(attributes).raw(" href=\"").text(url, URL_MAX).raw("\">");
        self.text(label, TEXT_MAX).raw("</a>")
    }

    /// Adds a way to reach somebody: an address or a mailbox becomes a link, anything else stays text.
    pub(super) fn contact(&mut self, contact: &str) -> &mut Self {
        if is_mailbox(contact) {
            self.raw("<a href=\"mailto:").text(contact, URL_MAX).raw("\">").text(contact, URL_MAX).raw("</a>")
        } else {
            self.link(contact, "rel=\"nofollow\"", contact)
        }
    }

    /// The finished document.
    pub(super) fn finish(self) -> String {
        self.0
    }
}

/// Bytes of one escaped text, at most.
pub(super) const TEXT_MAX: usize = 600;

/// Bytes of one escaped address, at most; a longer one is not linked, because a cut address leads astray.
const URL_MAX: usize = 800;

fn is_linkable(url: &str) -> bool {
    let scheme = ["https://", "http://", "mailto:"].iter().any(|scheme| url.starts_with(scheme));
    // The worst escape takes five bytes for one.
    scheme && url.len() * 5 <= URL_MAX && url.chars().all(|c| c.is_ascii_graphic())
}

fn is_mailbox(text: &str) -> bool {
    let mut parts = text.split('@');
    let (Some(local), Some(domain), None) = (parts.next(), parts.next(), parts.next()) else { return false };
    let plain = |part: &str, extra: &str| {
        !part.is_empty() && part.chars().all(|c| c.is_ascii_alphanumeric() || extra.contains(c))
    };
    text.len() <= 254 && plain(local, "._+-") && plain(domain, ".-")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(input: &str, max: usize) -> String {
        let mut html = Markup::default();
        html.text(input, max);
        html.finish()
    }

    #[test]
    fn every_character_with_a_meaning_in_html_is_escaped() {
        assert_eq!(text(r#"<b a="x" b='y'>&"#, 99), "&lt;b a=&#34;x&#34; b=&#39;y&#39;&gt;&amp;");
    }

    #[test]
    fn text_is_cut_before_its_escaped_form_passes_the_bound() {
        assert_eq!(text("<<<<", 9), "&lt;&lt;…");
        assert_eq!(text("äöü", 4), "äö…");
        assert_eq!(text("äöü", 6), "äöü");
    }

    #[test]
    fn marks_that_turn_the_direction_and_controls_do_not_pass() {
        assert_eq!(text("a\u{202e}b\u{2066}c\0d\ne", 99), "abc d e");
    }

    #[test]
    fn only_web_addresses_and_mailboxes_become_links() {
        for (url, linked) in [
            ("https://record.test/record/decisions/x", true),
            ("javascript:alert(1)", false),
            ("data:text/html,x", false),
            ("https://record.test/a b", false),
            ("//record.test/", false),
        ] {
            let mut html = Markup::default();
            html.link(url, "rel=\"x\"", "label");
            assert_eq!(html.finish().contains("<a "), linked, "{url}");
        }
        for (contact, linked) in [
            ("desk@record.test", true),
            ("desk@localhost", true),
            ("a@b@c.test", false),
            ("a@b?c", false),
            ("call us", false),
        ] {
            let mut html = Markup::default();
            html.contact(contact);
            assert_eq!(html.finish().contains("mailto:"), linked, "{contact}");
        }
    }
}
