//! Where output goes: data to standard output or a file, everything else to standard error. And how files that
//! are named on the command line are read.

use std::io::{BufWriter, ErrorKind, Write};
use std::os::fd::AsFd;
use std::path::Path;
use std::sync::atomic::{AtomicU8, Ordering};

use super::{ci_branch, screen};
use crate::diagnostics::annotations::annotations;
use crate::diagnostics::render::{Style, render};
use crate::diagnostics::{Code, Diagnostic, Diagnostics, Outcome, Severity, counted, escape};
use crate::os;
use crate::paths;
use crate::planner::Workspace;
use crate::run::summary::MOST_BYTES;
use crate::tree::source::{Checkout, FileIdentity};

/// Writes data to standard output, or to a file by way of a temporary one beside it, so that the
/// file is never half written. A reader that goes away early (`| head`) is no error.
///
/// # Errors
/// When the data cannot be written.
pub(super) fn write(data: &str, file: Option<&Path>) -> Result<(), Diagnostic> {
    let Some(file) = file else {
        return to_stdout(|stdout| stdout.write_all(data.as_bytes()));
    };
    replace(data, file).map_err(|error| unwritable(file, &error))
}

/// Whether data can be written to a file, as far as that can be known before there is any.
///
/// # Errors
/// When it cannot be.
pub(super) fn check_writable(file: &Path) -> Result<(), Diagnostic> {
    let check = || match std::fs::metadata(file) {
        Ok(metadata) if metadata.is_dir() => Err(ErrorKind::IsADirectory.into()),
        Ok(metadata) if !metadata.is_file() => {
            std::fs::OpenOptions::new().write(true).open(file).map(drop)
        }
        _ => temporary("", file).map(drop),
    };
    check().map_err(|error| unwritable(file, &error))
}

/// Writes lines for people, as [`write()`] does, without anything that a terminal or a CI runner takes for
/// a command.
///
/// # Errors
/// As [`write()`].
pub(super) fn write_text(text: &str, file: Option<&Path>) -> Result<(), Diagnostic> {
    write(&escape::rendered(text), file)
}

fn replace(data: &str, file: &Path) -> std::io::Result<()> {
    // A device or a pipe is written to, not replaced: `-o /dev/null`.
    if std::fs::metadata(file).is_ok_and(|metadata| !metadata.is_file()) {
        return std::fs::write(file, data);
    }
    temporary(data, file)?.persist(file)?;
    Ok(())
}

/// Writes JSON to standard output piece by piece, so that it is never in memory as a whole.
///
/// # Errors
/// As [`write()`].
pub(super) fn write_json(data: &impl serde::Serialize) -> Result<(), Diagnostic> {
    to_stdout(|stdout| {
        serde_json::to_writer_pretty(&mut *stdout, data)?;
        stdout.write_all(b"\n")
    })
}

fn to_stdout(write: impl FnOnce(&mut dyn Write) -> std::io::Result<()>) -> Result<(), Diagnostic> {
    let mut stdout = BufWriter::new(std::io::stdout().lock());
    match write(&mut stdout).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            let message = format!("standard output cannot be written: {error}");
            Err(Diagnostic::new(Code::Unwritable, message))
        }
        _ => Ok(()),
    }
}

/// Writes data to a file that is not there yet, all of it or nothing.
///
/// # Errors
/// None where the file is there, now if not before; else why it cannot be written.
pub(super) fn create(data: &str, file: &Path) -> Result<(), Option<Diagnostic>> {
    let created = temporary(data, file)
        .and_then(|temporary| Ok(temporary.persist_noclobber(file).map(|_| ())?));
    created.map_err(|error| {
        (error.kind() != ErrorKind::AlreadyExists).then(|| unwritable(file, &error))
    })
}

/// The text of a file that was named on the command line.
///
/// # Errors
/// When it cannot be read.
pub(super) fn read(file: &Path) -> Result<String, Diagnostic> {
    std::fs::read_to_string(file).map_err(|error| unreadable(&file.display(), &error))
}

/// The error of a file, by the name that people know, which cannot be read.
pub(super) fn unreadable(name: &dyn std::fmt::Display, error: &std::io::Error) -> Diagnostic {
    let message = format!("`{name}` cannot be read: {error}");
    Diagnostic::new(Code::Unreadable, message)
}

