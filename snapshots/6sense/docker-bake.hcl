# The images of revision 5bde935c5263a34a8ad1833e68e70a91669becf9
# Branch feature/login
#
# Made by `shipwright emit bake`, for this revision only: neither edit nor commit it. Run it at the
# root of the plan: the folder of .shipwright.json, or the top of the checkout.
#
#   docker buildx bake -f FILE                build every image
#   docker buildx bake -f FILE IMAGE          build one; what it needs is built, but not tagged
#   PUSH=true docker buildx bake -f FILE      push instead of loading into the local store
#
# Name the file with -f: without, bake merges compose.yaml, docker-bake.override.hcl and others into it.
# Where another builder than the engine's own is in use (`docker buildx ls`), name the engine's, which
# alone sees the images that the engine holds: `--builder default`.
#
# A bake file cannot check anything, nor keep anything out. It is right only while the checkout is as it
# was when this was made, and where none of these variables is set, which bake lets into builds:
#   DOCKER_DEFAULT_PLATFORM, SOURCE_DATE_EPOCH, BUILDX_GIT_LABELS,
#   BUILDX_GIT_CHECK_DIRTY, BUILDX_NO_DEFAULT_ATTESTATIONS, BUILDX_NO_DEFAULT_OCI_ARTIFACT,
#   BUILDX_BAKE_FILE, BUILDX_BAKE_FILE_RELATIVE_PATHS,
#   and a policy of EXPERIMENTAL_BUILDKIT_SOURCE_POLICY
# `emit bake --sealed -o DIR` writes the files of the builds as well; make, sh and `shipwright exec` take
# them from the revision, and the variables out of their way.
#
# bake cannot look whether an image exists: where the plan leaves that open, it builds (what is in
# the builder's cache costs little). A plan made with `--built` or `--since` knows more.

variable "PUSH" {
  default = false
}

group "default" {
  targets = [
    "6sense-python-0a7a82e561d1",
    "6sense-shared-ab1da8a24a84",
    "6sense-service1-a11aedbf3a21",
    "6sense-service2-00fab3b2f29e",
    "6sense-admin-30ec84e14157",
  ]
}

# ==== The images by their short names: each target's own ends in digits that no other file has ====

group "python" {
  targets = ["6sense-python-0a7a82e561d1"]
}

group "shared" {
  targets = ["6sense-shared-ab1da8a24a84"]
}

group "service1" {
  targets = ["6sense-service1-a11aedbf3a21"]
}

group "service2" {
  targets = ["6sense-service2-00fab3b2f29e"]
}

group "admin" {
  targets = ["6sense-admin-30ec84e14157"]
}

# ==== The images, in build order ====

# 6sense/python
target "6sense-python-0a7a82e561d1" {
  context    = "shared/python"
  dockerfile = "Dockerfile"
  attest     = ["type=provenance,disabled=true"]
  output     = [PUSH ? "type=registry" : "type=docker"]
  labels = {
    "dev.shipwright.fingerprint"        = "0a7a82e561d1f42c97eb6dd8eae1d0c180162aadc02fa68b77913b52d49a5ab0"
    "org.opencontainers.image.created"  = "2024-01-02T03:04:05Z"
    "org.opencontainers.image.revision" = "5bde935c5263a34a8ad1833e68e70a91669becf9"
  }
  tags = [
    "6sense/python:sw-0a7a82e561d1f42c97eb6dd8eae1d0c1",
    "6sense/python:feature-login-3de6205b6fa8",
    "6sense/python:5bde935c5263",
  ]
}

# 6sense/shared: takes from 6sense/python (FROM, line 2)
target "6sense-shared-ab1da8a24a84" {
  context    = "shared/libs"
  dockerfile = "Dockerfile"
  attest     = ["type=provenance,disabled=true"]
  output     = [PUSH ? "type=registry" : "type=docker"]
  contexts = {
    "6sense/python" = "target:6sense-python-0a7a82e561d1"
  }
  labels = {
    "dev.shipwright.fingerprint"        = "ab1da8a24a84c4afa97c6d85fd20b933fc68e952e00428a51bb428dc546ef73b"
    "org.opencontainers.image.created"  = "2024-01-02T03:04:05Z"
    "org.opencontainers.image.revision" = "5bde935c5263a34a8ad1833e68e70a91669becf9"
  }
  tags = [
    "6sense/shared:sw-ab1da8a24a84c4afa97c6d85fd20b933",
    "6sense/shared:feature-login-3de6205b6fa8",
    "6sense/shared:5bde935c5263",
  ]
}

# 6sense/service1: takes from 6sense/shared (FROM, line 1; FROM, line 6)
target "6sense-service1-a11aedbf3a21" {
  context    = "service1"
  dockerfile = "Dockerfile"
  attest     = ["type=provenance,disabled=true"]
  output     = [PUSH ? "type=registry" : "type=docker"]
  contexts = {
    "6sense/shared" = "target:6sense-shared-ab1da8a24a84"
  }
  labels = {
    "dev.shipwright.fingerprint"        = "a11aedbf3a210a7fd15954c93ad94964c8a51933487b5bfc2b1e36694fa4819b"
    "org.opencontainers.image.created"  = "2024-01-02T03:04:05Z"
    "org.opencontainers.image.revision" = "5bde935c5263a34a8ad1833e68e70a91669becf9"
  }
  tags = [
    "6sense/service1:sw-a11aedbf3a210a7fd15954c93ad94964",
    "6sense/service1:feature-login-3de6205b6fa8",
    "6sense/service1:5bde935c5263",
  ]
}

# 6sense/service2: takes from 6sense/shared (FROM, line 1)
target "6sense-service2-00fab3b2f29e" {
  context    = "service2"
  dockerfile = "Dockerfile"
  attest     = ["type=provenance,disabled=true"]
  output     = [PUSH ? "type=registry" : "type=docker"]
  contexts = {
    "6sense/shared" = "target:6sense-shared-ab1da8a24a84"
  }
  labels = {
    "dev.shipwright.fingerprint"        = "00fab3b2f29efb097f549ba5b3d35c08e22be2df53891ff7782036a9f1157cdb"
    "org.opencontainers.image.created"  = "2024-01-02T03:04:05Z"
    "org.opencontainers.image.revision" = "5bde935c5263a34a8ad1833e68e70a91669becf9"
  }
  tags = [
    "6sense/service2:sw-00fab3b2f29efb097f549ba5b3d35c08",
    "6sense/service2:feature-login-3de6205b6fa8",
    "6sense/service2:5bde935c5263",
  ]
}

# 6sense/admin: takes from 6sense/python (FROM, line 2), 6sense/service1 (COPY --from, line 4)
target "6sense-admin-30ec84e14157" {
  context    = "admin"
  dockerfile = "Dockerfile"
  attest     = ["type=provenance,disabled=true"]
  output     = [PUSH ? "type=registry" : "type=docker"]
  contexts = {
    "6sense/python"   = "target:6sense-python-0a7a82e561d1"
    "6sense/service1" = "target:6sense-service1-a11aedbf3a21"
  }
  labels = {
    "dev.shipwright.fingerprint"        = "30ec84e14157b3e7631264b142ee8c3f8241212a42ca4712e0559e1ef983838d"
    "org.opencontainers.image.created"  = "2024-01-02T03:04:05Z"
    "org.opencontainers.image.revision" = "5bde935c5263a34a8ad1833e68e70a91669becf9"
  }
  tags = [
    "6sense/admin:sw-30ec84e14157b3e7631264b142ee8c3f",
    "6sense/admin:feature-login-3de6205b6fa8",
    "6sense/admin:5bde935c5263",
  ]
}
