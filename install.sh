#!/bin/sh
# Installs a release of shipwright, after checking its SHA-256.
#
# usage: sh install.sh [--to FOLDER] [--version VERSION] [--from ADDRESS]
#
#   --to FOLDER        where the program goes; default: ~/.local/bin
#   --version VERSION  such as 0.1.0; default: the release that this script belongs to
#   --from ADDRESS     the folder of the release's files; default: where this script was published
#
# It writes one file, FOLDER/shipwright, and needs curl or wget, tar, and sha256sum or shasum.
set -eu

# The release workflow fills these in.
base='@BASE@'
version='@VERSION@'
to=${HOME:-}/.local/bin

die() {
  echo "install.sh: $*" >&2
  exit 1
}

while [ $# -gt 0 ]; do
  case $1 in
  --to | --version | --from) [ $# -ge 2 ] || die "$1 needs a value" ;;
  esac
  case $1 in
  --to) to=$2 ;;
  --version) version=$2 ;;
  --from) base=$2 ;;
  -h | --help)
    sed -n '2,/^set/{/^#/s/^# \{0,1\}//p;}' "$0"
    exit 0
    ;;
  *) die "unknown option $1" ;;
  esac
  shift 2
done
case $base in @*) die "name the address of a release with --from" ;; esac
case $version in @*) die "name a version with --version" ;; esac
case $version in *[!0-9A-Za-z.+-]*) die "'$version' is not a version" ;; esac

case $(uname -s)-$(uname -m) in
Linux-x86_64 | Linux-amd64) target=x86_64-unknown-linux-gnu ;; # static: runs on any x86-64 Linux
Linux-aarch64 | Linux-arm64) target=aarch64-unknown-linux-musl ;;
Darwin-x86_64) target=x86_64-apple-darwin ;;
Darwin-arm64) target=aarch64-apple-darwin ;;
*) die "no release for $(uname -s) on $(uname -m): build it with 'cargo install shipwright-plan --locked'" ;;
esac

if command -v curl >/dev/null; then
  fetch() { curl --fail --silent --show-error --location --output "$2" "$1"; }
elif command -v wget >/dev/null; then
  fetch() { wget --quiet --output-document="$2" "$1"; }
else
  die "curl or wget is needed"
fi
if command -v sha256sum >/dev/null; then
  hash() { sha256sum "$1" | cut -d ' ' -f 1; }
elif command -v shasum >/dev/null; then
  hash() { shasum -a 256 "$1" | cut -d ' ' -f 1; }
else
  die "sha256sum or shasum is needed"
fi

name=shipwright-$version-$target
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM
fetch "$base/SHA256SUMS" "$work/SHA256SUMS" || die "cannot fetch $base/SHA256SUMS"
expected=$(awk -v file="$name.tar.gz" '$2 == file { print $1 }' "$work/SHA256SUMS")
[ ${#expected} -eq 64 ] || die "the release at $base has no $name.tar.gz"
fetch "$base/$name.tar.gz" "$work/archive" || die "cannot fetch $base/$name.tar.gz"
found=$(hash "$work/archive")
[ "$found" = "$expected" ] || die "$name.tar.gz has SHA-256 $found, but $expected was published: nothing was installed"

tar -xzf "$work/archive" -C "$work" "$name/shipwright"
mkdir -p "$to"
# Under a name of its own first, so that the program is never half there.
cp "$work/$name/shipwright" "$to/.shipwright.$$"
chmod 755 "$to/.shipwright.$$"
mv "$to/.shipwright.$$" "$to/shipwright"
echo "installed $("$to/shipwright" --version) to $to/shipwright"
case :${PATH}: in
*:"$to":*) ;;
*) echo "add $to to your PATH to run it by name" ;;
esac
