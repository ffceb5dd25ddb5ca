//! `emit bake --sealed`: a folder with a bake file and all that its builds read.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::diagnostics::{Code, Diagnostic, Diagnostics};
use crate::os;
use crate::plan::{Action, Image, Plan};
use crate::planner::Planned;
use crate::run::emit::{Sealed, emit_sealed};
use crate::tree::source::Sealer;

/// The bake file, within the folder.
const FILE: &str = "docker-bake.hcl";
/// The files of the builds, likewise.
const CONTEXTS: &str = "contexts";

/// Writes the folder, which must be new or empty: whole, or not at all.
///
/// # Errors
/// When something stands there, or a file cannot be read or written.
pub(super) fn write(made: &Planned, folder: &Path) -> Result<(), Diagnostics> {
    let sealer = made.sealer.clone();
    let failed = |error: io::Error| {
        let message = format!("`{}` cannot be written: {error}", folder.display());
        Diagnostic::new(Code::Unwritable, message)
            .help("choose a folder that does not exist or is empty")
    };
    if fs::read_dir(folder).is_ok_and(|mut entries| entries.next().is_some()) {
        return Err(failed(io::ErrorKind::DirectoryNotEmpty.into()).into());
    }
    let parent = match folder.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let temporary = tempfile::Builder::new()
        .prefix(".shipwright-")
        .tempdir_in(parent)
        .map_err(|error| failed(error.kind().into()))?;
    let sealer = sealer.into_folder(temporary.path().join(CONTEXTS));
    let mut sealed = BTreeMap::new();
    // What is only re-tagged reads nothing.
    let built = made.plan.images.iter();
    let built = built.filter(|image| image.action != Action::Retag || image.onbuild);
    for image in built {
        sealed.insert(image.name.clone(), seal(&sealer, made, image)?);
    }
    let text = emit_sealed(&with_whole_paths(made), &sealed)?;
    fs::write(temporary.path().join(FILE), text).map_err(failed)?;
    fs::set_permissions(temporary.path(), os::permissions(0o755)).map_err(failed)?;
    // Over a folder that is there and empty, too.
    fs::rename(temporary.path(), folder).map_err(failed)?;
    // Renamed away: there is nothing left to remove.
    let _ = temporary.keep();
    Ok(())
}

/// Writes what the build of an image reads; gives where, from the folder.
fn seal(sealer: &Sealer, made: &Planned, image: &Image) -> Result<Sealed, Diagnostic> {
    let files = &made.files[&image.name];
    let below = |path: PathBuf| {
        let parts: Vec<_> = path
            .iter()
            .rev()
            .map(|part| part.to_string_lossy())
            .collect();
        let last = parts.iter().take_while(|part| *part != CONTEXTS);
        let mut last: Vec<&str> = last.map(AsRef::as_ref).collect();
        last.push(CONTEXTS);
        last.reverse();
        last.join("/")
    };
    let mut named = image.contexts.clone();
    for (name, inputs) in &files.contexts {
        if let Some(place) = named.get_mut(name) {
            *place = below(sealer.context(place, inputs)?);
        }
    }
    Ok(Sealed {
        dockerfile: below(sealer.dockerfile(&files.dockerfile)?),
        context: below(sealer.context(&image.context, &files.inputs)?),
        named,
    })
}

/// The plan with paths of secrets from the root of the disk: the file is not run at the plan's.
fn with_whole_paths(made: &Planned) -> Plan {
    let mut plan = made.plan.clone();
    let images = plan.images.iter_mut();
    for secret in images.flat_map(|image| &mut image.secrets) {
        if let (Some(src), Some(root)) = (&mut secret.src, &made.root) {
            *src = root.join(&*src).to_string_lossy().into_owned();
        }
    }
    plan
}
