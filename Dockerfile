# The framework on a CPU, run as a user. Build and try it:
#   docker build -t music-genre .
#   docker run --rm music-genre                                                          the choices of `train`
#   docker run --rm -v "$PWD/outputs:/home/user/music-genre/outputs" music-genre src.train experiment=quick
#   docker run --rm -v "$PWD/music:/music:ro" music-genre src.predict /music
# No container engine was at hand: the commands below were run one by one, as a user without root rights, in an empty folder.
FROM python:3.11-slim

RUN apt-get update \
    && apt-get install --yes --no-install-recommends make \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --create-home --uid 1000 user

USER user
WORKDIR /home/user/music-genre

# The environment first: it is built again only where the lock changes.
COPY --chown=user Makefile requirements.lock ./
RUN make setup

COPY --chown=user . .
# The Makefile's time stamp is newer now, the lock's is not: nothing is installed again.
RUN mkdir -p outputs && make setup

ENTRYPOINT [".venv/bin/python", "-m"]
CMD ["src.train", "--help"]
