//! Triggers (`ONBUILD`): instructions that come as texts and are parsed where they fire
//! (semantics §9.8).

use crate::lang::dockerfile::{Dockerfile, ErrorKind, Instruction, parse};

/// Parses a trigger and hands its instruction on. The result of `then` cannot borrow from it.
///
/// # Errors
/// When the text is not one valid instruction, in BuildKit's words.
pub(super) fn with_instruction<T>(
    text: &str,
    then: impl FnOnce(&Instruction<'_>) -> T,
) -> Result<T, String> {
    let ast = parse(text);
    if let Some(error) = ast.errors.first() {
        return Err(error.message());
    }
    if ast.nodes.len() != 1 {
        return Err("onbuild trigger should be a single expression".to_owned());
    }
    let file = Dockerfile::new(&ast);
    // That there is no stage around it does not matter here.
    let mut errors = file.errors.iter();
    if let Some(error) = errors.find(|error| error.kind != ErrorKind::NoStage) {
        return Err(error.kind.to_string());
    }
    match file.instructions.first() {
        Some(instruction) => Ok(then(instruction)),
        None => Err("onbuild trigger should be a single expression".to_owned()),
    }
}
