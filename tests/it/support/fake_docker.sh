#!/bin/sh
# A docker client that builds nothing: it writes down what it is asked and remembers names.
#
# Beside it stand
#   log         each call, a line
#   references  `reference id` for each build and tag; the last line of a reference counts
#   version     what the engine says its version is
#   builder-*   what buildx says of the builder of that name
#   answers     a folder with what bake and compose said of files, by a hash of these
#   record      the client that is asked where such an answer is missing
#   failing     references whose build, tag or push fails, a line each
#   hanging     exists while builds must not end by themselves
#   together    how many builds must be running before one may end
#   running/    a file for each running build
#   peak        after each start, how many builds were running
# With DOCKER_HOST=tcp://127.0.0.1:1 it is a client whose engine is not there.
set -u
if [ "${DOCKER_HOST-}" = tcp://127.0.0.1:1 ]; then
  echo "Cannot connect to the Docker daemon at $DOCKER_HOST" >&2
  exit 1
fi
state=$(dirname "$0")
printf '%s\n' "$*" >>"$state/log"

refuse_failing() {
  grep -qxF -e "$1" "$state/failing" || return 0
  printf '%s\n' '#5 ERROR: process "/bin/sh -c false" did not complete successfully' \
    'Dockerfile:2' '--------------------' '   2 | >>> RUN false' '--------------------' \
    "ERROR: failed to solve $1" >&2
  exit 1
}

id_of() {
  awk -v reference="$1" '$1 == reference { id = $2 } END { if (id == "") exit 1; print id }' \
    "$state/references"
}

running() { find "$state/running" -type f | wc -l; }

build() {
  reference='' fingerprint='' pushed='' metadata=''
  while [ $# -gt 0 ]; do
    case "$1 ${2-}" in
    '--output=type=image,'*) pushed=${1#*name=} pushed=${pushed%%,*} ;;
    '--metadata-file='*) metadata=${1#*=} ;;
    '--tag '*) reference=$2 ;;
    '--label dev.shipwright.fingerprint='*) fingerprint=${2#*=} ;;
    esac
    shift
  done
  reference=${reference:-$pushed}
  mark=$state/running/$(printf %s "$reference" | tr / +)
  : >"$mark"
  running >>"$state/peak"
  echo "#1 building $reference" >&2
  while [ -f "$state/hanging" ]; do sleep 0.05; done
  tries=0
  while [ "$(sort -n "$state/peak" | tail -n 1)" -lt "$(cat "$state/together")" ]; do
    tries=$((tries + 1))
    [ "$tries" -lt 200 ] || { echo "too few builds at the same time" >&2; exit 1; }
    sleep 0.05
  done
  rm "$mark"
  refuse_failing "$reference"
  if [ -n "$pushed" ]; then
    printf '{"containerimage.digest":"sha256:%s"}' "$fingerprint" >"$metadata"
  else
    echo "$reference sha256:$fingerprint" >>"$state/references"
  fi
}

# What bake and compose print of the files in the current folder, as it was recorded, one answer a file;
# with `record` beside it, the real client is asked and the answer is written down.
evaluate() {
  folder=$(cat "$state/answers") || exit 1
  key=$({ printf '%s\n' "$*"; find . -type f | sort | while read -r file; do echo "$file"; cat "$file"; done; } |
    sha256sum | cut -c 1-16)
  if [ -f "$state/record" ] && [ ! -f "$folder/$key" ]; then
    mkdir -p "$folder"
    "$(cat "$state/record")" "$@" >"$state/out" 2>"$state/err"
    echo "$? $*" >"$folder/$key"
    { cat "$state/out"; echo; echo '=== standard error'; cat "$state/err"; } |
      sed -e "s|$PWD|[ROOT]|g" -e 's/^time="[^"]*"/time=""/' >>"$folder/$key"
  fi
  [ -f "$folder/$key" ] || { echo "nothing is recorded as $key for: $*" >&2; exit 125; }
  sed -e 1d -e '/^=== standard error$/,$d' -e "s|\[ROOT\]|$PWD|g" "$folder/$key"
  sed -e "1,/^=== standard error$/d" -e "s|\[ROOT\]|$PWD|g" "$folder/$key" >&2
  read -r status _ <"$folder/$key"
  exit "$status"
}

case "$1 ${2-}" in
'buildx bake'|'compose '*) evaluate "$@" ;;
'version '*)
  printf '{"Version":"%s","Arch":"amd64"}\n' "$(cat "$state/version")"
  ;;
'buildx version') echo fake ;;
'buildx inspect')
  cat "$state/builder-$3" 2>/dev/null || { echo "ERROR: no builder \"$3\" found" >&2; exit 1; }
  ;;
'info --format') echo '[["Backing Filesystem","extfs"]]' ;;
'context inspect') echo 'default tcp://an.engine.elsewhere:2376' ;;
'image ls') awk '{ id[$1] = $2 } END { for (name in id) print id[name], name }' "$state/references" ;;
'image inspect')
  shift 4
  for id in "$@"; do
    printf '{"Id":"%s","Architecture":"amd64","Config":{"Labels":{"dev.shipwright.fingerprint":"%s"}}}\n' \
      "$id" "${id#sha256:}"
  done
  ;;
'buildx build') build "$@" ;;
'tag '*)
  refuse_failing "$3"
  id=$(id_of "$2") || { echo "No such image: $2" >&2; exit 1; }
  echo "$3 $id" >>"$state/references"
  ;;
'push '*)
  ! grep -qxF -e "$2" "$state/failing" || { echo "denied: no access" >&2; exit 1; }
  ;;
*)
  echo "the fake docker knows no: $*" >&2
  exit 1
  ;;
esac
