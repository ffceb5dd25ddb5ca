# The images of revision 5bde935c5263a34a8ad1833e68e70a91669becf9
# Branch feature/login
#
# Made by `shipwright emit bake`, for this revision only: neither edit nor commit it. Run it at the
# root of the plan: the folder of .shipwright.json, or the top of the checkout.
#
#   docker buildx bake                build every image
#   docker buildx bake TARGET         build one; what it needs is built, but not tagged
#   PUSH=true docker buildx bake      push instead of loading into the local store
#
# Where another builder than the engine's own is in use (`docker buildx ls`), name the engine's, which
# alone sees the images that the engine holds: `docker buildx bake --builder default`.
#
# bake cannot look whether an image exists: where the plan leaves that open, it builds (what is in
# the builder's cache costs little). A plan made with `--built` or `--since` knows more.

variable "PUSH" {
  default = false
}

group "default" {
  targets = [
    "python",
    "shared",
    "service1",
    "service2",
    "admin",
  ]
}

# 6sense/python
target "python" {
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
target "shared" {
  context    = "shared/libs"
  dockerfile = "Dockerfile"
  attest     = ["type=provenance,disabled=true"]
  output     = [PUSH ? "type=registry" : "type=docker"]
  contexts = {
    "6sense/python" = "target:python"
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
target "service1" {
  context    = "service1"
  dockerfile = "Dockerfile"
  attest     = ["type=provenance,disabled=true"]
  output     = [PUSH ? "type=registry" : "type=docker"]
  contexts = {
    "6sense/shared" = "target:shared"
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
target "service2" {
  context    = "service2"
  dockerfile = "Dockerfile"
  attest     = ["type=provenance,disabled=true"]
  output     = [PUSH ? "type=registry" : "type=docker"]
  contexts = {
    "6sense/shared" = "target:shared"
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
target "admin" {
  context    = "admin"
  dockerfile = "Dockerfile"
  attest     = ["type=provenance,disabled=true"]
  output     = [PUSH ? "type=registry" : "type=docker"]
  contexts = {
    "6sense/python"   = "target:python"
    "6sense/service1" = "target:service1"
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
