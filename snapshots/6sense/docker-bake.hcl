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
    "6sense-python-74ae085e4a55",
    "6sense-shared-113152781435",
    "6sense-service1-18da52eb9023",
    "6sense-service2-df215b62d018",
    "6sense-admin-d6317e2ebc4f",
  ]
}

# ==== The images by their short names: each target's own ends in digits that no other file has ====

group "python" {
  targets = ["6sense-python-74ae085e4a55"]
}

group "shared" {
  targets = ["6sense-shared-113152781435"]
}

group "service1" {
  targets = ["6sense-service1-18da52eb9023"]
}

group "service2" {
  targets = ["6sense-service2-df215b62d018"]
}

group "admin" {
  targets = ["6sense-admin-d6317e2ebc4f"]
}

# ==== The images, in build order ====

# 6sense/python
target "6sense-python-74ae085e4a55" {
  context    = "shared/python"
  dockerfile = "Dockerfile"
  attest     = ["type=provenance,disabled=true"]
  output     = [PUSH ? "type=registry" : "type=docker"]
  labels = {
    "dev.shipwright.fingerprint"        = "74ae085e4a557867e33e348cd8b2dbd55a47a075adb20a496af743d0e6630891"
    "org.opencontainers.image.created"  = "2024-01-02T03:04:05Z"
    "org.opencontainers.image.revision" = "5bde935c5263a34a8ad1833e68e70a91669becf9"
  }
  tags = [
    "6sense/python:sw-74ae085e4a557867e33e348cd8b2dbd5",
    "6sense/python:feature-login-3de6205b6fa8",
    "6sense/python:5bde935c5263",
  ]
}

# 6sense/shared: takes from 6sense/python (FROM, line 2)
target "6sense-shared-113152781435" {
  context    = "shared/libs"
  dockerfile = "Dockerfile"
  attest     = ["type=provenance,disabled=true"]
  output     = [PUSH ? "type=registry" : "type=docker"]
  contexts = {
    "6sense/python" = "target:6sense-python-74ae085e4a55"
  }
  labels = {
    "dev.shipwright.fingerprint"        = "1131527814353bf0fa292ba6ba5c206ec4f45b2529ce8d81db4f06c2f807d28d"
    "org.opencontainers.image.created"  = "2024-01-02T03:04:05Z"
    "org.opencontainers.image.revision" = "5bde935c5263a34a8ad1833e68e70a91669becf9"
  }
  tags = [
    "6sense/shared:sw-1131527814353bf0fa292ba6ba5c206e",
    "6sense/shared:feature-login-3de6205b6fa8",
    "6sense/shared:5bde935c5263",
  ]
}

# 6sense/service1: takes from 6sense/shared (FROM, line 1; FROM, line 6)
target "6sense-service1-18da52eb9023" {
  context    = "service1"
  dockerfile = "Dockerfile"
  attest     = ["type=provenance,disabled=true"]
  output     = [PUSH ? "type=registry" : "type=docker"]
  contexts = {
    "6sense/shared" = "target:6sense-shared-113152781435"
  }
  labels = {
    "dev.shipwright.fingerprint"        = "18da52eb902303e1a0e854975cad1bd897fbfcb8d39ef61b09de6f46db837166"
    "org.opencontainers.image.created"  = "2024-01-02T03:04:05Z"
    "org.opencontainers.image.revision" = "5bde935c5263a34a8ad1833e68e70a91669becf9"
  }
  tags = [
    "6sense/service1:sw-18da52eb902303e1a0e854975cad1bd8",
    "6sense/service1:feature-login-3de6205b6fa8",
    "6sense/service1:5bde935c5263",
  ]
}

# 6sense/service2: takes from 6sense/shared (FROM, line 1)
target "6sense-service2-df215b62d018" {
  context    = "service2"
  dockerfile = "Dockerfile"
  attest     = ["type=provenance,disabled=true"]
  output     = [PUSH ? "type=registry" : "type=docker"]
  contexts = {
    "6sense/shared" = "target:6sense-shared-113152781435"
  }
  labels = {
    "dev.shipwright.fingerprint"        = "df215b62d0182c4f71b345ed718d510790f3ad24104bb9ff356d97dd6910d39c"
    "org.opencontainers.image.created"  = "2024-01-02T03:04:05Z"
    "org.opencontainers.image.revision" = "5bde935c5263a34a8ad1833e68e70a91669becf9"
  }
  tags = [
    "6sense/service2:sw-df215b62d0182c4f71b345ed718d5107",
    "6sense/service2:feature-login-3de6205b6fa8",
    "6sense/service2:5bde935c5263",
  ]
}

# 6sense/admin: takes from 6sense/python (FROM, line 2), 6sense/service1 (COPY --from, line 4)
target "6sense-admin-d6317e2ebc4f" {
  context    = "admin"
  dockerfile = "Dockerfile"
  attest     = ["type=provenance,disabled=true"]
  output     = [PUSH ? "type=registry" : "type=docker"]
  contexts = {
    "6sense/python"   = "target:6sense-python-74ae085e4a55"
    "6sense/service1" = "target:6sense-service1-18da52eb9023"
  }
  labels = {
    "dev.shipwright.fingerprint"        = "d6317e2ebc4f11bb3a4cc320bc6dacd1956ae5162345660e3386622b399a7167"
    "org.opencontainers.image.created"  = "2024-01-02T03:04:05Z"
    "org.opencontainers.image.revision" = "5bde935c5263a34a8ad1833e68e70a91669becf9"
  }
  tags = [
    "6sense/admin:sw-d6317e2ebc4f11bb3a4cc320bc6dacd1",
    "6sense/admin:feature-login-3de6205b6fa8",
    "6sense/admin:5bde935c5263",
  ]
}
