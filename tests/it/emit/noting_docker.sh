#!/bin/sh
# A docker that builds nothing. Beside it stand
#   log        each call: the number of its arguments and each of them, all ended by NUL
#   store/     a file for each local reference, with its fingerprint
#   registry   each reference that was pushed, a line
#   sent/      for each build that was let, by reference, what its context, its Dockerfile and its
#              source policy held
# FAKE_DOCKER_FAILS holds references whose build fails, FAKE_DOCKER_STORE what the engine says of its
# store. A build that the environment could bend fails too.
here=${0%/*}
entry=$here/entry.$$
{ printf '%s\0' $# "$@"; } >"$entry"
cat "$entry" >>"$here/log"
rm "$entry"

file() { printf '%s/store/%s' "$here" "$(printf %s "$1" | tr / %)"; }
case "$1 $2" in
  'context show') echo desktop ;;
  'version --format') echo 26.0.0 ;;
  'info --format') echo "$FAKE_DOCKER_STORE" ;;
  'image inspect') shift $(($# - 1)); cat "$(file "$1")" ;;
  'buildx build')
    while [ $# -gt 0 ]; do
      case $1 in
        --tag) tag=$2 ;;
        --file) dockerfile=$2 ;;
        --label) case $2 in dev.shipwright.fingerprint=*) label=${2#*=} ;; esac ;;
      esac
      context=$1
      shift
    done
    [ "$BUILDX_BUILDER" = desktop ] || exit 65
    for variable in DOCKER_DEFAULT_PLATFORM SOURCE_DATE_EPOCH BUILDX_GIT_LABELS \
      BUILDX_NO_DEFAULT_ATTESTATIONS BUILDX_BAKE_FILE; do
      ! printenv "$variable" >/dev/null || exit 65
    done
    case " $FAKE_DOCKER_FAILS " in *" $tag "*) exit 7 ;; esac
    if [ -d "$context" ]; then
      sent=$here/sent/$(printf %s "$tag" | tr / %)
      mkdir -p "$sent"
      cp -a "$context" "$sent/context"
      cp -P "$dockerfile" "$sent/Dockerfile"
      cp "$dockerfile.dockerignore" "$sent/" 2>/dev/null
      cp "${EXPERIMENTAL_BUILDKIT_SOURCE_POLICY:-/dev/null}" "$sent/policy.json"
    fi
    printf '%s\n' "$label" >"$(file "$tag")"
    ;;
  'buildx imagetools') grep -qxF "$4" "$here/registry" ;;
  tag\ *) cp "$(file "$2")" "$(file "$3")" ;;
  push\ *) [ -f "$(file "$2")" ] && printf '%s\n' "$2" >>"$here/registry" ;;
  *) exit 64 ;;
esac
