#!/bin/sh
# The images of revision 5bde935c5263a34a8ad1833e68e70a91669becf9
# Branch feature/login
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
  printf '%s %s\n' 6sense/python 6sense/python:sw-74ae085e4a557867e33e348cd8b2dbd5
  printf '  %s\n' 6sense/python:feature-login-3de6205b6fa8
  printf '  %s\n' 6sense/python:5bde935c5263
  printf '%s %s\n' 6sense/shared 6sense/shared:sw-1131527814353bf0fa292ba6ba5c206e
  printf '  %s\n' 6sense/shared:feature-login-3de6205b6fa8
  printf '  %s\n' 6sense/shared:5bde935c5263
  printf '%s %s\n' 6sense/service1 6sense/service1:sw-18da52eb902303e1a0e854975cad1bd8
  printf '  %s\n' 6sense/service1:feature-login-3de6205b6fa8
  printf '  %s\n' 6sense/service1:5bde935c5263
  printf '%s %s\n' 6sense/service2 6sense/service2:sw-df215b62d0182c4f71b345ed718d5107
  printf '  %s\n' 6sense/service2:feature-login-3de6205b6fa8
  printf '  %s\n' 6sense/service2:5bde935c5263
  printf '%s %s\n' 6sense/admin 6sense/admin:sw-d6317e2ebc4f11bb3a4cc320bc6dacd1
  printf '  %s\n' 6sense/admin:feature-login-3de6205b6fa8
  printf '  %s\n' 6sense/admin:5bde935c5263
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
      6sense/admin) want 6sense/python 6sense/service1 ;;
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
  revision=5bde935c5263a34a8ad1833e68e70a91669becf9 file=$1
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
    # By the engine itself, whose images no other builder sees, and by nothing but the plan.
    BUILDX_BUILDER=$(docker context show)
    export BUILDX_BUILDER
    unset SOURCE_DATE_EPOCH BUILDX_GIT_LABELS
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
  echo "export BUILDX_BUILDER=\$(docker context show)"
  echo 'unset SOURCE_DATE_EPOCH BUILDX_GIT_LABELS'
fi

# ==== Is this the tree that was planned? ====

set --
if wanted 6sense/python; then set -- "$@" shared/python; fi
if wanted 6sense/shared; then set -- "$@" shared/libs; fi
if wanted 6sense/service1; then set -- "$@" service1; fi
if wanted 6sense/service2; then set -- "$@" service2; fi
if wanted 6sense/admin; then set -- "$@" admin; fi
check_tree "$0" "$@"

# ==== Build what is missing ====

# 6sense/python
if wanted 6sense/python; then
  unless_built 6sense/python:sw-74ae085e4a557867e33e348cd8b2dbd5 \
    74ae085e4a557867e33e348cd8b2dbd55a47a075adb20a496af743d0e6630891 \
  docker buildx build --load --provenance=false \
    --file shared/python/Dockerfile \
    --label dev.shipwright.fingerprint=74ae085e4a557867e33e348cd8b2dbd55a47a075adb20a496af743d0e6630891 \
    --label org.opencontainers.image.created=2024-01-02T03:04:05Z \
    --label org.opencontainers.image.revision=5bde935c5263a34a8ad1833e68e70a91669becf9 \
    --tag 6sense/python:sw-74ae085e4a557867e33e348cd8b2dbd5 \
    shared/python
fi

# 6sense/shared: takes from 6sense/python (FROM, line 2)
if wanted 6sense/shared; then
  unless_built 6sense/shared:sw-1131527814353bf0fa292ba6ba5c206e \
    1131527814353bf0fa292ba6ba5c206ec4f45b2529ce8d81db4f06c2f807d28d \
  docker buildx build --load --provenance=false \
    --file shared/libs/Dockerfile \
    --build-context 6sense/python=docker-image://6sense/python:sw-74ae085e4a557867e33e348cd8b2dbd5 \
    --label dev.shipwright.fingerprint=1131527814353bf0fa292ba6ba5c206ec4f45b2529ce8d81db4f06c2f807d28d \
    --label org.opencontainers.image.created=2024-01-02T03:04:05Z \
    --label org.opencontainers.image.revision=5bde935c5263a34a8ad1833e68e70a91669becf9 \
    --tag 6sense/shared:sw-1131527814353bf0fa292ba6ba5c206e \
    shared/libs
fi

# 6sense/service1: takes from 6sense/shared (FROM, line 1; FROM, line 6)
if wanted 6sense/service1; then
  unless_built 6sense/service1:sw-18da52eb902303e1a0e854975cad1bd8 \
    18da52eb902303e1a0e854975cad1bd897fbfcb8d39ef61b09de6f46db837166 \
  docker buildx build --load --provenance=false \
    --file service1/Dockerfile \
    --build-context 6sense/shared=docker-image://6sense/shared:sw-1131527814353bf0fa292ba6ba5c206e \
    --label dev.shipwright.fingerprint=18da52eb902303e1a0e854975cad1bd897fbfcb8d39ef61b09de6f46db837166 \
    --label org.opencontainers.image.created=2024-01-02T03:04:05Z \
    --label org.opencontainers.image.revision=5bde935c5263a34a8ad1833e68e70a91669becf9 \
    --tag 6sense/service1:sw-18da52eb902303e1a0e854975cad1bd8 \
    service1
