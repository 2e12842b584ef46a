# Both images. `docker build --target webhook .` and `docker build --target updater .`; buildah takes the same.
# deploy/README.md says how they are released, for several architectures and on machines without a network.

# Node 24 and npm: used while building, never shipped.
ARG NODE_BUILD_IMAGE=node:24
# Node 24 and nothing else: no shell, no package manager. No default: a name without a registry could be anybody's.
ARG NODE_RUNTIME_IMAGE

# The programs are JavaScript, the same for every architecture: built once, on the architecture that builds.
FROM --platform=$BUILDPLATFORM ${NODE_BUILD_IMAGE} AS programs
# Where they come from: `build` makes them here, `prebuilt` takes dist/ as `npm run build` left it, for machines
# that reach no npm registry. (Not a stage of its own for each: buildah 1.28 does not find a stage by an ARG.)
ARG PROGRAMS=build
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
# No package's own scripts are run: the bundler works without them, and none can put anything into the bundles.
RUN [ "$PROGRAMS" = prebuilt ] || npm ci --ignore-scripts --no-audit --no-fund --loglevel=error
COPY . ./
RUN [ "$PROGRAMS" = prebuilt ] || npm run --ignore-scripts build

FROM ${NODE_RUNTIME_IMAGE} AS runtime
# Base images have node in different places.
ENV PATH=/nodejs/bin:/usr/local/bin:/usr/bin:/bin \
    NODE_ENV=production
# By number, so that a kubelet can tell that it is not root.
USER 65532:65532
WORKDIR /
ARG VERSION=dev
ARG REVISION=unknown
LABEL org.opencontainers.image.version=$VERSION \
      org.opencontainers.image.revision=$REVISION

FROM runtime AS updater
LABEL org.opencontainers.image.title=redis-ip-updater \
      org.opencontainers.image.description="Init container: gives nodes.conf the current IPs of the pods before Redis or Valkey starts"
# Readable for every user: the updater runs as the one that redis runs as.
COPY --from=programs --chmod=0444 /app/dist/updater.js /app/updater.js
ENTRYPOINT ["node", "/app/updater.js"]

FROM runtime AS webhook
LABEL org.opencontainers.image.title=redis-ip-updater-webhook \
      org.opencontainers.image.description="Admission webhook: puts the updater into the pods of labelled StatefulSets"
COPY --from=programs --chmod=0444 /app/dist/webhook.js /app/webhook.js
ENTRYPOINT ["node", "/app/webhook.js"]
