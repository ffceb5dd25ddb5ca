# The images of this repository, linked where one is built on another.
#
# Made by `shipwright emit bake --stable` from the Dockerfiles and .shipwright.json: commit it, and do not edit
# it. Renew it with `-o FILE` when these change; `--check FILE` fails in CI where that was forgotten. Run it at
# the root of the plan: the folder of .shipwright.json, or the top of the checkout.
#
#   docker buildx bake -f FILE                     build every image
#   docker buildx bake -f FILE TARGET              build one; what it needs is built, but not tagged
#   TAG=v1.2 docker buildx bake -f FILE --push     push all under another tag
#
# Name the file with -f: without, bake merges compose.yaml, docker-bake.override.hcl and others into it.
#
# It builds what is in the folders, and everything each time, as far as the builder's cache does not help. These
# variables get into builds where they are set: DOCKER_DEFAULT_PLATFORM, SOURCE_DATE_EPOCH, BUILDX_GIT_LABELS,
#   BUILDX_GIT_CHECK_DIRTY, BUILDX_NO_DEFAULT_ATTESTATIONS, BUILDX_NO_DEFAULT_OCI_ARTIFACT,
#   BUILDX_BAKE_FILE, BUILDX_BAKE_FILE_RELATIVE_PATHS

variable "TAG" {
  default = "latest"
}

# What the names of images begin with where they are published: "registry.example.com/team/"
variable "REPOSITORY" {
  default = ""
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
  tags       = ["${REPOSITORY}6sense/python:${TAG}"]
}

# 6sense/shared
target "shared" {
  context    = "shared/libs"
  dockerfile = "Dockerfile"
  tags       = ["${REPOSITORY}6sense/shared:${TAG}"]
  contexts = {
    "6sense/python" = "target:python"
  }
}

# 6sense/service1
target "service1" {
  context    = "service1"
  dockerfile = "Dockerfile"
  tags       = ["${REPOSITORY}6sense/service1:${TAG}"]
  contexts = {
    "6sense/shared" = "target:shared"
  }
}

# 6sense/service2
target "service2" {
  context    = "service2"
  dockerfile = "Dockerfile"
  tags       = ["${REPOSITORY}6sense/service2:${TAG}"]
  contexts = {
    "6sense/shared" = "target:shared"
  }
}

# 6sense/admin
target "admin" {
  context    = "admin"
  dockerfile = "Dockerfile"
  tags       = ["${REPOSITORY}6sense/admin:${TAG}"]
  contexts = {
    "6sense/python"   = "target:python"
    "6sense/service1" = "target:service1"
  }
}
