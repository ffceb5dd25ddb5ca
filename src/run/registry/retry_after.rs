//! How long a server asks to wait: the header `Retry-After` of RFC 9110, §10.2.3.

use std::time::{Duration, SystemTime};

/// The wait that a header asks for: a number of seconds, or the time until a date. None where it is neither.
/// `now` is the time of the answer; a date that has passed asks for no wait.
pub(super) fn wait(text: &str, now: SystemTime) -> Option<Duration> {
    let text = text.trim();
    // The grammar has digits alone, without a sign.
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        // A number that is too large is longer than anything that is waited for.
        return Some(Duration::from_secs(text.parse().unwrap_or(u64::MAX)));
    }
    let date = httpdate::parse_http_date(text).ok()?;
    Some(date.duration_since(now).unwrap_or_default())
}

/// The time of an answer: what its header `Date` says, since the clocks of two machines may differ; else
/// the time here.
pub(super) fn time_of(date: Option<&str>, here: SystemTime) -> SystemTime {
    date.and_then(|date| httpdate::parse_http_date(date.trim()).ok())
        .unwrap_or(here)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_is_a_number_or_a_date_in_one_of_the_three_forms_of_http() {
        let here = SystemTime::UNIX_EPOCH;
        let now = time_of(Some("Sun, 06 Nov 1994 08:49:07 GMT"), here);
        for (text, seconds) in [
            ("0", Some(0)),
            ("120", Some(120)),
            (" 7 ", Some(7)),
            ("99999999999999999999999", Some(u64::MAX)),
            ("Sun, 06 Nov 1994 08:49:37 GMT", Some(30)),
            ("Sunday, 06-Nov-94 08:49:37 GMT", Some(30)),
            ("Sun Nov  6 08:49:37 1994", Some(30)),
            ("Mon, 07 Nov 1994 08:49:07 GMT", Some(24 * 60 * 60)),
            ("Sun, 06 Nov 1994 08:49:07 GMT", Some(0)),
            // It has passed.
            ("Sun, 06 Nov 1994 08:48:07 GMT", Some(0)),
            ("", None),
            ("-1", None),
            ("+1", None),
            ("1.5", None),
            ("soon", None),
            ("Sun, 06 Nov 1994 08:49:37 +0100", None),
            ("Sun, 99 Nov 1994 08:49:37 GMT", None),
        ] {
            let expected = seconds.map(Duration::from_secs);
            assert_eq!(wait(text, now), expected, "{text:?}");
        }
    }

    #[test]
    fn the_clock_of_the_server_counts_where_it_tells_the_time() {
        let here = SystemTime::UNIX_EPOCH + Duration::from_secs(784_111_777);
        let late = "Sun, 06 Nov 1994 08:59:37 GMT";
        for (date, seconds) in [
            (Some("Sun, 06 Nov 1994 08:59:27 GMT"), 10),
            (Some("yesterday"), 600),
            (None, 600),
        ] {
            let asked = wait(late, time_of(date, here));
            assert_eq!(asked, Some(Duration::from_secs(seconds)), "{date:?}");
        }
    }
}
