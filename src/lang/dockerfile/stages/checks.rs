//! Values that can be checked only after expansion: modes, signals, sizes, numbers.

use std::sync::LazyLock;

use regex::Regex;

use crate::lang::go::text::{parse_bool, upper};

/// Checks a `--chmod`: octal up to 7777, or symbolic.
///
/// # Errors
/// When it is neither, in BuildKit's words.
pub(super) fn chmod(mode: &str) -> Result<(), String> {
    static SYMBOLIC: LazyLock<Regex> = LazyLock::new(|| {
        let clause = "[augo]*(?:[-+=][rwxXstugo]*)+";
        Regex::new(&format!("^{clause}(?:,{clause})*$")).expect("the pattern is valid")
    });
    if mode.starts_with(|c: char| c.is_ascii_digit()) {
        match unsigned(mode, 8) {
            Some(0..=0o7777) => Ok(()),
            _ => Err(format!(
                "invalid chmod parameter: '{mode}'. it should be octal string and between 0 and 07777"
            )),
        }
    } else if SYMBOLIC.is_match(mode) {
        Ok(())
    } else {
        Err("invalid syntax".to_owned())
    }
}

/// Checks a `STOPSIGNAL`: a number other than 0, or a name of Linux.
///
/// # Errors
/// When it is neither, in BuildKit's words.
pub(super) fn signal(text: &str) -> Result<(), String> {
    const NAMES: [&str; 34] = [
        "ABRT", "ALRM", "BUS", "CHLD", "CLD", "CONT", "FPE", "HUP", "ILL", "INT", "IO", "IOT",
        "KILL", "PIPE", "POLL", "PROF", "PWR", "QUIT", "SEGV", "STKFLT", "STOP", "SYS", "TERM",
        "TRAP", "TSTP", "TTIN", "TTOU", "URG", "USR1", "USR2", "VTALRM", "WINCH", "XCPU", "XFSZ",
    ];
    let upper = upper(text);
    let name = upper.strip_prefix("SIG").unwrap_or(&upper);
    let known = match integer(text) {
        Some(number) => number != 0,
        None => NAMES.contains(&name) || is_realtime(name),
    };
    if known {
        Ok(())
    } else {
        Err(format!("invalid signal: {text}"))
    }
}

/// `RTMIN`, `RTMIN+1` to `RTMIN+15`, `RTMAX-14` to `RTMAX-1`, `RTMAX`.
fn is_realtime(name: &str) -> bool {
    let (offset, most) = if let Some(offset) = name.strip_prefix("RTMIN") {
        (offset.strip_prefix('+'), 15)
    } else if let Some(offset) = name.strip_prefix("RTMAX") {
        (offset.strip_prefix('-'), 14)
    } else {
        return false;
    };
    match offset {
        None => name.len() == "RTMIN".len(),
        Some(digits) => {
            !digits.starts_with(['0', '+'])
                && digits.parse().is_ok_and(|n: u32| (1..=most).contains(&n))
        }
    }
}

/// A whole number as Go's `Atoi` reads it.
pub(super) fn integer(text: &str) -> Option<i64> {
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    text.parse().ok()
}

/// A number of at most 32 bits without a sign.
pub(super) fn unsigned(text: &str, radix: u32) -> Option<u32> {
    if text.starts_with('+') {
        return None;
    }
    u32::from_str_radix(text, radix).ok()
}

/// Whether a `size=` of a mount is one: a number and perhaps a unit, such as `1.5 GiB`.
pub(super) fn is_size(text: &str) -> bool {
    let Some(end) = text.rfind(|c: char| c.is_ascii_digit() || c == '.' || c == ' ') else {
        return false;
    };
    let (number, unit) = if text[end..].starts_with(' ') {
        (&text[..end], &text[end + 1..])
    } else {
        text.split_at(end + 1)
    };
    let unit = unit.to_ascii_lowercase();
    let is_unit = match unit.strip_prefix(['k', 'm', 'g', 't', 'p']) {
        Some(rest) => matches!(rest, "" | "b" | "ib"),
        None => matches!(&*unit, "" | "b"),
    };
    is_unit && number.parse::<f64>().is_ok_and(|size| size >= 0.0)
}

/// Whether Go takes the text for true or false; `None` for neither.
pub(super) fn boolean(text: &str) -> Option<bool> {
    parse_bool(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modes() {
        for mode in ["0", "755", "07777", "u=rwX,go=rX", "+x", "a+r-w", "u="] {
            assert_eq!(chmod(mode), Ok(()), "{mode}");
        }
        for mode in ["999", "10000", "7z", "u", "u=q", "u=r,", "rwx", "=,"] {
            assert!(chmod(mode).is_err(), "{mode}");
        }
    }

    #[test]
    fn signals() {
        for text in [
            "9",
            "-1",
            "KILL",
            "sigterm",
            "RTMIN",
            "SIGRTMIN+15",
            "rtmax-14",
        ] {
            assert_eq!(signal(text), Ok(()), "{text}");
        }
        for text in [
            "0",
            "",
            "SIGNOPE",
            "SIGSIGTERM",
            "RTMIN+16",
            "RTMAX-15",
            "RTMIN+",
            "RTMIN+01",
        ] {
            assert!(signal(text).is_err(), "{text}");
        }
    }

    #[test]
    fn sizes() {
        for text in ["1", "1.5", "10k", "1 GiB", "2MB", "3b", "1 "] {
            assert!(is_size(text), "{text}");
        }
        for text in ["", "k", "1kk", "-1", "1.2.3", "1 xb", "1gibb"] {
            assert!(!is_size(text), "{text}");
        }
    }
}
