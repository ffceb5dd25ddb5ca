//! What is put into a registry by hand, and read back.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

pub(crate) const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
pub(crate) const INDEX: &str = "application/vnd.oci.image.index.v1+json";
/// What engines with a classic image store push.
const DOCKERS: &str = "application/vnd.docker.distribution.manifest.v2+json, \
    application/vnd.docker.distribution.manifest.list.v2+json";

/// The digest of these bytes.
pub(crate) fn digest(bytes: &[u8]) -> String {
    let digits: Vec<String> = Sha256::digest(bytes)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    format!("sha256:{}", digits.concat())
}

/// A registry, as one writes to it without an engine.
pub(crate) struct Raw<'r> {
    /// Its host and port.
    pub(crate) host: &'r str,
}

impl Raw<'_> {
    /// Puts a blob; gives its descriptor.
    pub(crate) fn blob(&self, repository: &str, bytes: &[u8]) -> Value {
        let digest = digest(bytes);
        let base = format!("http://{}/v2/{repository}/blobs/uploads/", self.host);
        let begun = ureq::post(&base).send_empty().expect("uploads begin");
        let location = begun.headers()["location"].to_str().unwrap().to_owned();
        let separator = if location.contains('?') { '&' } else { '?' };
        let sent = ureq::put(format!("{location}{separator}digest={digest}")).send(bytes);
        assert_eq!(sent.expect("uploads end").status(), 201);
        json!({"mediaType": "application/octet-stream", "digest": digest, "size": bytes.len()})
    }

    /// Puts a manifest; gives its descriptor. No tag: under its digest.
    pub(crate) fn manifest(
        &self,
        repository: &str,
        tag: Option<&str>,
        kind: &str,
        manifest: &Value,
    ) -> Value {
        let bytes = serde_json::to_vec(manifest).unwrap();
        let digest = digest(&bytes);
        let name = tag.unwrap_or(&digest);
        let sent = ureq::put(self.manifest_address(repository, name))
            .content_type(kind)
            .send(&bytes);
        assert_eq!(sent.expect("manifests are taken").status(), 201);
        json!({"mediaType": kind, "digest": digest, "size": bytes.len()})
    }

    /// Puts an image without a layer, that a build may use but not run; gives its descriptor.
    pub(crate) fn base(
        &self,
        repository: &str,
        tag: Option<&str>,
        architecture: &str,
        env: &BTreeMap<String, String>,
        onbuild: &[&str],
        created: Option<&str>,
    ) -> Value {
        let env: Vec<String> = env
            .iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        let config = json!({
            "created": created, "architecture": architecture, "os": "linux",
            "config": {"Env": env, "OnBuild": onbuild},
            "rootfs": {"type": "layers", "diff_ids": []},
        });
        let config = self.blob(repository, &serde_json::to_vec(&config).unwrap());
        let manifest = json!({
            "schemaVersion": 2, "mediaType": MANIFEST, "config": config, "layers": [],
        });
        let mut descriptor = self.manifest(repository, tag, MANIFEST, &manifest);
        descriptor["platform"] = json!({"os": "linux", "architecture": architecture});
        descriptor
    }

    /// Puts an index of these; gives its descriptor.
    pub(crate) fn index(&self, repository: &str, tag: Option<&str>, manifests: &[Value]) -> Value {
        let index = json!({"schemaVersion": 2, "mediaType": INDEX, "manifests": manifests});
        self.manifest(repository, tag, INDEX, &index)
    }

    /// The digest under a name, if there is one.
    pub(crate) fn digest_of(&self, repository: &str, name: &str) -> Option<String> {
        Some(digest(self.manifest_text(repository, name)?.as_bytes()))
    }

    /// The manifest under a name, if there is one.
    pub(crate) fn manifest_text(&self, repository: &str, name: &str) -> Option<String> {
        let asked = ureq::get(self.manifest_address(repository, name))
            .header("Accept", format!("{MANIFEST}, {INDEX}, {DOCKERS}"))
            .call();
        asked.ok()?.into_body().read_to_string().ok()
    }

    /// A blob that is text, if there is one.
    pub(crate) fn blob_text(&self, repository: &str, digest: &str) -> Option<String> {
        let address = format!("http://{}/v2/{repository}/blobs/{digest}", self.host);
        ureq::get(address)
            .call()
            .ok()?
            .into_body()
            .read_to_string()
            .ok()
    }

    /// Whether there is a blob of that digest.
    pub(crate) fn has_blob(&self, repository: &str, digest: &str) -> bool {
        let address = format!("http://{}/v2/{repository}/blobs/{digest}", self.host);
        ureq::get(address).call().is_ok()
    }

    fn manifest_address(&self, repository: &str, name: &str) -> String {
        format!("http://{}/v2/{repository}/manifests/{name}", self.host)
    }
}
