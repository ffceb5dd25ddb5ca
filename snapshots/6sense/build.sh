#!/bin/sh
# The images of revision 00192ee97077996a72a911d32b225885456f7c2f
# Branch feature/login
# Compared with revision 2eb888e95f113117c63e0d526f68ad90267a45e6
#
# Made by `shipwright emit sh`, for this revision only: neither edit nor commit it.
# Needs git, and Docker with buildx. `--help` says what it can do.

set -eu

usage() {
  cat <<'END'
usage: sh FILE [-n] [--push] [IMAGE]...

Builds what is missing of the images, by full or short name, and of what they
need (every image where none is named), then moves the readable tags.

  -n, --dry-run  print the commands instead
  --push         push as well
  --list         print the images with their references
  --help         print this

Run it at the root of the plan: the folder of .shipwright.json, or the top of
the checkout. It stops where the checkout is not as planned; SHIPWRIGHT_FORCE=1
goes on regardless. Keep this file out of the build contexts: a build that
copies the whole folder would copy it too. DOCKER=... is another docker command.
END
}

list() {
  printf '%s %s\n' 6sense/python 6sense/python:sw-8f6ff993f4ffeb6db0794752a0e5b672
  printf '  %s\n' 6sense/python:feature-login-df7c7aeb3560
  printf '  %s\n' 6sense/python:00192ee97077
  printf '%s %s\n' 6sense/shared 6sense/shared:sw-8eb56b14ef166d7f4940ecd139ac23eb
  printf '  %s\n' 6sense/shared:feature-login-df7c7aeb3560
  printf '  %s\n' 6sense/shared:00192ee97077
  printf '%s %s\n' 6sense/service1 6sense/service1:sw-1a6b8a5aaf059ef27f1efa12999256e5
  printf '  %s\n' 6sense/service1:feature-login-df7c7aeb3560
  printf '  %s\n' 6sense/service1:00192ee97077
  printf '%s %s\n' 6sense/service2 6sense/service2:sw-5d1fa8bae36bc5c3660dead75ac858f1
  printf '  %s\n' 6sense/service2:feature-login-df7c7aeb3560
  printf '  %s\n' 6sense/service2:00192ee97077
  printf '%s %s\n' 6sense/admin 6sense/admin:sw-3bb388a5acdedb95c67136fd42ae1d7a
  printf '  %s\n' 6sense/admin:feature-login-df7c7aeb3560
  printf '  %s\n' 6sense/admin:00192ee97077
}

# want IMAGE…: the images and what they need are to be built.
wanted=' '
want() {
  for image do
    ! wanted "$image" || continue
    wanted="$wanted$image "
    case $image in
      6sense/shared) want 6sense/python ;;
      6sense/service1) want 6sense/shared ;;
      6sense/service2) want 6sense/shared ;;
      6sense/admin) want 6sense/service1 6sense/shared ;;
    esac
  done
}
wanted() { case $wanted in *" $1 "*) ;; *) return 1 ;; esac; }

# ==== What is asked for ====

dry_run=
SHIPWRIGHT_PUSH=
for argument do
  case $argument in
    -n | --dry-run) dry_run=yes ;;
    --push) SHIPWRIGHT_PUSH=yes ;;
    --list) list; exit ;;
    -h | --help) usage; exit ;;
    6sense/python | python) want 6sense/python ;;
    6sense/shared | shared) want 6sense/shared ;;
    6sense/service1 | service1) want 6sense/service1 ;;
    6sense/service2 | service2) want 6sense/service2 ;;
    6sense/admin | admin) want 6sense/admin ;;
    *)
      printf '%s: there is no image %s; --list prints them\n' "$0" "$argument" >&2
      exit 2
      ;;
  esac
done
if [ "$wanted" = ' ' ]; then
  want \
    6sense/python \
    6sense/shared \
    6sense/service1 \
    6sense/service2 \
    6sense/admin
fi

# ==== How it is done ====

say() { printf '%s\n' "$*" >&2; }
stop() { say "error: $*"; exit 1; }

