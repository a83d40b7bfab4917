# syntax=docker/dockerfile:1
# The sandbox for the profile demo of compose.yaml: the service, an embedded Redis and an emulated Twilio in one process. Not for
# production: it hands out bearers.
ARG SDK=mcr.microsoft.com/dotnet/sdk:10.0-noble
ARG RUNTIME=mcr.microsoft.com/dotnet/aspnet:10.0-noble

FROM ${SDK} AS build
WORKDIR /calls
COPY --link . ./
RUN --mount=type=cache,id=nuget,target=/root/.nuget/packages \
    dotnet publish src/Sandbox/Sandbox.csproj -c Release --no-self-contained -o /app

FROM ${RUNTIME}
WORKDIR /app
COPY --link --from=build /app .
ENV DOTNET_EnableDiagnostics=0
USER 1654
ENTRYPOINT ["dotnet", "Calls.Sandbox.dll"]
