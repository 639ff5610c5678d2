# The build stage needs the Go toolchain; the image that ships is one static binary and its empty data directory.
FROM golang:1.26 AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
RUN CGO_ENABLED=0 go build -trimpath -ldflags="-s -w" -o /out/redoubt ./cmd/redoubt && mkdir /out/data

FROM scratch
COPY --from=build /out/redoubt /redoubt
# A named volume takes over the owner of the directory that it covers.
COPY --from=build --chown=65532:65532 /out/data /data
USER 65532:65532
ENV REDOUBT_DIR=/data
VOLUME /data
EXPOSE 6379 7379
HEALTHCHECK --interval=5s --timeout=3s --start-period=10s --retries=3 CMD ["/redoubt", "health"]
ENTRYPOINT ["/redoubt"]
CMD ["server"]
