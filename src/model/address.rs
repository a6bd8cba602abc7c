//! Addresses of devices on other machines: `HOST:PORT`.

use std::collections::BTreeSet;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::sync::{Mutex, PoisonError};

/// Every address that was read, once: a [`super::Device`] is copied freely, so what it names lives on.
static KNOWN: Mutex<BTreeSet<&'static str>> = Mutex::new(BTreeSet::new());

/// Reads `HOST:PORT` and nothing more, such as a path; the host is a name, an IPv4 address, or an IPv6 address in brackets.
/// Equal addresses are the same text, however they were written.
pub(super) fn read(text: &str) -> Option<&'static str> {
    let (host, port) = text.rsplit_once(':')?;
    let host = match host.strip_prefix('[') {
        Some(rest) => {
            let address: Ipv6Addr = rest.strip_suffix(']')?.parse().ok()?;
            format!("[{address}]")
        }
        None if is_ipv4_or_name(host) => host.to_ascii_lowercase(),
        None => return None,
    };
    let port = number(port).filter(|port| *port > 0)?;
    Some(interned(format!("{host}:{port}")))
}

fn is_ipv4_or_name(host: &str) -> bool {
    let is_of_label = |letter: char| letter.is_ascii_alphanumeric() || "-_".contains(letter);
    let is_label = |label: &str| !label.is_empty() && label.chars().all(is_of_label);
    // A name ends with letters; what ends with a number is meant as an address.
    let last = host.rsplit('.').next().unwrap_or(host);
    if is_digits(last) {
        return host.parse::<Ipv4Addr>().is_ok();
    }
    host.split('.').all(is_label)
}

fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// Reads a number without a sign, which `parse` would take.
fn number(text: &str) -> Option<u16> {
    text.parse().ok().filter(|_| is_digits(text))
}

/// Keeps a text for as long as the process lives, once.
fn interned(text: String) -> &'static str {
    let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(same) = known.get(text.as_str()) {
        return same;
    }
    let text: &'static str = text.leak();
    known.insert(text);
    text
}

#[cfg(test)]
mod tests {
    use super::read;

    #[track_caller]
    fn check(text: &str, expected: Option<&str>) {
        assert_eq!(read(text), expected, "`{text}`");
    }

    #[test]
    fn a_host_and_a_port_are_an_address_and_nothing_else_is() {
        check("10.0.0.5:7000", Some("10.0.0.5:7000"));
        check("gpu-box.example:1", Some("gpu-box.example:1"));
        check("node_1:65535", Some("node_1:65535"));
        check("[::1]:7000", Some("[::1]:7000"));
        for refused in [
            "",
            ":7000",
            "10.0.0.5",
            "10.0.0.5:",
            "host:0",
            "host:65536",
            "host:+70",
            "host:seven",
            "a:b:70",
            "::1:7000",
            "[::1]",
            "[::1:7000",
            "::1]:7000",
            "[host]:7000",
            "[[::1]]:7000",
            "300.0.0.1:7000",
            "10.0.5:7000",
            "7:7000",
            "a..b:7000",
            "host/path:7000",
            "user@host:7000",
            "ho st:7000",
        ] {
            check(refused, None);
        }
    }

    #[test]
    fn an_address_is_kept_once() {
        let first = read("kept.example:7000").unwrap();
        for same in [
            "kept.example:7000",
            "Kept.Example:7000",
            "kept.example:07000",
        ] {
            assert!(std::ptr::eq(read(same).unwrap(), first), "`{same}`");
        }
        check("[0:0::1]:7000", Some("[::1]:7000"));
    }
}
