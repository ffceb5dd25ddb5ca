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
the checkout. Builds read the files of the revision, from git, whatever is
checked out. DOCKER=... is another docker command.
END
}

list() {
  printf '%s %s\n' 6sense/python 6sense/python:sw-0a7a82e561d1f42c97eb6dd8eae1d0c1
  printf '  %s\n' 6sense/python:feature-login-3de6205b6fa8
  printf '  %s\n' 6sense/python:5bde935c5263
  printf '%s %s\n' 6sense/shared 6sense/shared:sw-ab1da8a24a84c4afa97c6d85fd20b933
  printf '  %s\n' 6sense/shared:feature-login-3de6205b6fa8
  printf '  %s\n' 6sense/shared:5bde935c5263
  printf '%s %s\n' 6sense/service1 6sense/service1:sw-a11aedbf3a210a7fd15954c93ad94964
  printf '  %s\n' 6sense/service1:feature-login-3de6205b6fa8
  printf '  %s\n' 6sense/service1:5bde935c5263
  printf '%s %s\n' 6sense/service2 6sense/service2:sw-00fab3b2f29efb097f549ba5b3d35c08
  printf '  %s\n' 6sense/service2:feature-login-3de6205b6fa8
  printf '  %s\n' 6sense/service2:5bde935c5263
  printf '%s %s\n' 6sense/admin 6sense/admin:sw-30ec84e14157b3e7631264b142ee8c3f
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
SHIPWRIGHT_RUN=
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

# shown TEXT: for a message: no terminal and no CI system takes a part of a path for a command.
shown() { printf %s "$1" | tr '[:cntrl:]' '?' | sed 's/##\[/## [/g'; }

# DOCKER may be several words, such as `sudo docker`.
# shellcheck disable=SC2086
docker() { command ${DOCKER:-docker} "$@"; }

# What of the environment would get into builds, although no plan says so.
unset DOCKER_DEFAULT_PLATFORM SOURCE_DATE_EPOCH BUILDX_GIT_LABELS \
  BUILDX_GIT_CHECK_DIRTY BUILDX_NO_DEFAULT_ATTESTATIONS BUILDX_NO_DEFAULT_OCI_ARTIFACT \
  BUILDX_BAKE_FILE BUILDX_BAKE_FILE_RELATIVE_PATHS
unset CDPATH # with it, `cd` may go elsewhere, and prints where it went

# ---- The files of the builds: those of the revision, whatever lies in the checkout ----
#
# They are checked out into a folder of this run's own, below the git directory: what BuildKit was
# sent from a folder before, it may take for what is there now. They go through a git directory of
# this run's own as well, in which no setting, attribute or filter of the checkout counts.

revision=5bde935c5263a34a8ad1833e68e70a91669becf9

# open_run: makes that folder, SHIPWRIGHT_RUN. What older runs have left behind goes.
open_run() {
  kept=$(git rev-parse --git-path shipwright)
  mkdir -p "$kept"
  kept=$(cd "$kept" && pwd -P)
  for old in "$kept"/run.*; do
    [ -z "$(find "$old" -prune -mtime +0 2>/dev/null)" ] || rm -rf "$old"
  done
  SHIPWRIGHT_RUN=$(mktemp -d "$kept/run.XXXXXXXXXX")
  export SHIPWRIGHT_RUN
  trap 'rm -rf "$SHIPWRIGHT_RUN"' EXIT
  trap 'exit 130' HUP INT TERM
  chmod g-s "$SHIPWRIGHT_RUN"

  own=$SHIPWRIGHT_RUN/git
  mkdir -p "$own/objects/info" "$own/refs" "$own/info"
  echo 'ref: refs/heads/none' >"$own/HEAD"
  printf '[core]\n\trepositoryformatversion = 0\n\tbare = true\n\tsymlinks = true\n\tcompression = 0\n' >"$own/config"
  objects=$(cd "$(git rev-parse --git-path objects)" && pwd -P)
  printf '%s\n' "$objects" >"$own/objects/info/alternates"
  echo '* -text -ident -filter -eol -working-tree-encoding' >"$own/info/attributes"
}

# own_git NUMBER ARGUMENT…: git in that git directory, on the folder of that number.
own_git() (
  number=$1
  shift
  # shellcheck disable=SC2046
  unset $(git rev-parse --local-env-vars)
  GIT_DIR=$SHIPWRIGHT_RUN/git GIT_WORK_TREE=$SHIPWRIGHT_RUN/$number
  GIT_INDEX_FILE=$GIT_DIR/index.$number
  GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_NOSYSTEM=1 GIT_ATTR_NOSYSTEM=1
  HOME=$GIT_DIR XDG_CONFIG_HOME=$GIT_DIR # an old git reads its settings below these
  export GIT_DIR GIT_WORK_TREE GIT_INDEX_FILE
  export GIT_CONFIG_GLOBAL GIT_CONFIG_NOSYSTEM GIT_ATTR_NOSYSTEM HOME XDG_CONFIG_HOME
  umask 022
  cd "$GIT_WORK_TREE" && git "$@"
)

# fetch_missing PATH: what a partial clone lacks of the revision's PATH, all of it at once.
fetch_missing() {
  remote=$(git config --bool --get-regexp '^remote\..*\.promisor$' |
    sed -n '/ true$/{s/^remote\.\(.*\)\.promisor true$/\1/p;q;}')
  [ "$remote" ] || return 0
  tree=$(git rev-parse --verify --quiet "$revision:$1") || return 0
  fetched=
  while :; do
    lacks=$(git rev-list --objects --missing=print "$tree" | sed -n 's/^?//p')
    [ "$lacks" ] && [ "$lacks" != "$fetched" ] || return 0
    fetched=$lacks
    printf '%s\n' "$lacks" |
      git -c fetch.negotiationAlgorithm=noop fetch --quiet --no-tags --no-write-fetch-head \
        --recurse-submodules=no --filter=blob:none --stdin "$remote" || stop "a part of $revision could not be fetched"
  done
}

# list_files NUMBER [PATH]: begins the folder of that number: of what the revision has at PATH.
list_files() {
  mkdir "$SHIPWRIGHT_RUN/$1"
  if [ $# = 1 ]; then
    own_git "$1" read-tree --empty
  else
    fetch_missing "$2"
    own_git "$1" read-tree "$revision:$2" || stop "this repository lacks a part of $revision:$(shown "$2")"
  fi
}

# write_files NUMBER [FILE]: puts the listed files there; or FILE and its ignore file alone.
write_files() {
  number=$1
  shift
  case $# in
    0) own_git "$number" checkout-index -a ;;
    *)
      own_git "$number" ls-files -z -- ":(literal)$1" ":(literal)$1.dockerignore" |
        own_git "$number" checkout-index -z --stdin
      [ -f "$SHIPWRIGHT_RUN/$number/$1" ]
      ;;
  esac || stop "the files of $revision could not be written"
}