fn unwritable(file: &Path, error: &std::io::Error) -> Diagnostic {
    let message = format!("`{}` cannot be written: {error}", file.display());
    Diagnostic::new(Code::Unwritable, message)
}

/// A file beside the one that is to be written, with the data in it.
fn temporary(data: &str, file: &Path) -> std::io::Result<tempfile::NamedTempFile> {
    let folder = match file.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    std::fs::metadata(folder)?;
    let mode = std::fs::metadata(file).map_or(0o666, |metadata| os::mode(&metadata));
    let mut temporary = tempfile::Builder::new()
        .prefix(".shipwright-")
        .permissions(os::permissions(mode))
        .tempfile_in(folder)
        // Its text would tell the temporary name, which nobody chose.
        .map_err(|error| std::io::Error::from(error.kind()))?;
    temporary.write_all(data.as_bytes())?;
    Ok(temporary)
}

/// Prints diagnostics of what is found from that folder to standard error, with paths as seen from there; in
/// a job of GitHub Actions as annotations too, whose paths are from the top of the checkout.
pub(super) fn report(directory: &Path, diagnostics: &Diagnostics) {
    print(diagnostics, || {
        let checkout = Checkout::open(directory).ok()?;
        Some(place(&checkout))
    });
    if !is_quiet() {
        eprint(&count(diagnostics));
    }
}

/// How much is said to people, for the whole run.
static VERBOSITY: AtomicU8 = AtomicU8::new(NORMAL);
const QUIET: u8 = 0;
const NORMAL: u8 = 1;
const VERBOSE: u8 = 2;

/// Says how much to say: every diagnostic rather than one for each cause, or neither notes nor counts.
pub(super) fn set_verbosity(verbose: bool, quiet: bool) {
    let verbosity = match (verbose, quiet) {
        (true, _) => VERBOSE,
        (_, true) => QUIET,
        _ => NORMAL,
    };
    VERBOSITY.store(verbosity, Ordering::Relaxed);
}

/// Whether nobody wants to see progress.
pub(super) fn is_quiet() -> bool {
    VERBOSITY.load(Ordering::Relaxed) == QUIET
}

/// Whether everything is to be said.
pub(super) fn is_verbose() -> bool {
    VERBOSITY.load(Ordering::Relaxed) == VERBOSE
}

/// What is shown of diagnostics.
fn shown(diagnostics: &Diagnostics) -> Diagnostics {
    let mut shown = Diagnostics::new();
    match VERBOSITY.load(Ordering::Relaxed) {
        VERBOSE => return diagnostics.clone(),
        QUIET => {
            let problems = diagnostics
                .iter()
                .filter(|one| one.severity != Severity::Note);
            shown.extend(problems.cloned());
        }
        _ => shown.extend(diagnostics.iter().cloned()),
    }
    shown.by_cause()
}

/// How many there are, where there are several.
fn count(diagnostics: &Diagnostics) -> String {
    let (errors, warnings) = diagnostics.counts();
    if errors + warnings < 2 {
        return String::new();
    }
    let all = [
        (errors, "error", "errors"),
        (warnings, "warning", "warnings"),
    ];
    let told = all.into_iter().filter(|(number, ..)| *number > 0);
    let told: Vec<String> = told
        .map(|(number, one, many)| counted(number, one, many))
        .collect();
    format!("{}\n", told.join(", "))
}

/// Where in a checkout a command was typed.
#[derive(Default)]
struct Place {
    /// The root of the plan, from the top of the checkout.
    root: String,
    /// The folder, from the root of the plan.
    below: String,
}

fn place(checkout: &Checkout) -> Place {
    Place {
        root: checkout.root_path(),
        below: checkout.below_root(),
    }
}

fn print(diagnostics: &Diagnostics, place: impl FnOnce() -> Option<Place>) {
    let diagnostics = &shown(diagnostics);
    if diagnostics.is_empty() {
        return;
    }
    let place = place().unwrap_or_default();
    let style = Style {
        colour: screen::shows_colour(&std::io::stderr()),
    };
    let seen = seen_from(&place.below, diagnostics);
    eprint(&render(&seen, style));
    if in_github_actions() {
        eprint(&annotations(diagnostics, &place.root));
    }
}

