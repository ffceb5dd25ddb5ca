//! Plans written by hand.

use sha2::{Digest, Sha256};
use shipwright::plan::{Dependency, Image, Plan, Source};

/// The plan of `python shared<python app<shared,python`: names, each with what it needs, in build
/// order. Image `us/app` lives at `prefix/us/app`, is the folder `app`, and has the tag `main`.
#[track_caller]
pub(crate) fn plan(prefix: &str, text: &str) -> Plan {
    let images = text
        .split(' ')
        .map(|word| {
            let (name, needs) = word.split_once('<').unwrap_or((word, ""));
            let needs = needs.split(',').filter(|need| !need.is_empty());
            image(prefix, name, needs)
        })
        .collect();
    let source = Source {
        revision: "0".repeat(40),
        branch: Some("main".to_owned()),
        ..Source::default()
    };
    Plan::new(source, images)
}

fn image<'a>(prefix: &str, name: &str, needs: impl Iterator<Item = &'a str>) -> Image {
    let repository = format!("{prefix}/us/{name}");
    let mut image = Image {
        name: format!("us/{name}"),
        repository: repository.clone(),
        dockerfile: format!("{name}/Dockerfile"),
        context: name.to_owned(),
        dependencies: needs
            .map(|need| Dependency {
                image: format!("us/{need}"),
                reference: format!("us/{need}"),
                content: None,
                across: std::collections::BTreeMap::new(),
                via: Vec::new(),
            })
            .collect(),
        inputs: "0".repeat(40),
        tags: vec![format!("{repository}:main")],
        ..Image::default()
    };
    set_fingerprint(&mut image, 0);
    image
}

/// Gives the image another fingerprint, and with it another label and content reference. Images of two
/// prefixes have none in common: an engine gives what one holds to the other.
pub(crate) fn set_fingerprint(image: &mut Image, version: u8) {
    let digest = Sha256::digest(format!("{} {version}", image.repository));
    let digits = digest
        .iter()
        .fold(String::new(), |text, byte| format!("{text}{byte:02x}"));
    image.fingerprint = digits.into();
    image.reference = format!("{}:sw-{}", image.repository, &image.fingerprint[..32]);
    let label = "dev.shipwright.fingerprint".to_owned();
    image.labels.insert(label, image.fingerprint.to_string());
}
