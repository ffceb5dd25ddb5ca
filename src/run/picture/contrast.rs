//! Lines and borders stand out from the paper, on a light page and on a dark one: a ratio of 3 to 1, as WCAG 2.2
//! asks of graphics (1.4.11).

use std::collections::BTreeMap;

use regex::Regex;

use super::svg::STYLE;

/// The colour of a property by selector.
fn colours<'s>(style: &'s str, property: &str) -> BTreeMap<&'s str, &'s str> {
    let rule = Regex::new(r"(?m)^\s*([^{}@\n]+?) \{([^}]*)\}").unwrap();
    let colour = Regex::new(&format!(r"\b{property}: (#[0-9a-f]{{6}})")).unwrap();
    rule.captures_iter(style)
        .filter_map(|rule| {
            let body = rule.get(2).unwrap().as_str();
            let colour = colour.captures(body)?.get(1).unwrap().as_str();
            Some((rule.get(1).unwrap().as_str(), colour))
        })
        .collect()
}

/// How much light a colour gives, between 0 and 1.
fn luminance(colour: &str) -> f64 {
    let part = |at: usize| {
        let value = f64::from(u8::from_str_radix(&colour[at..at + 2], 16).unwrap()) / 255.0;
        if value <= 0.04045 {
            value / 12.92
        } else {
            ((value + 0.055) / 1.055).powf(2.4)
        }
    };
    0.2126 * part(1) + 0.7152 * part(3) + 0.0722 * part(5)
}

fn contrast(one: &str, other: &str) -> f64 {
    let (one, other) = (luminance(one), luminance(other));
    (one.max(other) + 0.05) / (one.min(other) + 0.05)
}

#[test]
fn a_ratio_is_as_the_guidelines_have_it() {
    for (one, other, expected) in [
        ("#000000", "#ffffff", 21.0),
        ("#ffffff", "#ffffff", 1.0),
        ("#767676", "#ffffff", 4.54),
        ("#949494", "#ffffff", 3.03),
    ] {
        let ratio = contrast(one, other);
        assert!((ratio - expected).abs() < 0.01, "{one} {other}: {ratio}");
    }
}

#[test]
fn lines_and_borders_stand_out_from_the_paper() {
    let (light, dark) = STYLE
        .split_once("@media (prefers-color-scheme: dark)")
        .unwrap();
    let own = colours(light, "stroke");
    let mut on_dark = own.clone();
    on_dark.extend(colours(dark, "stroke"));
    assert!(own.len() > 10, "{own:?}");
    for (style, strokes) in [(light, &own), (dark, &on_dark)] {
        let paper = colours(style, "fill")[".picture .paper"];
        for (selector, stroke) in strokes {
            let ratio = contrast(stroke, paper);
            assert!(
                ratio >= 3.0,
                "{selector}: {stroke} on {paper} is {ratio:.2}"
            );
        }
    }
}