# check_out NUMBER PATH [FILE]: both.
check_out() {
  list_files "$1" "$2"
  if [ $# = 2 ]; then write_files "$1"; else write_files "$1" "$3"; fi
}

# ---- Images ----

# is_missing REFERENCE FINGERPRINT: unless the image is there and says that it is the one of that
# fingerprint.
is_missing() {
  label='{{index .Config.Labels "dev.shipwright.fingerprint"}}'
  [ "$(docker image inspect --format "$label" "$1" 2>/dev/null)" != "$2" ]
}

# build REFERENCE COMMAND…: runs the command that builds the image.
build() {
  reference=$1
  shift
  say "$reference is being built"
  # By the engine itself, whose images no other builder sees.
  BUILDX_BUILDER=$(docker context show)
  export BUILDX_BUILDER
  "$@" || stop "$reference could not be built; no readable tag was moved"
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

# check_place: relative paths of secrets and caches are taken from the root of the plan.
check_place() {
  inside=$(git rev-parse --is-inside-work-tree)
  [ "$inside" = false ] || [ "$(git rev-parse --show-prefix)" = '' ] ||
    stop "run this at the root of the plan, "'the top of the checkout'
}

# missing REFERENCE FINGERPRINT: whether the image is to be built.
missing() {
  is_missing "$1" "$2" && return
  say "$1 is there"
  return 1
}

# folders NUMBER…: writes those folders, unless they are there.
folders() {
  [ "$SHIPWRIGHT_RUN" ] || open_run
  for number do
    [ -d "$SHIPWRIGHT_RUN/$number" ] || "folder_$number"
  done
}

# shared/python
folder_1() {
  check_out 1 shared/python
}

# shared/libs
folder_2() {
  check_out 2 shared/libs
}

# service1
folder_3() {
  check_out 3 service1
}

# service2
folder_4() {
  check_out 4 service2
}

# admin
folder_5() {
  check_out 5 admin
}

# A dry run asks neither git nor Docker: it prints commands as a shell would take them back. The folders
# that these read are not there.
if [ "$dry_run" ]; then
  SHIPWRIGHT_RUN=RUN
  say() { :; }
  check_place() { :; }
  missing() { :; }
  folders() { for number do "folder_$number"; done; }
  list_files() { printf '# RUN/%s: %s\n' "$1" "$revision:$(shown "${2:-}")"; }
  check_out() { list_files "$@"; }
  write_files() { :; }
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
  echo unset DOCKER_DEFAULT_PLATFORM SOURCE_DATE_EPOCH BUILDX_GIT_LABELS \
  BUILDX_GIT_CHECK_DIRTY BUILDX_NO_DEFAULT_ATTESTATIONS BUILDX_NO_DEFAULT_OCI_ARTIFACT \
  BUILDX_BAKE_FILE BUILDX_BAKE_FILE_RELATIVE_PATHS
fi

check_place

# ==== Build what is missing ====

# 6sense/python
if wanted 6sense/python && missing 6sense/python:sw-0a7a82e561d1f42c97eb6dd8eae1d0c1 \
  0a7a82e561d1f42c97eb6dd8eae1d0c180162aadc02fa68b77913b52d49a5ab0; then
  folders 1
  build 6sense/python:sw-0a7a82e561d1f42c97eb6dd8eae1d0c1 \
  docker buildx build --load --provenance=false \
    --file "$SHIPWRIGHT_RUN"/1/Dockerfile \
    --label dev.shipwright.fingerprint=0a7a82e561d1f42c97eb6dd8eae1d0c180162aadc02fa68b77913b52d49a5ab0 \
    --label org.opencontainers.image.created=2024-01-02T03:04:05Z \
    --label org.opencontainers.image.revision=5bde935c5263a34a8ad1833e68e70a91669becf9 \
    --tag 6sense/python:sw-0a7a82e561d1f42c97eb6dd8eae1d0c1 \
    "$SHIPWRIGHT_RUN"/1
fi

# 6sense/shared: takes from 6sense/python (FROM, line 2)
if wanted 6sense/shared && missing 6sense/shared:sw-ab1da8a24a84c4afa97c6d85fd20b933 \
  ab1da8a24a84c4afa97c6d85fd20b933fc68e952e00428a51bb428dc546ef73b; then
  folders 2
  build 6sense/shared:sw-ab1da8a24a84c4afa97c6d85fd20b933 \
  docker buildx build --load --provenance=false \
    --file "$SHIPWRIGHT_RUN"/2/Dockerfile \
    --build-context 6sense/python=docker-image://6sense/python:sw-0a7a82e561d1f42c97eb6dd8eae1d0c1 \
    --label dev.shipwright.fingerprint=ab1da8a24a84c4afa97c6d85fd20b933fc68e952e00428a51bb428dc546ef73b \
    --label org.opencontainers.image.created=2024-01-02T03:04:05Z \
    --label org.opencontainers.image.revision=5bde935c5263a34a8ad1833e68e70a91669becf9 \
    --tag 6sense/shared:sw-ab1da8a24a84c4afa97c6d85fd20b933 \
    "$SHIPWRIGHT_RUN"/2
fi

# 6sense/service1: takes from 6sense/shared (FROM, line 1; FROM, line 6)
if wanted 6sense/service1 && missing 6sense/service1:sw-a11aedbf3a210a7fd15954c93ad94964 \
  a11aedbf3a210a7fd15954c93ad94964c8a51933487b5bfc2b1e36694fa4819b; then
  folders 3
  build 6sense/service1:sw-a11aedbf3a210a7fd15954c93ad94964 \
  docker buildx build --load --provenance=false \
    --file "$SHIPWRIGHT_RUN"/3/Dockerfile \
    --build-context 6sense/shared=docker-image://6sense/shared:sw-ab1da8a24a84c4afa97c6d85fd20b933 \
    --label dev.shipwright.fingerprint=a11aedbf3a210a7fd15954c93ad94964c8a51933487b5bfc2b1e36694fa4819b \
    --label org.opencontainers.image.created=2024-01-02T03:04:05Z \
    --label org.opencontainers.image.revision=5bde935c5263a34a8ad1833e68e70a91669becf9 \
    --tag 6sense/service1:sw-a11aedbf3a210a7fd15954c93ad94964 \
    "$SHIPWRIGHT_RUN"/3
fi

# 6sense/service2: takes from 6sense/shared (FROM, line 1)
if wanted 6sense/service2 && missing 6sense/service2:sw-00fab3b2f29efb097f549ba5b3d35c08 \
  00fab3b2f29efb097f549ba5b3d35c08e22be2df53891ff7782036a9f1157cdb; then
  folders 4
  build 6sense/service2:sw-00fab3b2f29efb097f549ba5b3d35c08 \
  docker buildx build --load --provenance=false \
    --file "$SHIPWRIGHT_RUN"/4/Dockerfile \
    --build-context 6sense/shared=docker-image://6sense/shared:sw-ab1da8a24a84c4afa97c6d85fd20b933 \
    --label dev.shipwright.fingerprint=00fab3b2f29efb097f549ba5b3d35c08e22be2df53891ff7782036a9f1157cdb \
    --label org.opencontainers.image.created=2024-01-02T03:04:05Z \
    --label org.opencontainers.image.revision=5bde935c5263a34a8ad1833e68e70a91669becf9 \
    --tag 6sense/service2:sw-00fab3b2f29efb097f549ba5b3d35c08 \
    "$SHIPWRIGHT_RUN"/4
fi

# 6sense/admin: takes from 6sense/python (FROM, line 2), 6sense/service1 (COPY --from, line 4)
if wanted 6sense/admin && missing 6sense/admin:sw-30ec84e14157b3e7631264b142ee8c3f \
  30ec84e14157b3e7631264b142ee8c3f8241212a42ca4712e0559e1ef983838d; then
  folders 5
  build 6sense/admin:sw-30ec84e14157b3e7631264b142ee8c3f \
  docker buildx build --load --provenance=false \
    --file "$SHIPWRIGHT_RUN"/5/Dockerfile \
    --build-context 6sense/python=docker-image://6sense/python:sw-0a7a82e561d1f42c97eb6dd8eae1d0c1 \
    --build-context 6sense/service1=docker-image://6sense/service1:sw-a11aedbf3a210a7fd15954c93ad94964 \
    --label dev.shipwright.fingerprint=30ec84e14157b3e7631264b142ee8c3f8241212a42ca4712e0559e1ef983838d \
    --label org.opencontainers.image.created=2024-01-02T03:04:05Z \
    --label org.opencontainers.image.revision=5bde935c5263a34a8ad1833e68e70a91669becf9 \
    --tag 6sense/admin:sw-30ec84e14157b3e7631264b142ee8c3f \
    "$SHIPWRIGHT_RUN"/5
fi

# ==== Every image is there: push them, then move the readable tags ====

if [ "$SHIPWRIGHT_PUSH" ]; then
  if wanted 6sense/python; then push_content 6sense/python:sw-0a7a82e561d1f42c97eb6dd8eae1d0c1; fi
  if wanted 6sense/shared; then push_content 6sense/shared:sw-ab1da8a24a84c4afa97c6d85fd20b933; fi
  if wanted 6sense/service1; then push_content 6sense/service1:sw-a11aedbf3a210a7fd15954c93ad94964; fi
  if wanted 6sense/service2; then push_content 6sense/service2:sw-00fab3b2f29efb097f549ba5b3d35c08; fi
  if wanted 6sense/admin; then push_content 6sense/admin:sw-30ec84e14157b3e7631264b142ee8c3f; fi
fi

if wanted 6sense/python; then
  move_tags 6sense/python:sw-0a7a82e561d1f42c97eb6dd8eae1d0c1 \
    6sense/python:feature-login-3de6205b6fa8 \
    6sense/python:5bde935c5263
fi

if wanted 6sense/shared; then
  move_tags 6sense/shared:sw-ab1da8a24a84c4afa97c6d85fd20b933 \
    6sense/shared:feature-login-3de6205b6fa8 \
    6sense/shared:5bde935c5263
fi

if wanted 6sense/service1; then
  move_tags 6sense/service1:sw-a11aedbf3a210a7fd15954c93ad94964 \
    6sense/service1:feature-login-3de6205b6fa8 \
    6sense/service1:5bde935c5263
fi

if wanted 6sense/service2; then
  move_tags 6sense/service2:sw-00fab3b2f29efb097f549ba5b3d35c08 \
    6sense/service2:feature-login-3de6205b6fa8 \
    6sense/service2:5bde935c5263
fi

if wanted 6sense/admin; then
  move_tags 6sense/admin:sw-30ec84e14157b3e7631264b142ee8c3f \
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
