# The images of revision 00192ee97077996a72a911d32b225885456f7c2f
# Branch feature/login
# Compared with revision 2eb888e95f113117c63e0d526f68ad90267a45e6
#
# Made by `shipwright emit bake`, for this revision only: neither edit nor commit it. Run it at the
# root of the plan: the folder of .shipwright.json, or the top of the checkout.
#
#   docker buildx bake                build every image
#   docker buildx bake TARGET         build one; what it needs is built, but not tagged
#   PUSH=true docker buildx bake      push instead of loading into the local store

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
  # Nothing that goes into the image has changed: it gets its new tags.
  dockerfile-inline = "FROM 6sense/python:sw-8f6ff993f4ffeb6db0794752a0e5b672"

  attest     = ["type=provenance,disabled=true"]
  output     = [PUSH ? "type=registry" : "type=docker"]
  tags = [
    "6sense/python:sw-8f6ff993f4ffeb6db0794752a0e5b672",
    "6sense/python:feature-login-df7c7aeb3560",
    "6sense/python:00192ee97077",
  ]
}

# 6sense/shared: takes from 6sense/python (FROM, line 1)
target "shared" {
  context    = "shared/libs"
  dockerfile = "Dockerfile"
  secret     = ["id=npm,env=NPM_TOKEN"]
  attest     = ["type=provenance,disabled=true"]
  output     = [PUSH ? "type=registry" : "type=docker"]
  contexts = {
    "6sense/python" = "target:python"
  }
  args = {
    "PIP_INDEX_URL" = "https://pypi.example.com/simple"
  }
  labels = {
    "dev.shipwright.fingerprint"        = "8eb56b14ef166d7f4940ecd139ac23ebd8d8c165463dda34c35b4f8771e3189e"
    "org.opencontainers.image.created"  = "2023-11-14T22:13:20Z"
    "org.opencontainers.image.revision" = "00192ee97077996a72a911d32b225885456f7c2f"
  }
  tags = [
    "6sense/shared:sw-8eb56b14ef166d7f4940ecd139ac23eb",
    "6sense/shared:feature-login-df7c7aeb3560",
    "6sense/shared:00192ee97077",
  ]
}

# 6sense/service1: takes from 6sense/shared (FROM, line 1)
target "service1" {
  context    = "services/service1"
  dockerfile = "Dockerfile"
  target     = "prod"
  attest     = ["type=provenance,disabled=true"]
  output     = [PUSH ? "type=registry" : "type=docker"]
  contexts = {
    "6sense/shared" = "target:shared"
  }
  labels = {
    "dev.shipwright.fingerprint"        = "1a6b8a5aaf059ef27f1efa12999256e502aa23adb0de9fd39f436d49e1e0aabe"
    "org.opencontainers.image.created"  = "2023-11-14T22:13:20Z"
    "org.opencontainers.image.revision" = "00192ee97077996a72a911d32b225885456f7c2f"
  }
  tags = [
    "6sense/service1:sw-1a6b8a5aaf059ef27f1efa12999256e5",
    "6sense/service1:feature-login-df7c7aeb3560",
    "6sense/service1:00192ee97077",
  ]
}

# 6sense/service2: takes from 6sense/shared (FROM, line 1)
target "service2" {
  context    = "services/service2"
  dockerfile = "../../docker/service2.Dockerfile"
  attest     = ["type=provenance,disabled=true"]
  output     = [PUSH ? "type=registry" : "type=docker"]
  contexts = {
    "6sense/shared" = "target:shared"
  }
  args = {
    "VERSION" = "00192ee97077"
  }
  labels = {
    "dev.shipwright.fingerprint"        = "5d1fa8bae36bc5c3660dead75ac858f1ea4853c9772f638d2648ce1c61d318a9"
    "org.opencontainers.image.created"  = "2023-11-14T22:13:20Z"
    "org.opencontainers.image.revision" = "00192ee97077996a72a911d32b225885456f7c2f"
  }
  tags = [
    "6sense/service2:sw-5d1fa8bae36bc5c3660dead75ac858f1",
    "6sense/service2:feature-login-df7c7aeb3560",
    "6sense/service2:00192ee97077",
  ]
}

# 6sense/admin: takes from 6sense/service1 (COPY --from, line 4), 6sense/shared (FROM, line 1)
target "admin" {
  context    = "services/admin"
  dockerfile = "Dockerfile"
  cache-from = ["type=registry,ref=registry.example.com/6sense/admin:buildcache"]
  cache-to   = PUSH ? ["type=registry,ref=registry.example.com/6sense/admin:buildcache,mode=max"] : []
  attest     = ["type=provenance,disabled=true"]
  output     = [PUSH ? "type=registry" : "type=docker"]
  contexts = {
    "6sense/service1" = "target:service1"
    "6sense/shared"   = "target:shared"
  }
  labels = {
    "dev.shipwright.fingerprint"        = "3bb388a5acdedb95c67136fd42ae1d7aab210c6eddff6a1178773a2eb498e040"
    "org.opencontainers.image.created"  = "2023-11-14T22:13:20Z"
    "org.opencontainers.image.revision" = "00192ee97077996a72a911d32b225885456f7c2f"
  }
  tags = [
    "6sense/admin:sw-3bb388a5acdedb95c67136fd42ae1d7a",
    "6sense/admin:feature-login-df7c7aeb3560",
    "6sense/admin:00192ee97077",
  ]
}
