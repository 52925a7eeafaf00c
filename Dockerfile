# The operator's image. `make image` writes the same without a container engine.
FROM --platform=$BUILDPLATFORM golang:1.26 AS build
ARG TARGETOS TARGETARCH
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY api api
COPY cmd cmd
COPY controllers controllers
COPY internal internal
RUN CGO_ENABLED=0 GOOS=$TARGETOS GOARCH=$TARGETARCH go build -trimpath -ldflags "-s -w" -o /travishook ./cmd/manager \
 && printf 'travishook:x:65532:65532::/nonexistent:/sbin/nologin\n' > /passwd \
 && printf 'travishook:x:65532:\n' > /group

FROM scratch
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/ca-certificates.crt
COPY --from=build /passwd /group /etc/
COPY --from=build /travishook /travishook
USER 65532
ENTRYPOINT ["/travishook"]
