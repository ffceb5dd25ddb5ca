//! Images copied from one repository to another, byte for byte, without an engine: manifests, blobs, and
//! what refers to them (signatures, attestations).
//!
//! The OCI distribution specification 1.1: pulling, pushing, mounting, referrers and their tag schema.

use std::collections::BTreeMap;
use std::io::{self, Read};

use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use super::http::{HttpRegistry, Manifest, parse, parsed};
use super::wire::{Ask, body, header, refused};
use super::{Refused, Registry, Why};
use crate::lang::digest::Digest;
use crate::lang::reference::Reference;

const INDEX: &str = "application/vnd.oci.image.index.v1+json";

/// How the tags end under which older tools keep what refers to a digest.
const SUFFIXES: [&str; 3] = ["sig", "att", "sbom"];

/// How deep manifests refer to manifests: an index, an image, its signature, what refers to that.
const DEEPEST: usize = 4;

/// A manifest, single or an index, as far as copying it needs.
#[derive(Deserialize)]
struct Content {
    config: Option<Blob>,
    #[serde(default)]
    layers: Vec<Blob>,
    #[serde(default)]
    manifests: Vec<Blob>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Blob {
    digest: String,
    #[serde(default)]
    size: u64,
    /// Where it is, if not in the registry: a layer that may not be distributed.
    #[serde(default)]
    urls: Vec<String>,
}

impl Blob {
    fn digest(&self) -> Result<Digest, Refused> {
        let none = || Refused::new(Why::Final, "its manifest has an invalid digest");
        Digest::parse(&self.digest).ok_or_else(none)
    }
}

/// What refers to a digest: an index by the tag schema. Keys that are not known stay.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Referrers {
    schema_version: u32,
    media_type: String,
    manifests: Vec<Value>,
}

impl Referrers {
    /// Adds an entry unless its digest is there.
    fn add(&mut self, entry: Value) {
        if !self
            .manifests
            .iter()
            .any(|other| other["digest"] == entry["digest"])
        {
            self.manifests.push(entry);
        }
    }
}

impl HttpRegistry {
    /// Copies what `source` names, and what refers to it, to the repository of `target`; the tag of
    /// `target` last, where nothing is yet. Gives the digest, which is the same in both.
    ///
    /// # Errors
    /// When something cannot be read or written. What was copied until then stays, without a tag.
    pub(crate) fn copy(&self, source: &str, target: &str) -> Result<String, Refused> {
        let (from, name) = parse(source)?;
        let (to, _) = parse(target)?;
        let manifest = self.manifest(&from, &name)?;
        let gone = || Refused::new(Why::Final, format!("`{source}` no longer exists"));
        let manifest = manifest.ok_or_else(gone)?;
        let digest = Digest::of(&manifest.bytes);
        let way = Way {
            registry: self,
            from: &from,
            to: &to,
        };
        way.manifest(&manifest, &digest, &mut BTreeMap::new(), 0)?;
        // Copying may take long, and another run may end meanwhile.
        match Registry::digest(self, target)? {
            None => self.put_as(&manifest, target)?,
            Some(there) if there == digest.as_str() => {}
            Some(there) => {
                let message = format!("another run has put {there} there meanwhile");
                return Err(Refused::new(Why::Final, message));
            }
        }
        Ok(digest.to_string())
    }
}

/// The manifests that were copied, each with whether the target itself keeps the list of what refers to
/// its subject.
type Done = BTreeMap<Digest, bool>;

/// From one repository to another.
struct Way<'w> {
    registry: &'w HttpRegistry,
    from: &'w Reference,
    to: &'w Reference,
}

