# syntax=docker/dockerfile:1
# The image of the service: docker build -t calls .
# It has no shell and no package manager. Its user has no rights.
#
# The base images are tags here. A release pins both by digest (build/release bases).
ARG SDK=mcr.microsoft.com/dotnet/sdk:10.0-noble
ARG RUNTIME=mcr.microsoft.com/dotnet/aspnet:10.0-noble-chiseled

FROM --platform=$BUILDPLATFORM ${SDK} AS build
ARG TARGETARCH
WORKDIR /calls
# Only the files that the restore needs. So a change of code does not restore again.
COPY --link global.json NuGet.config Directory.Build.props Directory.Packages.props BannedSymbols.txt ./
COPY --link build/MediatR.Contracts/MediatR.Contracts.csproj build/MediatR.Contracts/packages.lock.json build/MediatR.Contracts/
COPY --link src/Domain/Domain.csproj src/Domain/packages.lock.json src/Domain/
COPY --link src/Application/Application.csproj src/Application/packages.lock.json src/Application/
COPY --link src/Infrastructure/Infrastructure.csproj src/Infrastructure/packages.lock.json src/Infrastructure/
COPY --link src/Api/Api.csproj src/Api/packages.lock.json src/Api/
# The first restore checks each package against the lock files. The second one adds what one processor needs.
RUN --mount=type=cache,id=nuget,target=/root/.nuget/packages dotnet restore src/Api/Api.csproj --locked-mode \
    && dotnet restore src/Api/Api.csproj -a $TARGETARCH
COPY --link .editorconfig ./
COPY --link build/ build/
COPY --link src/ src/
ARG VERSION=0.0.0-dev
RUN --mount=type=cache,id=nuget,target=/root/.nuget/packages dotnet publish src/Api/Api.csproj -c Release \
    -a $TARGETARCH --no-restore --no-self-contained -p:CallsVersion=$VERSION -o /app

FROM ${RUNTIME}
ARG VERSION=0.0.0-dev
ARG REVISION=unknown
LABEL org.opencontainers.image.title="Calls" \
      org.opencontainers.image.description="The backend of multi-party voice calls on Twilio" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
WORKDIR /app
COPY --link --from=build /app .
# The root file system can be read-only: the service writes only to /tmp, and diagnostics are off because they write files.
ENV DOTNET_EnableDiagnostics=0
# A number, because runAsNonRoot of Kubernetes cannot check a name.
USER 1654
EXPOSE 8080
ENTRYPOINT ["dotnet", "Calls.Api.dll"]
