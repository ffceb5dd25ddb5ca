//! Platforms: `os[(version)]/arch[/variant]`, as containerd reads and normalises them
//! (semantics §13).

use std::collections::BTreeSet;
use std::fmt;
use std::sync::LazyLock;

use regex::Regex;

use crate::lang::go::text::quote;
use crate::lang::percent;

/// What an image runs on.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Platform {
    /// Operating system, in lower case: `linux`.
    pub os: String,
    /// Version of the operating system; empty where none is asked for.
    pub os_version: String,
    /// Features of the operating system.
    pub os_features: Vec<String>,
    /// Processor architecture, in Go's words: `amd64`.
    pub architecture: String,
    /// Variant of the architecture: `v7`; empty where there is none.
    pub variant: String,
}

/// Why a text is not a platform, in containerd's words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlatformError(String);

impl fmt::Display for PlatformError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: invalid argument", self.0)
    }
}

impl std::error::Error for PlatformError {}

const OS_PATTERN: &str = r"^([A-Za-z0-9_-]+)(?:\(([A-Za-z0-9_.%-]*)((?:\+[A-Za-z0-9_.%-]+)*)\))?$";
const COMPONENT_PATTERN: &str = "^[A-Za-z0-9_.-]+$";

static OS: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(OS_PATTERN).expect("the pattern is valid"));

impl Default for Platform {
    /// `linux/amd64`. What a text leaves out comes from here and never from the machine, so that a
    /// plan is the same everywhere.
    fn default() -> Self {
        Self {
            os: "linux".to_owned(),
            os_version: String::new(),
            os_features: Vec::new(),
            architecture: "amd64".to_owned(),
            variant: String::new(),
        }
    }
}

impl Platform {
    /// Reads a platform. What is written is kept: see [`Platform::normalized`].
    ///
    /// # Errors
    /// When the text is not a platform, or is one word that is neither a known operating system nor
    /// a known architecture.
    pub fn parse(text: &str) -> Result<Self, PlatformError> {
        if text.contains('*') {
            return Err(PlatformError(format!(
                "{}: wildcards not yet supported",
                quote(text)
            )));
        }
        let parts: Vec<&str> = text.splitn(4, '/').collect();
        let mut platform = parse_os(parts[0], text)?;
        if let Some(bad) = parts[1..].iter().find(|part| !is_component(part)) {
            return Err(PlatformError(format!(
                "{} is an invalid component of {}: platform specifier component must match {}",
                quote(bad),
                quote(text),
                quote(COMPONENT_PATTERN)
            )));
        }
        match parts[..] {
            [_] if is_known_os(&platform.os) => {}
            [word] => {
                let (architecture, variant) = normalize_architecture(word, "");
                if !is_known_architecture(&architecture) {
                    return Err(PlatformError(format!(
                        "{}: unknown operating system or architecture",
                        quote(text)
                    )));
                }
                platform.os = Self::default().os;
                platform.set_architecture(architecture, variant);
            }
            [_, architecture] => {
                let (architecture, variant) = normalize_architecture(architecture, "");
                platform.set_architecture(architecture, variant);
            }
            [_, architecture, variant] => {
                let (architecture, mut variant) = normalize_architecture(architecture, variant);
                if architecture == "arm64" && variant.is_empty() {
                    "v8".clone_into(&mut variant);
                }
                platform.architecture = architecture;
                platform.variant = variant;
            }
            _ => {
                return Err(PlatformError(format!(
                    "{}: cannot parse platform specifier",
                    quote(text)
                )));
            }
        }
        Ok(platform)
    }

    /// The one spelling of this platform: `linux/arm` is `linux/arm/v7`, `linux/arm64/v8` is
    /// `linux/arm64`.
    #[must_use]
    pub fn normalized(&self) -> Self {
        let (architecture, variant) = normalize_architecture(&self.architecture, &self.variant);
        let mut os_features = self.os_features.clone();
        os_features.sort();
        os_features.dedup();
        Self {
            os: normalize_os(&self.os),
            os_version: self.os_version.clone(),
            os_features,
            architecture,
            variant,
        }
    }

    /// The text without the version and features of the operating system, as `BUILDPLATFORM` has it.
    pub(crate) fn without_os_version(&self) -> String {
        self.joined(&self.os)
    }

    /// Where only two components are written, 32-bit ARM's default variant is left unsaid.
    fn set_architecture(&mut self, architecture: String, variant: String) {
        self.variant = if architecture == "arm" && variant == "v7" {
            String::new()
        } else {
            variant
        };
        self.architecture = architecture;
    }

