# A static program in an image that holds nothing else.
FROM golang:1.26 AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
RUN CGO_ENABLED=0 go build -trimpath -ldflags='-s -w' -o /guichet ./cmd/guichet \
 && mkdir -p /data/var/lib/guichet /data/etc/guichet /data/tmp

FROM scratch
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/
COPY --from=build /guichet /guichet
# Numeric, so that it needs no passwd file and Kubernetes can tell it is not root.
COPY --from=build --chown=10025:10025 /data/ /
USER 10025:10025
VOLUME /var/lib/guichet
# Ports below 1024 are open to everybody inside a container since Docker 20.10.
EXPOSE 25
HEALTHCHECK --interval=30s --timeout=5s --start-period=5s CMD ["/guichet", "health"]
ENTRYPOINT ["/guichet"]
CMD ["serve"]