# DOCKER may be several words, such as `sudo docker`.
# shellcheck disable=SC2086
docker() { command ${DOCKER:-docker} "$@"; }

# Stops, unless SHIPWRIGHT_FORCE=1 asks to go on.
differs() {
  [ "${SHIPWRIGHT_FORCE:-}" = 1 ] || stop "$* (SHIPWRIGHT_FORCE=1 goes on regardless)"
  say "warning: $*"
}

# check_tree FILE PATH…: is this the tree that was planned? FILE is this one, and does not count.
check_tree() {
  revision=00192ee97077996a72a911d32b225885456f7c2f file=$1
  shift
  head=$(git rev-parse --verify HEAD) || { differs "this is no checkout of $revision"; return; }
  [ "$head" = "$revision" ] || differs "HEAD is $head, and the plan is of $revision"
  for path do
    shift
    case $path in
      *.dockerignore) ;; # may be missing
      *) [ -e "$path" ] || stop "there is no $path here: run this at the root of the plan" ;;
    esac
    set -- "$@" ":(literal)$path"
  done
  if git ls-files -- ":(literal)$file" >/dev/null 2>&1; then
    set -- "$@" ":(exclude,literal)$file"
  fi
  changed=$(git --no-optional-locks status --porcelain --untracked-files=all -- "$@")
  [ -z "$changed" ] || differs "these paths are not as in $revision:
$changed
"
}

# unless_built REFERENCE FINGERPRINT COMMAND…: runs the command, unless the image is there and says
# that it is the one of that fingerprint.
unless_built() {
  reference=$1 fingerprint=$2
  shift 2
  label='{{index .Config.Labels "dev.shipwright.fingerprint"}}'
  if [ "$(docker image inspect --format "$label" "$reference" 2>/dev/null)" = "$fingerprint" ]; then
    say "$reference is there"
  else
    say "$reference is being built"
    "$@" || stop "$reference could not be built; no readable tag was moved"
  fi
}

# move_tags REFERENCE TAG…
move_tags() {
  reference=$1
  shift
  for tag do
    say "$tag is now $reference"
    docker tag "$reference" "$tag"
  done
}

# push_content REFERENCE: pushes it, unless the registry has it.
push_content() {
  if docker buildx imagetools inspect "$1" >/dev/null 2>&1; then
    say "$1 is in the registry"
  else
    docker push "$1"
  fi
}

# push_tags TAG…
push_tags() { for tag do docker push "$tag"; done; }

# A dry run asks neither git nor Docker: it prints commands as a shell would take them back.
if [ "$dry_run" ]; then
  say() { :; }
  check_tree() { :; }
  unless_built() { shift 2; "$@"; }
  push_content() { docker push "$1"; }
  docker() {
    printf 'docker'
    for word do
      case $word in
        *[!A-Za-z0-9_@%+=:,./-]* | '')
          word="'$(printf '%s\n.' "$word" | sed "s/'/'\\\\''/g")"
          word="${word%??}'"
          ;;
      esac
      printf ' %s' "$word"
    done
    echo
  }
fi

# ==== Is this the tree that was planned? ====

set --
if wanted 6sense/python; then set -- "$@" shared/python; fi
if wanted 6sense/shared; then set -- "$@" shared/libs; fi
if wanted 6sense/service1; then set -- "$@" services/service1; fi
if wanted 6sense/service2; then set -- "$@" docker/service2.Dockerfile docker/service2.Dockerfile.dockerignore services/service2; fi
if wanted 6sense/admin; then set -- "$@" services/admin; fi
check_tree "$0" "$@"

# ==== Build what is missing ====

