//! Where the images of a plan stand, by name, so that asking for one does not go through all.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use super::Image;

/// The places of images in a plan, found when the first is asked for, and looked at before they are
/// believed: the images may have been changed since. No part of the format: plans that differ in this
/// alone are equal.
#[derive(Debug, Clone, Default)]
pub(super) struct Positions(OnceLock<BTreeMap<String, usize>>);

impl Positions {
    /// The image of that name among these.
    pub(super) fn find<'p>(&self, images: &'p [Image], name: &str) -> Option<&'p Image> {
        let positions = self.0.get_or_init(|| {
            let names = images.iter().map(|image| image.name.clone());
            names.zip(0..).collect()
        });
        let found = positions
            .get(name)
            .and_then(|position| images.get(*position));
        found
            .filter(|image| image.name == name)
            .or_else(|| images.iter().find(|image| image.name == name))
    }
}

impl PartialEq for Positions {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for Positions {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn images_that_were_moved_are_found() {
        let image = |name: &str| Image {
            name: name.to_owned(),
            ..Image::default()
        };
        let mut images = vec![image("a"), image("b"), image("c")];
        let positions = Positions::default();
        let find = |images: &[Image], name| {
            positions
                .find(images, name)
                .map(|image| &*image.name == name)
        };
        assert_eq!(find(&images, "b"), Some(true));
        assert_eq!(find(&images, "x"), None);
        images.remove(0);
        assert_eq!(find(&images, "b"), Some(true));
        assert_eq!(find(&images, "a"), None);
        images.push(image("x"));
        assert_eq!(find(&images, "c"), Some(true));
        assert_eq!(find(&images, "x"), Some(true));
    }
}