fi

# 6sense/service2: takes from 6sense/shared (FROM, line 1)
if wanted 6sense/service2; then
  unless_built 6sense/service2:sw-df215b62d0182c4f71b345ed718d5107 \
    df215b62d0182c4f71b345ed718d510790f3ad24104bb9ff356d97dd6910d39c \
  docker buildx build --load --provenance=false \
    --file service2/Dockerfile \
    --build-context 6sense/shared=docker-image://6sense/shared:sw-1131527814353bf0fa292ba6ba5c206e \
    --label dev.shipwright.fingerprint=df215b62d0182c4f71b345ed718d510790f3ad24104bb9ff356d97dd6910d39c \
    --label org.opencontainers.image.created=2024-01-02T03:04:05Z \
    --label org.opencontainers.image.revision=5bde935c5263a34a8ad1833e68e70a91669becf9 \
    --tag 6sense/service2:sw-df215b62d0182c4f71b345ed718d5107 \
    service2
fi

# 6sense/admin: takes from 6sense/python (FROM, line 2), 6sense/service1 (COPY --from, line 4)
if wanted 6sense/admin; then
  unless_built 6sense/admin:sw-d6317e2ebc4f11bb3a4cc320bc6dacd1 \
    d6317e2ebc4f11bb3a4cc320bc6dacd1956ae5162345660e3386622b399a7167 \
  docker buildx build --load --provenance=false \
    --file admin/Dockerfile \
    --build-context 6sense/python=docker-image://6sense/python:sw-74ae085e4a557867e33e348cd8b2dbd5 \
    --build-context 6sense/service1=docker-image://6sense/service1:sw-18da52eb902303e1a0e854975cad1bd8 \
    --label dev.shipwright.fingerprint=d6317e2ebc4f11bb3a4cc320bc6dacd1956ae5162345660e3386622b399a7167 \
    --label org.opencontainers.image.created=2024-01-02T03:04:05Z \
    --label org.opencontainers.image.revision=5bde935c5263a34a8ad1833e68e70a91669becf9 \
    --tag 6sense/admin:sw-d6317e2ebc4f11bb3a4cc320bc6dacd1 \
    admin
fi

# ==== Every image is there: push them, then move the readable tags ====

if [ "$SHIPWRIGHT_PUSH" ]; then
  if wanted 6sense/python; then push_content 6sense/python:sw-74ae085e4a557867e33e348cd8b2dbd5; fi
  if wanted 6sense/shared; then push_content 6sense/shared:sw-1131527814353bf0fa292ba6ba5c206e; fi
  if wanted 6sense/service1; then push_content 6sense/service1:sw-18da52eb902303e1a0e854975cad1bd8; fi
  if wanted 6sense/service2; then push_content 6sense/service2:sw-df215b62d0182c4f71b345ed718d5107; fi
  if wanted 6sense/admin; then push_content 6sense/admin:sw-d6317e2ebc4f11bb3a4cc320bc6dacd1; fi
fi

if wanted 6sense/python; then
  move_tags 6sense/python:sw-74ae085e4a557867e33e348cd8b2dbd5 \
    6sense/python:feature-login-3de6205b6fa8 \
    6sense/python:5bde935c5263
fi

if wanted 6sense/shared; then
  move_tags 6sense/shared:sw-1131527814353bf0fa292ba6ba5c206e \
    6sense/shared:feature-login-3de6205b6fa8 \
    6sense/shared:5bde935c5263
fi

if wanted 6sense/service1; then
  move_tags 6sense/service1:sw-18da52eb902303e1a0e854975cad1bd8 \
    6sense/service1:feature-login-3de6205b6fa8 \
    6sense/service1:5bde935c5263
fi

if wanted 6sense/service2; then
  move_tags 6sense/service2:sw-df215b62d0182c4f71b345ed718d5107 \
    6sense/service2:feature-login-3de6205b6fa8 \
    6sense/service2:5bde935c5263
fi

if wanted 6sense/admin; then
  move_tags 6sense/admin:sw-d6317e2ebc4f11bb3a4cc320bc6dacd1 \
    6sense/admin:feature-login-3de6205b6fa8 \
    6sense/admin:5bde935c5263
fi

if [ "$SHIPWRIGHT_PUSH" ]; then
  if wanted 6sense/python; then push_tags 6sense/python:feature-login-3de6205b6fa8 6sense/python:5bde935c5263; fi
  if wanted 6sense/shared; then push_tags 6sense/shared:feature-login-3de6205b6fa8 6sense/shared:5bde935c5263; fi
  if wanted 6sense/service1; then push_tags 6sense/service1:feature-login-3de6205b6fa8 6sense/service1:5bde935c5263; fi
  if wanted 6sense/service2; then push_tags 6sense/service2:feature-login-3de6205b6fa8 6sense/service2:5bde935c5263; fi
  if wanted 6sense/admin; then push_tags 6sense/admin:feature-login-3de6205b6fa8 6sense/admin:5bde935c5263; fi
fi