# 6sense/python
if wanted 6sense/python; then
  unless_built 6sense/python:sw-8f6ff993f4ffeb6db0794752a0e5b672 \
    8f6ff993f4ffeb6db0794752a0e5b672cb9d9dac5290a7345ca1706ef84c7984 \
  docker buildx build --load --provenance=false \
    --file shared/python/Dockerfile \
    --label dev.shipwright.fingerprint=8f6ff993f4ffeb6db0794752a0e5b672cb9d9dac5290a7345ca1706ef84c7984 \
    --label org.opencontainers.image.created=2023-11-14T22:13:20Z \
    --label org.opencontainers.image.revision=00192ee97077996a72a911d32b225885456f7c2f \
    --tag 6sense/python:sw-8f6ff993f4ffeb6db0794752a0e5b672 \
    shared/python
fi

# 6sense/shared: takes from 6sense/python (FROM, line 1)
if wanted 6sense/shared; then
  unless_built 6sense/shared:sw-8eb56b14ef166d7f4940ecd139ac23eb \
    8eb56b14ef166d7f4940ecd139ac23ebd8d8c165463dda34c35b4f8771e3189e \
  docker buildx build --load --provenance=false \
    --file shared/libs/Dockerfile \
    --build-context 6sense/python=docker-image://6sense/python:sw-8f6ff993f4ffeb6db0794752a0e5b672 \
    --build-arg PIP_INDEX_URL=https://pypi.example.com/simple \
    --label dev.shipwright.fingerprint=8eb56b14ef166d7f4940ecd139ac23ebd8d8c165463dda34c35b4f8771e3189e \
    --label org.opencontainers.image.created=2023-11-14T22:13:20Z \
    --label org.opencontainers.image.revision=00192ee97077996a72a911d32b225885456f7c2f \
    --secret id=npm,env=NPM_TOKEN \
    --tag 6sense/shared:sw-8eb56b14ef166d7f4940ecd139ac23eb \
    shared/libs
fi

# 6sense/service1: takes from 6sense/shared (FROM, line 1)
if wanted 6sense/service1; then
  unless_built 6sense/service1:sw-1a6b8a5aaf059ef27f1efa12999256e5 \
    1a6b8a5aaf059ef27f1efa12999256e502aa23adb0de9fd39f436d49e1e0aabe \
  docker buildx build --load --provenance=false \
    --file services/service1/Dockerfile \
    --target prod \
    --build-context 6sense/shared=docker-image://6sense/shared:sw-8eb56b14ef166d7f4940ecd139ac23eb \
    --label dev.shipwright.fingerprint=1a6b8a5aaf059ef27f1efa12999256e502aa23adb0de9fd39f436d49e1e0aabe \
    --label org.opencontainers.image.created=2023-11-14T22:13:20Z \
    --label org.opencontainers.image.revision=00192ee97077996a72a911d32b225885456f7c2f \
    --tag 6sense/service1:sw-1a6b8a5aaf059ef27f1efa12999256e5 \
    services/service1
fi

# 6sense/service2: takes from 6sense/shared (FROM, line 1)
if wanted 6sense/service2; then
  unless_built 6sense/service2:sw-5d1fa8bae36bc5c3660dead75ac858f1 \
    5d1fa8bae36bc5c3660dead75ac858f1ea4853c9772f638d2648ce1c61d318a9 \
  docker buildx build --load --provenance=false \
    --file docker/service2.Dockerfile \
    --build-context 6sense/shared=docker-image://6sense/shared:sw-8eb56b14ef166d7f4940ecd139ac23eb \
    --build-arg VERSION=00192ee97077 \
    --label dev.shipwright.fingerprint=5d1fa8bae36bc5c3660dead75ac858f1ea4853c9772f638d2648ce1c61d318a9 \
    --label org.opencontainers.image.created=2023-11-14T22:13:20Z \
    --label org.opencontainers.image.revision=00192ee97077996a72a911d32b225885456f7c2f \
    --tag 6sense/service2:sw-5d1fa8bae36bc5c3660dead75ac858f1 \
    services/service2
fi

