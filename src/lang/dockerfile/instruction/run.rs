//! `RUN`, but for what its mounts mean.

use std::borrow::Cow;

use super::check::{Checker, command};
use super::flags::Flags;
use super::mount::Mount;
use super::{Device, Network, RunCommand, Security, Word, fields};
use crate::lang::dockerfile::error::ErrorKind;
use crate::lang::dockerfile::keyword::Keyword;
use crate::lang::dockerfile::node::Node;
use crate::lang::go::text::{lower, parse_bool};

/// Checks a `RUN`.
pub(super) fn check<'n>(node: &'n Node<'n>, checker: &mut Checker) -> Option<RunCommand<'n>> {
    let flags = Flags::check(node, Keyword::Run, checker);
    // BuildKit looks at the flags in this order, not in that of the file.
    let mut devices = Vec::new();
    for (_, value) in flags.list("device") {
        devices.extend(checker.accept(device(value), value.span));
    }
    let mut mounts = Vec::new();
    for (token, value) in flags.list("mount") {
        match Mount::parse(token, value) {
            Ok(mount) => mounts.push(mount),
            Err((kind, span)) => checker.report(kind, span),
        }
    }
    let network = value_of(&flags, "network", network, checker)?;
    let security = value_of(&flags, "security", security, checker)?;
    Some(RunCommand {
        mounts,
        network,
        security,
        devices,
        command: command(node),
        heredocs: &node.heredocs,
    })
}

/// What a flag is set to, else the default.
fn value_of<T: Default>(
    flags: &Flags<'_>,
    name: &str,
    parse: impl FnOnce(&str) -> Result<T, ErrorKind>,
    checker: &mut Checker,
) -> Option<T> {
    match flags.list(name).next() {
        Some((_, value)) => checker.accept(parse(value.text), value.span),
        None => Some(T::default()),
    }
}

fn network(value: &str) -> Result<Network, ErrorKind> {
    match value {
        "default" => Ok(Network::Default),
        "none" => Ok(Network::None),
        "host" => Ok(Network::Host),
        other => Err(ErrorKind::Network(other.to_owned())),
    }
}

fn security(value: &str) -> Result<Security, ErrorKind> {
    match value {
        "sandbox" => Ok(Security::Sandbox),
        "insecure" => Ok(Security::Insecure),
        other => Err(ErrorKind::Security(other.to_owned())),
    }
}

/// `[name=]device[,required[=bool]]`
fn device(word: Word<'_>) -> Result<Device<'_>, ErrorKind> {
    let mut device = Device {
        name: Cow::Borrowed(""),
        required: false,
        span: word.span,
    };
    for field in fields::split(word.text, "devices")? {
        let (key, value) = match field.split_once('=') {
            Some((key, value)) => (lower(key).into_owned(), Some(value.to_owned())),
            None => (lower(&field).into_owned(), None),
        };
        match (&*key, value) {
            ("required", None) => device.required = true,
            ("required", Some(value)) => {
                device.required =
                    parse_bool(&value).ok_or(ErrorKind::DeviceFieldValue(key, value))?;
            }
            ("name", Some(value)) => {
                if !device.name.is_empty() {
                    let name = device.name.into_owned();
                    return Err(ErrorKind::DeviceNamedTwice(name));
                }
                device.name = Cow::Owned(value);
            }
            _ if device.name.is_empty() => device.name = field,
            (_, None) => {
                return Err(ErrorKind::DeviceFieldWithoutValue(field.into_owned()));
            }
            (_, Some(_)) => return Err(ErrorKind::DeviceField(key, field.into_owned())),
        }
    }
    Ok(device)
}
