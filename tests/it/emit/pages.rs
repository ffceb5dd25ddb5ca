//! The templates of `docs/templates.md` give what stands below them.

use std::fs;
use std::path::Path;

use shipwright::diagnostics::SourceText;
use shipwright::plan::Plan;
use shipwright::run::emit::{Known, emit_template};

use super::goldens;

/// The fenced blocks of the page, each with its language.
fn blocks(page: &str) -> Vec<(&str, &str)> {
    let fenced = page.split("\n```").skip(1).step_by(2);
    fenced
        .map(|block| block.split_once('\n').expect("a line with the language"))
        .collect()
}

#[test]
fn worked_examples_give_what_the_page_shows() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/templates.md");
    let page = fs::read_to_string(page).unwrap();
    let plan = Plan::from_json(&goldens::planned()).unwrap();
    let blocks = blocks(&page);
    let mut shown = 0;
    for pair in blocks.windows(2) {
        let [("jinja", template), (language, expected)] = pair else {
            continue;
        };
        if *language == "yaml" {
            serde_norway::from_str::<serde_norway::Value>(expected).expect("YAML");
        }
        let template = SourceText::new("example", format!("{template}\n"));
        let rendered = emit_template(&plan, &Known::default(), &template).expect("a template");
        assert_eq!(rendered.trim_end(), *expected);
        shown += 1;
    }
    assert_eq!(shown, 2);
}
