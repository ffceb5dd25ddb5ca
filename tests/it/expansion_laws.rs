//! What must hold for every word and every environment.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use proptest::prelude::*;
use shipwright::lang::dockerfile::expand::{Environment, Lexer, Value};

/// Every name is unknown.
struct Unknown;

impl Environment for Unknown {
    fn get(&self, _: &str) -> Value<'_> {
        Value::Unknown
    }
}

/// Text in which something is likely to happen.
fn word() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        3 => Just("$A".to_owned()),
        3 => "\\$\\{[AB]:?[-+?#%/]?",
        3 => Just("}".to_owned()),
        1 => "[$\"'\\\\`/*?<{: \t\n]",
        2 => "[a-cé1_]{1,3}",
    ];
    prop::collection::vec(piece, 0..12).prop_map(|pieces| pieces.concat())
}

fn environment() -> impl Strategy<Value = BTreeMap<String, String>> {
    prop::collection::btree_map("[AB]", "[a-c/ $*\\\\é]{0,6}", 0..3)
}

proptest! {
    #[test]
    fn every_word_expands_or_says_why(word in word(), env in environment()) {
        for lexer in [Lexer::new('\\'), Lexer::new('`'), Lexer::heredoc_body()] {
            if let Ok(expansion) = lexer.word(&word, &env) {
                let text = expansion.value.expect("all of it is known");
                for variable in expansion.variables {
                    prop_assert!(text.get(variable.range).is_some());
                }
                prop_assert!(expansion.names.unknown.is_empty());
            }
            if let Ok(expansion) = lexer.words(&word, &env) {
                let words = expansion.value.expect("all of it is known");
                prop_assert!(words.iter().all(|word| !word.is_empty()));
            }
        }
    }

    /// What is known in spite of unknown variables is what every value of theirs gives.
    #[test]
    fn unknown_is_sound(word in word(), env in environment()) {
        let lexer = Lexer::new('\\');
        let Ok(blind) = lexer.word(&word, &Unknown) else {
            return Ok(());
        };
        if let (Some(known), Ok(seeing)) = (blind.value, lexer.word(&word, &env)) {
            prop_assert_eq!(Some(known), seeing.value);
        }
    }

    #[test]
    fn words_without_specials_stay(word in "[a-zA-Z0-9 .,:=/_é-]{0,40}") {
        let expansion = Lexer::new('\\').word(&word, &Unknown).expect("nothing is wrong with it");
        prop_assert_eq!(expansion.value, Some(word));
        prop_assert!(expansion.names.is_empty());
    }
}

#[test]
fn long_words_take_time_in_proportion() {
    let env = BTreeMap::from([("A".to_owned(), "x".to_owned())]);
    let words = [
        "${N:-".repeat(50_000),
        "${N:-x".repeat(50_000) + &"}".repeat(50_000),
        "${A:+\"".repeat(50_000) + &"\"}".repeat(50_000),
        "$A".repeat(50_000),
        "${N/".repeat(50_000),
        "\"$A\"'b'".repeat(50_000),
        "\\".repeat(100_000),
        format!("${{A#{}}}", "*a".repeat(2_000)),
    ];
    let start = Instant::now();
    for word in words {
        // Whether it is an error does not matter here.
        let _ = Lexer::new('\\').word(&word, &env);
        let _ = Lexer::new('\\').words(&word, &env);
    }
    assert!(start.elapsed() < Duration::from_secs(10));
}
