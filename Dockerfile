# unitscope alone; run folders, models and images are mounted.
#   docker build --tag unitscope .
#   docker run --rm --volume /shared:/shared unitscope run /shared/run --shard 0
FROM node:20-bookworm-slim AS build
WORKDIR /build
COPY package.json package-lock.json ./
COPY scripts/check-svelte/package.json scripts/check-svelte/
RUN npm ci --no-audit --no-fund
COPY . .
RUN npm pack --pack-destination /tmp

FROM node:20-bookworm-slim
COPY --from=build /tmp/unitscope-*.tgz /tmp/
RUN npm install --global --ignore-scripts --no-audit --no-fund /tmp/unitscope-*.tgz && rm -r /tmp/unitscope-*.tgz /root/.npm
# Data sets that are known by name are kept here; mount a folder to keep them between containers.
ENV UNITSCOPE_CACHE=/cache
RUN mkdir /cache && chown node:node /cache
USER node
ENTRYPOINT ["unitscope"]
