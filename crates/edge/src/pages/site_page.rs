//! A site's own error page.

use super::markup::Markup;

/// What a site's own error page may say about an error.
#[derive(Debug, Clone, Copy)]
pub struct SiteTokens<'a> {
    /// `{status}`: the status code.
    pub status: u16,
    /// `{title}`: what happened, in a few words.
    pub title: &'a str,
    /// `{ray}`: the request's id.
    pub ray: &'a str,
    /// `{reason}`: the stable name of the reason.
    pub reason: &'a str,
    /// `{host}`: the host asked for.
    pub host: &'a str,
}

/// Fills a site's own template: each known token is replaced by its escaped value, once; all other text,
/// unknown tokens included, stays as the site wrote it. A value that looks like a token is not filled again.
pub fn render_site_page(template: &str, tokens: &SiteTokens<'_>) -> String {
    let mut page = String::with_capacity(template.len() + 256);
    let mut rest = template;
    while let Some(start) = rest.find('{') {
        page.push_str(&rest[..start]);
        rest = &rest[start..];
        let name = rest[1..].find('}').map(|end| &rest[1..=end]);
        match name.and_then(|name| Some((name, value_of(name, tokens)?))) {
            Some((name, value)) => {
                page.push_str(&value);
                rest = &rest[name.len() + 2..];
            }
            None => {
                page.push('{');
                rest = &rest[1..];
            }
        }
    }
    page.push_str(rest);
    page
}

fn value_of(name: &str, tokens: &SiteTokens<'_>) -> Option<String> {
    let escaped = |text: &str| {
        let mut value = Markup::default();
        value.text(text, 1_024);
        Some(value.finish())
    };
    match name {
        "status" => Some(tokens.status.to_string()),
        "title" => escaped(tokens.title),
        "ray" => escaped(tokens.ray),
        "reason" => escaped(tokens.reason),
        "host" => escaped(tokens.host),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOKENS: SiteTokens<'static> = SiteTokens {
        status: 502,
        title: "The site's server did not answer",
        ray: "8f3c",
        reason: "{ray}",
        host: "<script>.test",
    };

    #[test]
    fn known_tokens_are_filled_escaped_and_everything_else_stays() {
        assert_eq!(
            render_site_page("<h1>{status} {title}</h1>{host} {x} {} { {ray} body{color:red}", &TOKENS),
            "<h1>502 The site&#39;s server did not answer</h1>&lt;script&gt;.test {x} {} { 8f3c body{color:red}"
        );
    }

    #[test]
    fn a_value_that_looks_like_a_token_is_not_filled_again() {
        assert_eq!(render_site_page("{reason}", &TOKENS), "{ray}");
    }

    #[test]
    fn templates_with_broken_braces_or_wide_letters_pass_whole() {
        for template in ["{", "}{", "{{", "ä{ö", "{sta", "{{{{}}}}", "", "😀{😀}"] {
            assert_eq!(render_site_page(template, &TOKENS), template);
        }
    }
}
