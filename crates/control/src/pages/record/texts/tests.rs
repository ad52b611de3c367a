use super::*;

/// All markup that texts may have: they are shown as they stand.
const MARKUP: [&str; 6] = ["<b>", "</b>", "<code>", "</code>", "<a href=\"/record/log/checkpoint\">", "</a>"];

/// Texts that are not escaped when they are shown.
const SHOWN_AS_THEY_STAND: [&str; 6] =
    ["trial", "way_open_text", "way_keys_text", "way_check_text", "log_lead", "check_keys"];

#[test]
fn every_language_has_every_text_with_the_same_gaps_and_the_same_markup() {
    assert_eq!(TEXTS.iter().map(|(lang, _)| *lang).collect::<Vec<_>>(), Lang::ALL);
    let english = texts(Lang::English).all();
    for (lang, texts) in TEXTS.iter() {
        for ((name, text), (_, original)) in texts.all().into_iter().zip(&english) {
            assert_eq!(text.is_empty(), name == "written_in" && *lang == Lang::English, "{lang:?}: {name}");
            assert_eq!(text.matches('{').count(), original.matches('{').count(), "{lang:?}: {name}");
            let mut plain = text.to_owned();
            for mark in MARKUP {
                assert_eq!(text.matches(mark).count(), original.matches(mark).count(), "{lang:?}: {name}");
                plain = plain.replace(mark, "");
            }
            assert!(!plain.contains(['<', '>', '&', '"']), "{lang:?}: {name}: {plain}");
            let shown_as_it_stands = SHOWN_AS_THEY_STAND.contains(&name) || name == "counted_anew";
            assert!(plain == text || shown_as_it_stands, "{lang:?}: {name} has markup");
            assert!(!shown_as_it_stands || !text.contains(GAP), "{lang:?}: {name} has a gap and markup");
        }
    }
}

#[test]
fn every_language_has_a_word_for_each_measure_ground_class_and_role() {
    let english = texts(Lang::English);
    for (lang, texts) in TEXTS.iter() {
        for (ours, theirs) in [
            (&texts.measures, &english.measures),
            (&texts.measures_in_full, &english.measures_in_full),
            (&texts.grounds, &english.grounds),
            (&texts.classes, &english.classes),
            (&texts.roles, &english.roles),
            (&texts.conditions, &english.conditions),
        ] {
            assert!(ours.keys().eq(theirs.keys()) && ours.values().all(|text| !text.is_empty()), "{lang:?}");
        }
        for role in Role::ALL {
            assert!(!texts.role(role).is_empty(), "{lang:?}: {role:?}");
        }
        for class in ServiceClass::ALL {
            assert!(!texts.class(class).is_empty(), "{lang:?}: {class:?}");
        }
        for measure in Measure::ALL {
            let both = [texts.measure(measure), texts.measure_in_full(measure)];
            assert!(both.iter().all(|text| !text.is_empty()), "{lang:?}: {measure:?}");
        }
        for ground in Ground::ALL {
            assert!(!texts.ground_of(ground).is_empty(), "{lang:?}: {ground:?}");
        }
    }
}

#[test]
fn dates_and_spans_read_as_in_each_language() {
    let instant: Timestamp = "2026-03-24T03:06:41.123Z".parse().expect("an instant");
    let hours = |count: u64| Duration::from_secs(count * 3_600);
    for (lang, date, left, ago, lasted) in [
        (
            Lang::English,
            "Tuesday 24 March 2026, 03:06 UTC",
            "about 31 hours",
            "8 seconds ago",
            "about 14 days",
        ),
        (
            Lang::German,
            "Dienstag, 24. März 2026, 03:06 UTC",
            "etwa 31 Stunden",
            "vor 8 Sekunden",
            "etwa 14 Tage",
        ),
        (
            Lang::French,
            "mardi 24 mars 2026, 03:06 UTC",
            "environ 31 heures",
            "il y a 8 secondes",
            "environ 14 jours",
        ),
        (
            Lang::Spanish,
            "martes 24 de marzo de 2026, 03:06 UTC",
            "cerca de 31 horas",
            "hace 8 segundos",
            "cerca de 14 días",
        ),
    ] {
        let texts = texts(lang);
        assert_eq!(texts.when(instant), date);
        assert_eq!(texts.within(hours(31)), left);
        assert_eq!(texts.past(Duration::from_secs(8)), ago);
        assert_eq!(texts.lasting(hours(14 * 24)), lasted);
    }
    assert_eq!(texts(Lang::German).within(hours(14 * 24)), "etwa 14 Tagen");
    assert_eq!(
        (texts(Lang::French).sites(1), texts(Lang::French).sites(3)),
        ("1 site".to_owned(), "3 sites".to_owned())
    );
}
