//! Connections that do not come about or break: what happened, and what to do, in words.

use rustls::CertificateError;
use rustls::Error as Tls;
use ureq::{Error, Timeout};

use super::{Refused, Why};

/// What an error of the connection means for what was asked.
pub(in crate::run) fn broken(error: &Error) -> Refused {
    let silent = |message: &str| Refused::new(Why::Silent, message);
    match error {
        Error::Io(cause) => match cause
            .get_ref()
            .and_then(|inner| inner.downcast_ref::<Tls>())
        {
            Some(tls) => encryption(tls),
            None => silent(&cause.to_string()),
        },
        Error::Rustls(tls) => encryption(tls),
        Error::HostNotFound => silent("its host name cannot be resolved"),
        Error::Timeout(Timeout::Resolve | Timeout::Connect) => {
            silent("no connection came about in time")
        }
        Error::Timeout(_) => silent("it did not answer in time"),
        Error::BodyExceedsLimit(limit) => {
            let message = format!("its answer is longer than {limit} bytes");
            Refused::new(Why::Final, message)
        }
        Error::TooManyRedirects | Error::RedirectFailed => {
            Refused::new(Why::Final, "it redirects without end or where it must not")
        }
        other => silent(&other.to_string()),
    }
}

fn encryption(error: &Tls) -> Refused {
    let message = match error {
        Tls::InvalidCertificate(CertificateError::UnknownIssuer) => {
            "its certificate is from an authority that this machine does not trust: add the authority \
             to the system's certificates, or name its file in SSL_CERT_FILE"
                .to_owned()
        }
        Tls::InvalidCertificate(
            CertificateError::Expired | CertificateError::ExpiredContext { .. },
        ) => "its certificate has expired".to_owned(),
        Tls::InvalidCertificate(reason) => format!("its certificate is refused: {reason}"),
        Tls::InvalidMessage(_) => {
            "it does not use TLS; only `localhost` and 127.0.0.0/8 are asked over plain HTTP"
                .to_owned()
        }
        // Also an alert that came in the middle of a connection.
        other => format!("no encrypted connection comes about: {other}"),
    };
    Refused::new(Why::Untrusted, message)
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;

    #[test]
    fn an_error_says_what_happened_without_the_words_of_a_library() {
        let refused = || Error::Io(io::ErrorKind::ConnectionRefused.into());
        let tls = |error: Tls| Error::Io(io::Error::new(io::ErrorKind::InvalidData, error));
        let expired = || Tls::InvalidCertificate(CertificateError::Expired);
        let slow = "it did not answer in time";
        for (error, why, message) in [
            (refused(), Why::Silent, "connection refused"),
            (Error::Timeout(Timeout::Global), Why::Silent, slow),
            (Error::Timeout(Timeout::RecvResponse), Why::Silent, slow),
            (
                Error::Timeout(Timeout::Connect),
                Why::Silent,
                "no connection came about in time",
            ),
            (
                Error::HostNotFound,
                Why::Silent,
                "its host name cannot be resolved",
            ),
            (
                Error::BodyExceedsLimit(8),
                Why::Final,
                "its answer is longer than 8 bytes",
            ),
            (
                tls(expired()),
                Why::Untrusted,
                "its certificate has expired",
            ),
            (
                Error::Rustls(expired()),
                Why::Untrusted,
                "its certificate has expired",
            ),
        ] {
            assert_eq!(broken(&error), Refused::new(why, message));
        }
    }
}
