//! Which form of an answer a client asked for.

/// The form of an answer that the edge writes itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// A page for people.
    Html,
    /// An `application/problem+json` document for programs (RFC 9457).
    Problem,
}

impl Form {
    /// Reads an `Accept` field (RFC 9110 section 12.5.1): JSON when the client names a JSON type and weighs
    /// it no less than HTML, else HTML, also for `*/*` and for no field at all.
    pub fn preferred(accept: Option<&str>) -> Self {
        let (mut html, mut json) = (0, 0);
        for range in accept.unwrap_or_default().split(',').take(32) {
            let mut parts = range.split(';').map(str::trim);
            let media = parts.next().unwrap_or_default().to_ascii_lowercase();
            let weight = parts.find_map(|part| part.strip_prefix("q=")).map_or(1_000, thousandths);
            match media.as_str() {
                "text/html" | "application/xhtml+xml" => html = html.max(weight),
                "application/json" => json = json.max(weight),
                other if other.starts_with("application/") && other.ends_with("+json") => {
                    json = json.max(weight);
                }
                _ => {}
            }
        }
        if json > 0 && json >= html { Self::Problem } else { Self::Html }
    }
}

/// A weight of at most three decimals as thousandths; what is not a weight counts as 0.
fn thousandths(weight: &str) -> u32 {
    let (whole, decimals) = weight.split_once('.').unwrap_or((weight, ""));
    let digits = decimals.bytes().all(|b| b.is_ascii_digit()) && decimals.len() <= 3;
    match (whole, digits) {
        ("1", true) => 1_000,
        ("0", true) => format!("{decimals:0<3}").parse().unwrap_or(0),
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_get_a_page_and_programs_that_ask_for_json_get_json() {
        for (accept, form) in [
            (None, Form::Html),
            (Some("*/*"), Form::Html),
            (Some("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"), Form::Html),
            (Some("application/json"), Form::Problem),
            (Some("application/activity+json, application/ld+json"), Form::Problem),
            (Some("application/problem+json;q=0.5, text/html;q=0.4"), Form::Problem),
            (Some("text/html, application/json;q=0.9"), Form::Html),
            (Some("application/json;q=0"), Form::Html),
            (Some("application/json;q=nonsense"), Form::Html),
            (Some("image/avif,image/*"), Form::Html),
        ] {
            assert_eq!(Form::preferred(accept), form, "{accept:?}");
        }
    }
}