/// Diagnostics with their files as seen from a folder below the root of the plan.
fn seen_from(folder: &str, diagnostics: &Diagnostics) -> Diagnostics {
    let mut seen = Diagnostics::new();
    seen.extend(diagnostics.iter().map(|diagnostic| {
        let mut diagnostic = diagnostic.clone();
        let sources = diagnostic.labels.iter_mut().map(|label| &mut label.source);
        for source in sources.filter(|source| !source.typed && source.path != "-") {
            source.path = paths::relative(&source.path, folder);
        }
        diagnostic
    }));
    seen
}

/// Whether this is a job of GitHub Actions, which sets a variable to say so.
pub(super) fn in_github_actions() -> bool {
    std::env::var_os("GITHUB_ACTIONS").is_some_and(|value| value == "true")
}

/// Adds Markdown to the page that GitHub Actions shows of the job, where this is one. It is given the bytes that
/// are left for this step: earlier commands may have written there too. A page that cannot be written is no
/// reason to fail.
pub(super) fn add_to_job_summary(markdown: impl FnOnce(usize) -> String) {
    let Some(file) = std::env::var_os("GITHUB_STEP_SUMMARY").filter(|_| in_github_actions()) else {
        return;
    };
    let open = std::fs::OpenOptions::new()
        .append(true)
        .create(true)
        .open(file);
    let _ = open.and_then(|mut file| {
        let length = usize::try_from(file.metadata()?.len()).unwrap_or(usize::MAX);
        file.write_all(markdown(MOST_BYTES.saturating_sub(length)).as_bytes())
    });
}

/// The value of an outcome, once what a plan cannot go without is printed, and how many other warnings
/// there are.
///
/// # Errors
/// The errors, where there is no value.
pub(super) fn settle<T>(workspace: &Workspace, outcome: Outcome<T>) -> Result<T, Diagnostics> {
    let (settled, said) = match outcome.into_result() {
        Ok((value, remarks)) => (Ok(value), remarks),
        Err(problems) => {
            let (errors, remarks) = problems.into_errors_and_others();
            (Err(errors), remarks)
        }
    };
    remark(workspace.checkout(), &said);
    settled
}

/// Prints what a plan cannot go without, and how many other warnings there are.
fn remark(checkout: &Checkout, diagnostics: &Diagnostics) {
    let (mut shown, mut others) = (Diagnostics::new(), 0);
    for diagnostic in diagnostics {
        if diagnostic.severity == Severity::Error || SHOWN_ALWAYS.contains(&diagnostic.code) {
            let mut diagnostic = diagnostic.clone();
            ci_branch::add_help(checkout, &mut diagnostic);
            shown.push(diagnostic);
        } else if diagnostic.severity == Severity::Warning {
            others += 1;
        }
    }
    print(&shown, || Some(place(checkout)));
    if others > 0 && !is_quiet() {
        let others = counted(others, "warning", "warnings");
        eprint(&format!("{others}: `shipwright check` shows them\n"));
    }
}

/// Warnings that every command shows: where they are right, the plan is not what people want.
const SHOWN_ALWAYS: [Code; 6] = [
    Code::IgnoredInput,
    Code::NameHint,
    Code::NoBranch,
    Code::NotUtf8,
    Code::SinceNotPlanned,
    Code::Uncommitted,
];

/// Writes to standard error; one that is closed is nobody's problem.
pub(super) fn eprint(text: &str) {
    let _ = std::io::stderr().lock().write_all(text.as_bytes());
}

/// The files that this process writes: they are not part of the working tree that it reads.
pub(super) fn written(file: Option<&Path>) -> Vec<FileIdentity> {
    let stdout = std::io::stdout()
        .as_fd()
        .try_clone_to_owned()
        .and_then(|fd| std::fs::File::from(fd).metadata());
    let file = file.map(std::fs::metadata);
    [stdout.ok(), file.and_then(Result::ok)]
        .into_iter()
        .flatten()
        .filter(std::fs::Metadata::is_file)
        .map(|metadata| FileIdentity::of(&metadata))
        .collect()
}