# 6sense/admin: takes from 6sense/service1 (COPY --from, line 4), 6sense/shared (FROM, line 1)
if wanted 6sense/admin; then
  unless_built 6sense/admin:sw-3bb388a5acdedb95c67136fd42ae1d7a \
    3bb388a5acdedb95c67136fd42ae1d7aab210c6eddff6a1178773a2eb498e040 \
  docker buildx build --load --provenance=false \
    --file services/admin/Dockerfile \
    --build-context 6sense/service1=docker-image://6sense/service1:sw-1a6b8a5aaf059ef27f1efa12999256e5 \
    --build-context 6sense/shared=docker-image://6sense/shared:sw-8eb56b14ef166d7f4940ecd139ac23eb \
    --label dev.shipwright.fingerprint=3bb388a5acdedb95c67136fd42ae1d7aab210c6eddff6a1178773a2eb498e040 \
    --label org.opencontainers.image.created=2023-11-14T22:13:20Z \
    --label org.opencontainers.image.revision=00192ee97077996a72a911d32b225885456f7c2f \
    --cache-from type=registry,ref=registry.example.com/6sense/admin:buildcache \
    --tag 6sense/admin:sw-3bb388a5acdedb95c67136fd42ae1d7a \
    ${SHIPWRIGHT_PUSH:+--cache-to type=registry,ref=registry.example.com/6sense/admin:buildcache,mode=max} \
    services/admin
fi

# ==== Every image is there: push them, then move the readable tags ====

if [ "$SHIPWRIGHT_PUSH" ]; then
  if wanted 6sense/python; then push_content 6sense/python:sw-8f6ff993f4ffeb6db0794752a0e5b672; fi
  if wanted 6sense/shared; then push_content 6sense/shared:sw-8eb56b14ef166d7f4940ecd139ac23eb; fi
  if wanted 6sense/service1; then push_content 6sense/service1:sw-1a6b8a5aaf059ef27f1efa12999256e5; fi
  if wanted 6sense/service2; then push_content 6sense/service2:sw-5d1fa8bae36bc5c3660dead75ac858f1; fi
  if wanted 6sense/admin; then push_content 6sense/admin:sw-3bb388a5acdedb95c67136fd42ae1d7a; fi
fi

if wanted 6sense/python; then
  move_tags 6sense/python:sw-8f6ff993f4ffeb6db0794752a0e5b672 \
    6sense/python:feature-login-df7c7aeb3560 \
    6sense/python:00192ee97077
fi

if wanted 6sense/shared; then
  move_tags 6sense/shared:sw-8eb56b14ef166d7f4940ecd139ac23eb \
    6sense/shared:feature-login-df7c7aeb3560 \
    6sense/shared:00192ee97077
fi

if wanted 6sense/service1; then
  move_tags 6sense/service1:sw-1a6b8a5aaf059ef27f1efa12999256e5 \
    6sense/service1:feature-login-df7c7aeb3560 \
    6sense/service1:00192ee97077
fi

if wanted 6sense/service2; then
  move_tags 6sense/service2:sw-5d1fa8bae36bc5c3660dead75ac858f1 \
    6sense/service2:feature-login-df7c7aeb3560 \
    6sense/service2:00192ee97077
fi

if wanted 6sense/admin; then
  move_tags 6sense/admin:sw-3bb388a5acdedb95c67136fd42ae1d7a \
    6sense/admin:feature-login-df7c7aeb3560 \
    6sense/admin:00192ee97077
fi

if [ "$SHIPWRIGHT_PUSH" ]; then
  if wanted 6sense/python; then push_tags 6sense/python:feature-login-df7c7aeb3560 6sense/python:00192ee97077; fi
  if wanted 6sense/shared; then push_tags 6sense/shared:feature-login-df7c7aeb3560 6sense/shared:00192ee97077; fi
  if wanted 6sense/service1; then push_tags 6sense/service1:feature-login-df7c7aeb3560 6sense/service1:00192ee97077; fi
  if wanted 6sense/service2; then push_tags 6sense/service2:feature-login-df7c7aeb3560 6sense/service2:00192ee97077; fi
  if wanted 6sense/admin; then push_tags 6sense/admin:feature-login-df7c7aeb3560 6sense/admin:00192ee97077; fi
fi
