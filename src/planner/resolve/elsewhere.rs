//! What comes from elsewhere and does not count: downloads without a checksum, and the triggers of
//! base images that nobody has looked at.

use std::collections::BTreeSet;

use super::Resolved;
use crate::config::{self, lock};
use crate::diagnostics::{Code, Diagnostic, Diagnostics};
use crate::lang::dockerfile::stages::{Base, Download, ImageUse, Place};
use crate::paths;
use crate::planner::external::Locks;
use crate::tree::snapshot::Folder;

/// Warns, once for each, of what `ADD` fetches and no checksum holds to one content.
pub(super) fn downloads(
    resolved: &[Resolved<'_>],
    locks: &Locks<'_>,
    diagnostics: &mut Diagnostics,
) {
    let mut seen = BTreeSet::new();
    for image in resolved {
        let path = image.definition.dockerfile.as_str();
        for step in image.steps() {
            let loose = step
                .downloads
                .iter()
                .filter(|download| !download.is_fixed && !locks.has(download));
            for download in loose {
                if seen.insert((path, step.place.span, &download.text)) {
                    diagnostics.push(remote_add(image, step.place, download));
                }
            }
        }
    }
}

fn remote_add(image: &Resolved<'_>, place: Place, download: &Download) -> Diagnostic {
    let text = &download.text;
    let message = format!(
        "this `ADD` fetches whatever `{text}` is at build time; its content does not affect the fingerprint"
    );
    let diagnostic =
        Diagnostic::new(Code::RemoteAdd, message).at(image.source, place.span.range(), "");
    if download.is_git {
        diagnostic.help("use a full commit id: `…#<commit>`, or `--checksum=<commit>`")
    } else {
        diagnostic.help("add its checksum: `ADD --checksum=sha256:… …`")
    }
}

/// Publishers whose images have triggers only where their tag says so.
const WITHOUT_TRIGGERS: [&str; 4] = [
    "docker.io/library/",
    "gcr.io/distroless/",
    "mcr.microsoft.com/",
    "registry.access.redhat.com/",
];

/// Warns of base images from elsewhere whose triggers may take files: those that are called so, and
/// those on which a Dockerfile builds that copies nothing though its folder has something.
pub(crate) fn triggers(
    resolved: &[Resolved<'_>],
    root: &Folder,
    locks: &Locks<'_>,
    diagnostics: &mut Diagnostics,
) {
    let mut seen = BTreeSet::new();
    for image in resolved {
        if image.definition.settings.build.inputs.0.is_some() {
            continue;
        }
        let reads = image.steps().any(|step| !step.sources.is_empty());
        let has_files = || {
            let folder = root.folder(&image.context);
            folder.is_some_and(|folder| {
                let mut entries = folder.entries();
                entries.any(|entry| !is_about_building(image, &entry.name()))
            })
        };
        for view in &image.views {
            for stage in view.stages.reachable() {
                let Base::Image(base) = &stage.base else {
                    continue;
                };
                let name = base.full_name();
                let is_internal = view.meanings.get(&name).copied().flatten().is_some();
                let is_known = is_internal || locks.image(&name).is_some();
                let is_wanted = says_so(base) || (!reads && may_have_triggers(base) && has_files());
                let path = image.definition.dockerfile.as_str();
                if !is_known && is_wanted && seen.insert((path, stage.from.node.line)) {
                    diagnostics.push(external_triggers(image, stage.from.into(), base));
                }
            }
        }
    }
}

/// Whether the tag of an image says that it has triggers.
fn says_so(base: &ImageUse) -> bool {
    let tag = base.reference.tag.as_deref().unwrap_or_default();
    tag.split(['-', '.', '_']).any(|part| part == "onbuild")
}

fn may_have_triggers(base: &ImageUse) -> bool {
    let name = base.full_name();
    !WITHOUT_TRIGGERS
        .iter()
        .any(|publisher| name.starts_with(publisher))
}

/// Whether a file of a context is a Dockerfile, an ignore file or a text for people.
fn is_about_building(image: &Resolved<'_>, name: &str) -> bool {
    name == paths::file_name(&image.definition.dockerfile)
        || name.contains("Dockerfile")
        || name.ends_with("ignore")
        || matches!(name.rsplit_once('.'), Some((_, "md")))
        || name.starts_with(".git")
        || name == config::PATH
        || name == lock::PATH
}

fn external_triggers(image: &Resolved<'_>, place: Place, base: &ImageUse) -> Diagnostic {
    let message = format!(
        "`{}` may have `ONBUILD` triggers, which are unknown here; files they copy do not affect the fingerprint",
        base.text
    );
    let name = &image.definition.name;
    Diagnostic::new(Code::ExternalTriggers, message)
        .at(image.source, place.span.range(), "")
        .help(format!(
            r#"if it has, list the files that they copy: `"images": {{"{name}": {{"inputs": ["**"]}}}}` in .shipwright.json"#
        ))
        .help(r#"if it has none, turn this warning off: `"inputs": []`"#)
        .help("`shipwright lock` asks the registry which triggers it has")
        .because_of("unknown triggers")
}
