//! The functions that bake files call most, of those that bake has.

use hcl::Value;
use hcl::eval::{Context, Func, FuncArgs, FuncDef, ParamType};

use crate::lang::reference;

/// A context that knows the functions, and no variable.
pub(super) fn context() -> Context<'static> {
    let functions: [(&str, Func); 28] = [
        ("and", |a| booleans(&a, |all| all.iter().all(|b| *b))),
        ("or", |a| booleans(&a, |all| all.iter().any(|b| *b))),
        ("not", |a| booleans(&a, |all| !all.iter().any(|b| *b))),
        ("equal", |a| Ok((pair(&a)?.0 == pair(&a)?.1).into())),
        ("notequal", |a| Ok((pair(&a)?.0 != pair(&a)?.1).into())),
        ("upper", |a| Ok(text(&a, 0)?.to_uppercase().into())),
        ("lower", |a| Ok(text(&a, 0)?.to_lowercase().into())),
        ("trimspace", |a| Ok(text(&a, 0)?.trim().into())),
        ("chomp", |a| {
            Ok(text(&a, 0)?.trim_end_matches(['\n', '\r']).into())
        }),
        ("trim", |a| {
            let cut = text(&a, 1)?;
            Ok(text(&a, 0)?.trim_matches(|c| cut.contains(c)).into())
        }),
        ("trimprefix", |a| {
            let (all, cut) = (text(&a, 0)?, text(&a, 1)?);
            Ok(all.strip_prefix(&*cut).unwrap_or(&all).into())
        }),
        ("trimsuffix", |a| {
            let (all, cut) = (text(&a, 0)?, text(&a, 1)?);
            Ok(all.strip_suffix(&*cut).unwrap_or(&all).into())
        }),
        ("replace", |a| {
            Ok(text(&a, 0)?.replace(&text(&a, 1)?, &text(&a, 2)?).into())
        }),
        ("split", |a| {
            let (by, all) = (text(&a, 0)?, text(&a, 1)?);
            Ok(all.split(&*by).map(Value::from).collect())
        }),
        ("join", join),
        ("format", format),
        ("sanitize", |a| {
            let text = text(&a, 0)?;
            let legal = |c: char| {
                if c.is_ascii_alphanumeric() || c == '_' || c == '-' {
                    c
                } else {
                    '_'
                }
            };
            Ok(text.chars().map(legal).collect::<String>().into())
        }),
        ("slug", |a| {
            Ok(reference::legal(&text(&a, 0)?).unwrap_or_default().into())
        }),
        ("length", |a| match a.first() {
            Some(Value::Array(items)) => Ok(items.len().into()),
            Some(Value::Object(object)) => Ok(object.len().into()),
            Some(Value::String(text)) => Ok(text.chars().count().into()),
            _ => Err("it has no length".to_owned()),
        }),
        ("concat", |a| Ok(lists(&a)?.into_iter().cloned().collect())),
        ("flatten", |a| {
            Ok(lists(&a)?.into_iter().flat_map(flat).collect())
        }),
        ("distinct", |a| {
            let mut kept: Vec<Value> = Vec::new();
            for item in lists(&a)? {
                if !kept.contains(item) {
                    kept.push(item.clone());
                }
            }
            Ok(kept.into())
        }),
        ("compact", |a| {
            let items = lists(&a)?.into_iter();
            Ok(items
                .filter(|item| **item != Value::from(""))
                .cloned()
                .collect())
        }),
        ("contains", |a| match a.first() {
            Some(Value::Array(items)) => {
                Ok(a.get(1).is_some_and(|item| items.contains(item)).into())
            }
            _ => Err("it is no list".to_owned()),
        }),
        ("coalesce", |a| {
            let mut some = a.iter().filter(|v| !matches!(v, Value::Null));
            some.next()
                .cloned()
                .ok_or_else(|| "all are null".to_owned())
        }),
        ("lookup", |a| {
            let found = object(&a, 0)?.get(&*text(&a, 1)?).cloned();
            found
                .or_else(|| a.get(2).cloned())
                .ok_or_else(|| "no such key".to_owned())
        }),
        ("keys", |a| {
            Ok(object(&a, 0)?
                .keys()
                .map(|key| Value::from(key.as_str()))
                .collect())
        }),
        ("merge", |a| {
            let mut merged = hcl::Map::new();
            for at in 0..a.len() {
                merged.extend(object(&a, at)?.clone());
            }
            Ok(Value::Object(merged))
        }),
    ];
    let mut context = Context::new();
    for (name, function) in functions {
        let definition = FuncDef::builder().variadic_param(ParamType::Any);
        context.declare_func(name, definition.build(function));
    }
    context
}

