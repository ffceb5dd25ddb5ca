//! `shipwright parse`: a Dockerfile as JSON, for tools.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;

use super::{args, output};
use crate::diagnostics::{Diagnostic, Diagnostics};
use crate::lang::dockerfile::report::Report;
use crate::lang::dockerfile::{self, Dockerfile};
use crate::lang::platform::Platform;

/// What to parse, and what for.
#[derive(Debug, Args)]
pub(super) struct Parse {
    /// The Dockerfile; `-` is standard input
    pub(super) file: PathBuf,
    /// The stage to build; the last where not given
    #[arg(long, value_name = "STAGE")]
    pub(super) target: Option<String>,
    /// Set a build argument
    #[arg(long = "build-arg", value_name = "K=V", value_parser = args::pair)]
    pub(super) build_args: Vec<(String, String)>,
    /// The platform to build for
    #[arg(long, value_name = "P", default_value = "linux/amd64", value_parser = Platform::parse)]
    pub(super) platform: Platform,
}

/// Prints the report; failure where BuildKit would refuse the file.
pub(super) fn run(directory: &Path, parse: &Parse) -> Result<ExitCode, Diagnostics> {
    let bytes = read(&directory.join(&parse.file), &parse.file)?;
    let text = String::from_utf8_lossy(&bytes);
    let build_args: BTreeMap<String, String> = parse.build_args.iter().cloned().collect();
    let ast = dockerfile::parse(&text);
    let dockerfile = Dockerfile::new(&ast);
    let target = parse.target.as_deref();
    let report = Report::new(&dockerfile, target, &build_args, &parse.platform);
    output::write_json(&report)?;
    Ok(if report.is_refused() {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    })
}

fn read(path: &Path, name: &Path) -> Result<Vec<u8>, Diagnostic> {
    let read = if name.as_os_str() == "-" {
        let mut bytes = Vec::new();
        std::io::stdin()
            .lock()
            .read_to_end(&mut bytes)
            .map(|_| bytes)
    } else {
        std::fs::read(path)
    };
    let name = name.display();
    read.map_err(|error| output::unreadable(&name, &error))
}
