//! The few drawings of the pages, as inline SVG: decorative all, hidden from screen readers; words carry the
//! meaning. Drawn on a 24 by 24 grid in the colour of the text around.

/// Seven people meeting in a ring: the project's mark.
pub(super) const MARK: &str = r#"<svg viewBox="0 0 24 24" aria-hidden="true"><circle cx="12" cy="3" r="2.4"/><circle cx="19.04" cy="6.39" r="2.4"/><circle cx="20.77" cy="14" r="2.4"/><circle cx="15.9" cy="20.11" r="2.4"/><circle cx="8.1" cy="20.11" r="2.4"/><circle cx="3.23" cy="14" r="2.4"/><circle cx="4.96" cy="6.39" r="2.4"/></svg>"#;

/// The mark as the page's icon, inside the page, so that a browser need not ask a blocked site for one.
pub(super) const ICON: &str = r#"<link rel="icon" href="data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 24 24' fill='%2320897b'%3E%3Ccircle cx='12' cy='3' r='2.9'/%3E%3Ccircle cx='19.04' cy='6.39' r='2.9'/%3E%3Ccircle cx='20.77' cy='14' r='2.9'/%3E%3Ccircle cx='15.9' cy='20.11' r='2.9'/%3E%3Ccircle cx='8.1' cy='20.11' r='2.9'/%3E%3Ccircle cx='3.23' cy='14' r='2.9'/%3E%3Ccircle cx='4.96' cy='6.39' r='2.9'/%3E%3C/svg%3E">"#;

macro_rules! line_drawing {
    ($paths:literal) => {
        concat!(
            r#"<svg viewBox="0 0 24 24" aria-hidden="true"><g fill="none" stroke="currentColor" stroke-width="1.8" stroke-linecap="round" stroke-linejoin="round">"#,
            $paths,
            "</g></svg>"
        )
    };
}

/// Two bars in a circle: paused.
pub(super) const PAUSE: &str = line_drawing!(r#"<circle cx="12" cy="12" r="9"/><path d="M10 9v6M14 9v6"/>"#);
/// A triangle with a mark: something went wrong.
pub(super) const ALERT: &str = line_drawing!(r#"<path d="M12 4 2.8 20h18.4zM12 10v4.5M12 17.2v.1"/>"#);
/// A clock.
pub(super) const CLOCK: &str = line_drawing!(r#"<circle cx="12" cy="12" r="9"/><path d="M12 7v5l3.2 2"/>"#);
/// Two machines, one above the other.
pub(super) const SERVER: &str = line_drawing!(
    r#"<path d="M4 4h16v6.5H4zM4 13.5h16V20H4zM7.5 7.2v.1M7.5 16.7v.1M11 7.2h5.5M11 16.7h5.5"/>"#
);
/// A written sheet with a tick.
pub(super) const SHEET: &str = line_drawing!(r#"<path d="M13 3H6v18h12V8zM13 3v5h5M9 14.5l2.2 2.2 4-4.2"/>"#);
/// Head and shoulders.
pub(super) const PERSON: &str = line_drawing!(
    r#"<circle cx="12" cy="7.5" r="3.8"/><path d="M4.5 20.5c.6-4.4 3.6-6.6 7.5-6.6s6.9 2.2 7.5 6.6"/>"#
);
