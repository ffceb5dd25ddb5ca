//! Downloads: whether what a server has is what it had, and the checksum of what it has.
#![allow(
    clippy::disallowed_methods,
    reason = "an idle server is not waited for"
)]

use std::io::Read;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use sha2::{Digest as _, Sha256};
use ureq::http::{Response, StatusCode};
use ureq::tls::{RootCerts, TlsConfig};
use ureq::{Agent, Body};

use super::{Answer, Entry};
use crate::config::lock::LockedDownload;
use crate::lang::digest::Digest;
use crate::run::registry::{Refused, Why, broken, header, why};

/// How long a server may take until it begins to answer.
const PATIENCE: Duration = Duration::from_secs(60);
/// How long a body may pause.
const IDLE: Duration = Duration::from_secs(60);
/// Bytes that are read at a time.
const PIECE: usize = 64 << 10;

/// Connections to servers.
pub(super) struct Downloads(Agent);

impl Downloads {
    /// No connection is made yet.
    pub(super) fn new() -> Self {
        let certificates = TlsConfig::builder().root_certs(RootCerts::PlatformVerifier);
        let config = Agent::config_builder()
            .http_status_as_error(false)
            .timeout_connect(Some(PATIENCE))
            .timeout_recv_response(Some(PATIENCE))
            .tls_config(certificates.build())
            .user_agent(concat!("shipwright/", env!("CARGO_PKG_VERSION")));
        Self(config.build().new_agent())
    }

    /// What an URL has. The body is read only where the server does not say that it is what it was.
    pub(super) fn ask(&self, url: &str, old: Option<&LockedDownload>) -> Result<Answer, Refused> {
        // Compression is not what a builder would be sent.
        let mut request = self.0.get(url).header("Accept-Encoding", "identity");
        if let Some(old) = old {
            if let Some(etag) = &old.etag {
                request = request.header("If-None-Match", etag);
            } else if let Some(modified) = &old.modified {
                request = request.header("If-Modified-Since", modified);
            }
        }
        let sent = request.call();
        let response = sent.map_err(|error| broken(&error))?;
        match (response.status(), old) {
            (StatusCode::NOT_MODIFIED, Some(old)) => {
                return Ok(Answer::Is(Entry::Download(old.clone())));
            }
            (StatusCode::NOT_FOUND | StatusCode::GONE, _) => return Ok(Answer::Gone),
            (status, _) if status.is_success() => {}
            (status, _) => {
                return Err(Refused::new(why(&response), format!("it answers {status}")));
            }
        }
        let etag = header(&response, "etag");
        let modified = header(&response, "last-modified");
        if let Some(old) = old {
            let is_same_etag = etag.is_some() && etag == old.etag;
            let is_same_time = etag.is_none() && modified.is_some() && modified == old.modified;
            if is_same_etag || is_same_time {
                return Ok(Answer::Is(Entry::Download(old.clone())));
            }
        }
        let checksum = checksum(response)?;
        Ok(Answer::Is(Entry::Download(LockedDownload {
            checksum,
            modified: modified.filter(|_| etag.is_none()),
            etag,
        })))
    }
}

/// SHA-256 of a body, which may be as long as it likes and must not pause for long.
fn checksum(response: Response<Body>) -> Result<String, Refused> {
    let (sender, pieces) = mpsc::sync_channel(4);
    thread::spawn(move || {
        let mut reader = response.into_body().into_reader();
        loop {
            let mut piece = vec![0; PIECE];
            let read = reader.read(&mut piece).map(|length| {
                piece.truncate(length);
                piece
            });
            let is_last = !matches!(&read, Ok(piece) if !piece.is_empty());
            if sender.send(read).is_err() || is_last {
                return;
            }
        }
    });
    let mut hash = Sha256::new();
    loop {
        match pieces.recv_timeout(IDLE) {
            Ok(Ok(piece)) if piece.is_empty() => {
                return Ok(Digest::finish(hash).into());
            }
            Ok(Ok(piece)) => hash.update(&piece),
            Ok(Err(error)) => return Err(broken(&error.into())),
            Err(_) => return Err(Refused::new(Why::Silent, "it stopped answering")),
        }
    }
}
