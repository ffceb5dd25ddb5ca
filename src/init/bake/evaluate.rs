//! Evaluates the expressions of a bake file: with the defaults of its variables, never with the
//! environment, and with functions of its own.

use std::collections::BTreeMap;
use std::ops::Range;

use hcl::Value;
use hcl::edit::expr::{Array, Expression, Parenthesis};
use hcl::edit::visit_mut::{VisitMut, visit_expr_mut};
use hcl::eval::{Context, ErrorKind, Evaluate};

use super::definitions::{Attribute, Definitions};
use super::functions;

/// How many parts of expressions are looked at for one attribute, calls of functions written out.
const MAX_PARTS: usize = 100_000;

/// How deep functions of the file may call each other.
const MAX_CALLS: usize = 16;

/// How large the text of a value may be, in bytes.
const MAX_TEXT: usize = 1 << 20;

/// A function that the file defines.
#[derive(Debug, Clone)]
struct Function {
    params: Vec<String>,
    /// The name that holds the rest of the arguments.
    variadic: Option<String>,
    result: Expression,
}

/// A value that cannot be had, and where it was asked for.
pub(super) struct Problem {
    pub(super) span: Range<usize>,
    pub(super) message: String,
}

/// What expressions may name.
#[derive(Clone)]
pub(super) struct Evaluator {
    context: Context<'static>,
    functions: BTreeMap<String, Function>,
}

impl Evaluator {
    /// The variables and functions of a file; the problems are those of variables that have no value.
    pub(super) fn new(definitions: &Definitions) -> (Self, Vec<Problem>) {
        let mut evaluator = Self {
            context: functions::context(),
            functions: own_functions(definitions),
        };
        let mut waiting: BTreeMap<&str, Option<&Attribute>> = BTreeMap::new();
        for (name, block) in definitions.blocks("variable") {
            waiting.insert(name, block.attributes.get("default"));
        }
        let globals = definitions.globals.iter();
        waiting.extend(globals.map(|(name, value)| (name.as_str(), Some(value))));
        // One variable may name another that stands below it.
        loop {
            let mut problems = Vec::new();
            let mut later = BTreeMap::new();
            let before = waiting.len();
            for (name, default) in waiting {
                // Without a default a variable is empty.
                let value = default.map_or_else(|| Ok(Value::from("")), |d| evaluator.evaluate(d));
                match value {
                    Ok(value) => evaluator.declare(name, value),
                    Err(problem) => {
                        problems.push(problem);
                        later.insert(name, default);
                    }
                }
            }
            if later.is_empty() || later.len() == before {
                return (evaluator, problems);
            }
            waiting = later;
        }
    }

    /// Gives a name a value.
    pub(super) fn declare(&mut self, name: &str, value: Value) {
        self.context.declare_var(name, value);
    }

    /// The value of an attribute.
    pub(super) fn evaluate(&self, attribute: &Attribute) -> Result<Value, Problem> {
        let mut expression = attribute.value.clone();
        let mut inliner = Inliner {
            functions: &self.functions,
            parts: 0,
            calls: 0,
            too_much: false,
        };
        inliner.visit_expr_mut(&mut expression);
        let value = if inliner.too_much {
            Err("its functions call each other too often".to_owned())
        } else {
            let value = hcl::Expression::from(expression).evaluate(&self.context);
            value.map_err(|error| match error.into_kind() {
                ErrorKind::UndefinedVar(name) => format!("unknown variable `{name}`"),
                ErrorKind::UndefinedFunc(name) => {
                    format!("unknown function `{}`", name.name)
                }
                ErrorKind::FuncCall(name, why) => format!("`{}`: {why}", name.name),
                other => hcl::eval::Error::from(other).to_string(),
            })
        };
        match value {
            Ok(value) if size(&value) <= MAX_TEXT => Ok(value),
            Ok(_) => Err("its value is too large".to_owned()),
            Err(message) => Err(message),
        }
        .map_err(|message| Problem {
            span: attribute.span.clone(),
            message,
        })
    }
}

/// How many bytes of text are in a value.
fn size(value: &Value) -> usize {
    match value {
        Value::String(text) => text.len(),
        Value::Array(items) => items.iter().map(size).sum(),
        Value::Object(object) => object
            .iter()
            .map(|(key, value)| key.len() + size(value))
            .sum(),
        _ => 0,
    }
}

fn own_functions(definitions: &Definitions) -> BTreeMap<String, Function> {
    let functions = definitions.blocks("function");
    functions
        .filter_map(|(name, block)| {
            let names = |key: &str| match block.attributes.get(key).map(|a| &a.value) {
                Some(Expression::Array(list)) => list.iter().filter_map(name_of).collect(),
                _ => Vec::new(),
            };
            let variadic = block.attributes.get("variadic_params");
            let function = Function {
                params: names("params"),
                variadic: variadic.and_then(|attribute| name_of(&attribute.value)),
                result: block.attributes.get("result")?.value.clone(),
            };
            Some((name.to_owned(), function))
        })
        .collect()
}

/// The name that an expression consists of; JSON writes it as a string.
fn name_of(expression: &Expression) -> Option<String> {
    match expression {
        Expression::Variable(name) => Some(name.to_string()),
        Expression::String(name) => Some(name.to_string()),
        Expression::StringTemplate(template) => {
            Some(template.to_string().trim_matches('"').to_owned())
        }
        _ => None,
    }
}

/// Replaces calls of the file's own functions by what they stand for: the library knows functions
/// of Rust alone.
struct Inliner<'f> {
    functions: &'f BTreeMap<String, Function>,
    parts: usize,
    calls: usize,
    too_much: bool,
}

impl VisitMut for Inliner<'_> {
    fn visit_expr_mut(&mut self, expression: &mut Expression) {
        self.parts += 1;
        if self.parts > MAX_PARTS || self.calls > MAX_CALLS {
            self.too_much = true;
            return;
        }
        let Expression::FuncCall(call) = &*expression else {
            visit_expr_mut(self, expression);
            return;
        };
        let function = self.functions.get(call.name.name.as_str());
        let Some(function) = function.filter(|_| !call.name.is_namespaced()) else {
            visit_expr_mut(self, expression);
            return;
        };
        let mut arguments = call.args.iter().cloned().collect::<Vec<_>>().into_iter();
        let mut values: BTreeMap<&str, Expression> = BTreeMap::new();
        for param in &function.params {
            values.insert(param, arguments.next().unwrap_or_else(Expression::null));
        }
        if let Some(variadic) = &function.variadic {
            let rest: Array = arguments.collect();
            values.insert(variadic, Expression::from(rest));
        }
        let mut result = function.result.clone();
        Replacer { values }.visit_expr_mut(&mut result);
        *expression = Expression::from(Parenthesis::new(result));
        self.calls += 1;
        visit_expr_mut(self, expression);
        self.calls -= 1;
    }
}

/// Replaces variables by expressions.
struct Replacer<'v> {
    values: BTreeMap<&'v str, Expression>,
}

impl VisitMut for Replacer<'_> {
    fn visit_expr_mut(&mut self, expression: &mut Expression) {
        let Expression::Variable(name) = &*expression else {
            visit_expr_mut(self, expression);
            return;
        };
        if let Some(value) = self.values.get(name.as_str()) {
            *expression = Expression::from(Parenthesis::new(value.clone()));
        }
    }
}
