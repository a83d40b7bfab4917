# syntax=docker/dockerfile:1
# The service alone: no shell, no package manager, user 1654, nothing written to its root.
#   docker build -t calls .
# A release pins both bases by digest: --build-arg SDK=mcr.microsoft.com/dotnet/sdk:10.0-noble@sha256:… --build-arg RUNTIME=…
ARG SDK=mcr.microsoft.com/dotnet/sdk:10.0-noble
ARG RUNTIME=mcr.microsoft.com/dotnet/aspnet:10.0-noble-chiseled

FROM --platform=$BUILDPLATFORM ${SDK} AS build
ARG TARGETARCH
WORKDIR /source
# The projects alone first: the restore is repeated only when a package changes. Every version is pinned in Directory.Packages.props, transitive ones too.
COPY --link Directory.Build.props Directory.Packages.props NuGet.config BannedSymbols.txt global.json .editorconfig ./
COPY --link build/ build/
COPY --link src/Domain/Domain.csproj src/Domain/
COPY --link src/Application/Application.csproj src/Application/
COPY --link src/Infrastructure/Infrastructure.csproj src/Infrastructure/
COPY --link src/Api/Api.csproj src/Api/
RUN --mount=type=cache,id=nuget,target=/root/.nuget/packages dotnet restore src/Api/Api.csproj -a $TARGETARCH
COPY --link src/ src/
RUN --mount=type=cache,id=nuget,target=/root/.nuget/packages dotnet publish src/Api/Api.csproj -c Release -a $TARGETARCH --no-restore --no-self-contained -o /app

FROM ${RUNTIME}
LABEL org.opencontainers.image.title="Calls" org.opencontainers.image.licenses="Apache-2.0"
WORKDIR /app
COPY --link --from=build /app .
# A read-only root needs no diagnostics socket in /tmp.
ENV DOTNET_EnableDiagnostics=0 ASPNETCORE_HTTP_PORTS=8080
USER 1654:1654
EXPOSE 8080
ENTRYPOINT ["dotnet", "Calls.Api.dll"]
