//! No text makes the parser panic, and whatever it reads has a place in the text.
#![no_main]

use libfuzzer_sys::fuzz_target;
use shipwright::lang::dockerfile::{Dockerfile, dump, parse};

fuzz_target!(|text: &str| {
    let ast = parse(text);
    let file = Dockerfile::new(&ast);
    for node in &ast.nodes {
        assert!(text.get(node.span.range()).is_some());
        node.parts(&mut |_, _| {});
    }
    for error in file.all_errors() {
        assert!(text.get(error.span.range()).is_some());
    }
    let _ = dump::file(&file);
});