    fn joined(&self, os: &str) -> String {
        [os, &self.architecture, &self.variant]
            .into_iter()
            .filter(|part| !part.is_empty())
            .collect::<Vec<_>>()
            .join("/")
    }
}

/// The one spelling of a platform that is given as text; the text itself where it is none.
pub(crate) fn normal(text: &str) -> String {
    match Platform::parse(text) {
        Ok(platform) => platform.normalized().to_string(),
        Err(_) => text.to_owned(),
    }
}

impl fmt::Display for Platform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.os_version.is_empty() && self.os_features.is_empty() {
            return f.write_str(&self.joined(&self.os));
        }
        let mut os = format!("{}({}", self.os, encode_option(&self.os_version));
        for feature in &self.os_features {
            os.push('+');
            os.push_str(&encode_option(feature));
        }
        os.push(')');
        f.write_str(&self.joined(&os))
    }
}

/// Reads the first component into a platform whose architecture is still the default one.
fn parse_os(part: &str, text: &str) -> Result<Platform, PlatformError> {
    let Some(groups) = OS.captures(part) else {
        return Err(PlatformError(format!(
            "{} is an invalid OS component of {}: OSAndVersion specifier component must match {}",
            quote(part),
            quote(text),
            quote(OS_PATTERN)
        )));
    };
    let group = |index| groups.get(index).map_or("", |found| found.as_str());
    let decode = |option: &str, what: &str| {
        percent::decode(option)
            .ok_or_else(|| PlatformError(format!("{} has {what} {}", quote(text), quote(option))))
    };
    let os_features = group(3)
        .split('+')
        .skip(1)
        .map(|feature| decode(feature, "invalid OS features"))
        .collect::<Result<BTreeSet<_>, _>>()?;
    Ok(Platform {
        os: normalize_os(group(1)),
        os_version: decode(group(2), "an invalid OS version")?,
        os_features: os_features.into_iter().collect(),
        ..Platform::default()
    })
}

/// Escapes what would end a version or feature.
fn encode_option(text: &str) -> String {
    text.replace('%', "%25")
        .replace('+', "%2B")
        .replace('(', "%28")
        .replace(')', "%29")
        .replace('/', "%2F")
}

fn is_component(part: &str) -> bool {
    !part.is_empty()
        && part
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b'-'))
}

fn normalize_os(os: &str) -> String {
    let os = os.to_ascii_lowercase();
    match &*os {
        "" => Platform::default().os,
        "macos" => "darwin".to_owned(),
        _ => os,
    }
}

fn normalize_architecture(architecture: &str, variant: &str) -> (String, String) {
    let architecture = architecture.to_ascii_lowercase();
    let variant = variant.to_ascii_lowercase();
    let (architecture, variant) = match (&*architecture, &*variant) {
        ("i386", _) => ("386", ""),
        ("x86_64" | "x86-64" | "amd64", "v1") => ("amd64", ""),
        ("x86_64" | "x86-64" | "amd64", other) => ("amd64", other),
        ("aarch64" | "arm64", "8" | "v8" | "v8.0") => ("arm64", ""),
        ("aarch64" | "arm64", "9" | "9.0" | "v9.0") => ("arm64", "v9"),
        ("aarch64" | "arm64", other) => ("arm64", other),
        ("armhf", _) | ("arm", "" | "7") => ("arm", "v7"),
        ("armel", _) | ("arm", "6") => ("arm", "v6"),
        ("arm", "5") => ("arm", "v5"),
        ("arm", "8") => ("arm", "v8"),
        (other, variant) => (other, variant),
    };
    (architecture.to_owned(), variant.to_owned())
}

/// Whether Go can name this operating system.
fn is_known_os(os: &str) -> bool {
    const KNOWN: [&str; 17] = [
        "aix",
        "android",
        "darwin",
        "dragonfly",
        "freebsd",
        "hurd",
        "illumos",
        "ios",
        "js",
        "linux",
        "nacl",
        "netbsd",
        "openbsd",
        "plan9",
        "solaris",
        "windows",
        "zos",
    ];
    KNOWN.contains(&os)
}

/// Whether Go can name this architecture.
fn is_known_architecture(architecture: &str) -> bool {
    const KNOWN: [&str; 24] = [
        "386",
        "amd64",
        "amd64p32",
        "arm",
        "arm64",
        "arm64be",
        "armbe",
        "loong64",
        "mips",
        "mips64",
        "mips64le",
        "mips64p32",
        "mips64p32le",
        "mipsle",
        "ppc",
        "ppc64",
        "ppc64le",
        "riscv",
        "riscv64",
        "s390",
        "s390x",
        "sparc",
        "sparc64",
        "wasm",
    ];
    KNOWN.contains(&architecture)
}