/// A scalar as a string; none of others.
pub(super) fn scalar(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(value) => Some(value.to_string()),
        _ => None,
    }
}

fn text(arguments: &FuncArgs, at: usize) -> Result<String, String> {
    let value = arguments.get(at).and_then(scalar);
    value.ok_or_else(|| format!("argument {} must be a text", at + 1))
}

fn object(arguments: &FuncArgs, at: usize) -> Result<&hcl::Map<String, Value>, String> {
    match arguments.get(at) {
        Some(Value::Object(object)) => Ok(object),
        _ => Err(format!("argument {} must be an object", at + 1)),
    }
}

fn pair(arguments: &FuncArgs) -> Result<(&Value, &Value), String> {
    match arguments.as_slice() {
        [a, b] => Ok((a, b)),
        _ => Err("it takes two arguments".to_owned()),
    }
}

/// The items of all lists among the arguments, one after the other.
fn lists(arguments: &FuncArgs) -> Result<Vec<&Value>, String> {
    let mut all = Vec::new();
    for argument in arguments.iter() {
        match argument {
            Value::Array(items) => all.extend(items),
            _ => return Err("its arguments must be lists".to_owned()),
        }
    }
    Ok(all)
}

fn flat(value: &Value) -> Vec<Value> {
    match value {
        Value::Array(items) => items.iter().flat_map(flat).collect(),
        other => vec![other.clone()],
    }
}

fn booleans(arguments: &FuncArgs, join: fn(&[bool]) -> bool) -> Result<Value, String> {
    let all = arguments.iter().map(|value| match value {
        Value::Bool(value) => Ok(*value),
        Value::String(text) if text == "true" || text == "false" => Ok(text == "true"),
        _ => Err("its arguments must be `true` or `false`".to_owned()),
    });
    Ok(join(&all.collect::<Result<Vec<_>, _>>()?).into())
}

#[expect(
    clippy::needless_pass_by_value,
    reason = "the library's type of functions"
)]
fn join(arguments: FuncArgs) -> Result<Value, String> {
    let by = text(&arguments, 0)?;
    let mut parts = Vec::new();
    for argument in arguments.iter().skip(1) {
        match argument {
            Value::Array(items) => parts.extend(items.iter().filter_map(scalar)),
            _ => return Err("it joins lists".to_owned()),
        }
    }
    Ok(parts.join(&by).into())
}

/// `%s`, `%d` and `%v`, each replaced by the next argument.
#[expect(
    clippy::needless_pass_by_value,
    reason = "the library's type of functions"
)]
fn format(arguments: FuncArgs) -> Result<Value, String> {
    let pattern = text(&arguments, 0)?;
    let mut pieces = pattern.split('%');
    let mut result = pieces.next().unwrap_or_default().to_owned();
    let mut next = 1;
    while let Some(piece) = pieces.next() {
        match piece.chars().next() {
            Some('s' | 'd' | 'v') => {
                result.push_str(&text(&arguments, next)?);
                next += 1;
                result.push_str(&piece[1..]);
            }
            // `%%`
            None => {
                result.push('%');
                result.push_str(pieces.next().unwrap_or_default());
            }
            Some(other) => return Err(format!("`%{other}` is not known here")),
        }
    }
    Ok(result.into())
}