impl Way<'_> {
    /// Copies a manifest by its digest: first what it holds, then itself, then what refers to it. Answers
    /// as [`Way::put`].
    fn manifest(
        &self,
        manifest: &Manifest,
        digest: &Digest,
        done: &mut Done,
        depth: usize,
    ) -> Result<bool, Refused> {
        if depth > DEEPEST {
            return Ok(true);
        }
        if let Some(kept_there) = done.get(digest) {
            return Ok(*kept_there);
        }
        // What refers to itself by way of others is not copied for ever.
        done.insert(digest.clone(), true);
        let content: Content = parsed(&manifest.bytes)?;
        for child in &content.manifests {
            self.by_digest(&child.digest()?, done, depth + 1)?;
        }
        for blob in content.config.iter().chain(&content.layers) {
            if blob.urls.is_empty() {
                self.blob(&blob.digest()?, blob.size)?;
            }
        }
        let kept_there = self.put(manifest, digest.as_str())?;
        done.insert(digest.clone(), kept_there);
        self.referrers(digest, done, depth)?;
        Ok(kept_there)
    }

    fn by_digest(&self, digest: &Digest, done: &mut Done, depth: usize) -> Result<bool, Refused> {
        let manifest = self.registry.manifest(self.from, digest.as_str())?;
        let lacks = || {
            Refused::new(
                Why::Final,
                format!("its registry lacks the manifest {digest}"),
            )
        };
        self.manifest(&manifest.ok_or_else(lacks)?, digest, done, depth)
    }

    /// Puts a manifest under a tag or its digest. Answers whether the registry itself keeps the list of
    /// what refers to a digest.
    fn put(&self, manifest: &Manifest, name: &str) -> Result<bool, Refused> {
        let rest = format!("manifests/{name}");
        let put = Ask::Put(&rest, &manifest.bytes, &manifest.kind);
        let response = self.registry.wire().ask(self.to, put)?;
        if !response.status().is_success() {
            return Err(refused(response));
        }
        Ok(header(&response, "oci-subject").is_some())
    }

    /// Copies a blob: mounted where both repositories are in one registry, else streamed.
    fn blob(&self, digest: &Digest, size: u64) -> Result<(), Refused> {
        let wire = self.registry.wire();
        let path = format!("blobs/{digest}");
        let same_host = self.from.domain == self.to.domain;
        let begin = if same_host {
            format!("blobs/uploads/?mount={digest}&from={}", self.from.path)
        } else {
            let there = wire.ask(self.to, Ask::Head(&path))?;
            if there.status().is_success() {
                return Ok(());
            }
            "blobs/uploads/".to_owned()
        };
        let begun = wire.ask(self.to, Ask::Post(&begin))?;
        if begun.status() == 201 {
            return Ok(());
        }
        if !begun.status().is_success() {
            return Err(refused(begun));
        }
        let nowhere = || Refused::new(Why::Final, "it gives no address for an upload");
        let address = header(&begun, "location").ok_or_else(nowhere)?;
        let source = wire.ask(self.from, Ask::Layer(&path))?;
        if !source.status().is_success() {
            return Err(refused(source));
        }
        let mut bytes = Hashed {
            inner: source.into_body().into_with_config().limit(size).reader(),
            hash: Sha256::new(),
        };
        wire.upload(self.to, &address, digest, (&mut bytes, size))?;
        if Digest::finish(bytes.hash) != *digest {
            let message = format!("its blob {digest} has another digest");
            return Err(Refused::new(Why::Final, message));
        }
        Ok(())
    }

    /// Copies what refers to a digest: by the referrers API, else by the tags of its schema and those of
    /// older tools.
    fn referrers(&self, digest: &Digest, done: &mut Done, depth: usize) -> Result<(), Refused> {
        let hexadecimal = digest.as_str().trim_start_matches("sha256:");
        let tag = format!("sha256-{hexadecimal}");
        let listed = match self.list(&format!("referrers/{digest}"))? {
            Some(listed) => Some(listed),
            None => self.list(&format!("manifests/{tag}"))?,
        };
        if let Some(listed) = listed.filter(|listed| !listed.manifests.is_empty()) {
            let mut kept_there = true;
            for entry in &listed.manifests {
                let Some(referrer) = entry["digest"].as_str().and_then(Digest::parse) else {
                    continue;
                };
                kept_there &= self.by_digest(&referrer, done, depth + 1)?;
            }
            if !kept_there {
                self.add_to_list(&tag, listed)?;
            }
        }
        for suffix in SUFFIXES {
            let tag = format!("{tag}.{suffix}");
            if let Some(manifest) = self.registry.manifest(self.from, &tag)?
                && self.registry.manifest(self.to, &tag)?.is_none()
            {
                let digest = Digest::of(&manifest.bytes);
                self.manifest(&manifest, &digest, done, depth + 1)?;
                self.put_tag(&manifest, &tag)?;
            }
        }
        Ok(())
    }

    /// The list under a path; none where the registry has none, or does not know the question.
    fn list(&self, path: &str) -> Result<Option<Referrers>, Refused> {
        let response = self.registry.wire().ask(self.from, Ask::Get(path))?;
        match response.status().as_u16() {
            200 => Ok(serde_json::from_slice(&body(response)?).ok()),
            400 | 404 | 405 | 501 => Ok(None),
            _ => Err(refused(response)),
        }
    }

    /// Adds to the list that the tag schema keeps in the target.
    fn add_to_list(&self, tag: &str, listed: Referrers) -> Result<(), Refused> {
        let there = self.registry.manifest(self.to, tag)?;
        let there = there.and_then(|manifest| serde_json::from_slice(&manifest.bytes).ok());
        let mut list = there.unwrap_or_else(|| Referrers {
            schema_version: 2,
            media_type: INDEX.to_owned(),
            manifests: Vec::new(),
        });
        let before = list.manifests.len();
        for entry in listed.manifests {
            list.add(entry);
        }
        if list.manifests.len() == before {
            return Ok(());
        }
        let bytes = serde_json::to_vec(&list).expect("it was read from JSON");
        let kind = INDEX.to_owned();
        let manifest = Manifest {
            bytes,
            kind,
            told: None,
        };
        self.put_tag(&manifest, tag)
    }

    /// Lets a tag name a manifest.
    fn put_tag(&self, manifest: &Manifest, tag: &str) -> Result<(), Refused> {
        let target = format!("{}:{tag}", self.to.repository());
        self.registry.put_as(manifest, &target)
    }
}

/// Bytes that are hashed while they pass.
struct Hashed<R> {
    inner: R,
    hash: Sha256,
}

impl<R: Read> Read for Hashed<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        self.hash.update(&buffer[..count]);
        Ok(count)
    }
}
