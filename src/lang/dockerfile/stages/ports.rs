//! `EXPOSE`: `[ip:][host:]port[-port][/protocol]`, of which only the container's part is kept
//! (semantics §9.7).

use std::collections::BTreeSet;
use std::net::IpAddr;

use crate::lang::go::text::quote;

/// Exposed ports, as ranges: one word can name all 65,536.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ports {
    ranges: BTreeSet<(String, u16, u16)>,
}

impl Ports {
    /// Adds what one word of `EXPOSE` names.
    ///
    /// # Errors
    /// When it is none, in BuildKit's words.
    pub fn add(&mut self, word: &str) -> Result<(), String> {
        let (address, host, container) = split(word);
        let (ports, protocol) = split_protocol(container)
            .map_err(|why| format!("invalid port: {}: {why}", quote(word)))?;
        check_address(&address)?;
        let (first, last) =
            parse_range(ports).ok_or_else(|| format!("invalid containerPort: {ports}"))?;
        if !host.is_empty() {
            let (host_first, host_last) =
                parse_range(host).ok_or_else(|| format!("invalid hostPort: {host}"))?;
            if last - first != host_last - host_first && last != first {
                return Err(format!(
                    "invalid ranges specified for container and host Ports: {ports} and {host}"
                ));
            }
        }
        self.ranges.insert((protocol, first, last));
        Ok(())
    }

    /// All ports as `port/protocol`, sorted as texts.
    pub fn names(&self) -> BTreeSet<String> {
        let mut names = BTreeSet::new();
        let mut done: Option<(&str, u16)> = None;
        for (protocol, first, last) in &self.ranges {
            // The ranges are sorted: what one before has named needs no second time.
            let first = match done {
                Some((same, end)) if same == protocol && end >= *first => end.saturating_add(1),
                _ => *first,
            };
            names.extend((first..=*last).map(|port| format!("{port}/{protocol}")));
            let end = done.filter(|(same, _)| same == protocol);
            done = Some((protocol, end.map_or(*last, |(_, end)| end.max(*last))));
        }
        names
    }
}

/// Address, host port and container port.
fn split(word: &str) -> (String, &str, &str) {
    let parts: Vec<&str> = word.split(':').collect();
    match parts[..] {
        [container] => (String::new(), "", container),
        [host, container] => (String::new(), host, container),
        [ref address @ .., host, container] => (address.join(":"), host, container),
        [] => (String::new(), "", ""),
    }
}

/// Ports and protocol, in lower case.
fn split_protocol(text: &str) -> Result<(&str, String), String> {
    let (ports, protocol) = text.split_once('/').unwrap_or((text, ""));
    if ports.is_empty() {
        return Err("no port specified".to_owned());
    }
    match &*protocol.to_lowercase() {
        "" => Ok((ports, "tcp".to_owned())),
        lower @ ("tcp" | "udp" | "sctp") => Ok((ports, lower.to_owned())),
        _ => Err(format!("invalid proto: {protocol}")),
    }
}

fn check_address(address: &str) -> Result<(), String> {
    let plain = match address.strip_prefix('[') {
        Some(inner) => inner
            .strip_suffix(']')
            .ok_or_else(|| format!("invalid IP address {address}"))?,
        None => address,
    };
    if plain.is_empty() || plain.parse::<IpAddr>().is_ok() {
        Ok(())
    } else {
        Err(format!("invalid IP address: {plain}"))
    }
}

fn parse_range(text: &str) -> Option<(u16, u16)> {
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    let range = (parse_port(first)?, parse_port(last)?);
    (range.0 <= range.1).then_some(range)
}

/// A number as Go reads it: a sign is allowed, and of negative ones only `-0` is in range.
fn parse_port(text: &str) -> Option<u16> {
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let port = digits.parse().ok()?;
    (port == 0 || !text.starts_with('-')).then_some(port)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(words: &[&str], expected: Result<&[&str], &str>) {
        let mut ports = Ports::default();
        let result = words.iter().try_for_each(|word| ports.add(word));
        let names = ports.names();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        assert_eq!(
            result.as_ref().map(|()| &*names).map_err(|e| &**e),
            expected
        );
    }

    #[test]
    fn keeps_the_containers_part() {
        check(&["80"], Ok(&["80/tcp"]));
        check(&["1:2", "127.0.0.1:3:4/UDP"], Ok(&["2/tcp", "4/udp"]));
        check(&["7-8", "8-9", "7"], Ok(&["7/tcp", "8/tcp", "9/tcp"]));
        check(&["[::1]:1:2", "::1:1:3"], Ok(&["2/tcp", "3/tcp"]));
        check(&["1-2:3"], Ok(&["3/tcp"]));
    }

    #[test]
    fn says_what_is_wrong() {
        check(
            &["80/foo"],
            Err("invalid port: \"80/foo\": invalid proto: foo"),
        );
        check(&["/tcp"], Err("invalid port: \"/tcp\": no port specified"));
        check(&["70000"], Err("invalid containerPort: 70000"));
        check(&["9-8"], Err("invalid containerPort: 9-8"));
        check(&["x:1:2"], Err("invalid IP address: x"));
        check(&["x:2"], Err("invalid hostPort: x"));
        check(
            &["1-3:2-3"],
            Err("invalid ranges specified for container and host Ports: 2-3 and 1-3"),
        );
    }

    #[test]
    fn many_large_ranges_are_cheap() {
        let mut ports = Ports::default();
        for first in 0..2000 {
            ports.add(&format!("{first}-65535")).expect("a range");
        }
        assert_eq!(ports.names().len(), 65_536);
    }
}
