# syntax=docker/dockerfile:1
# Two programs, one build: docker build --target silo . and docker build --target api .
FROM mcr.microsoft.com/dotnet/sdk:10.0.401 AS build
WORKDIR /source

# The packages change seldom: they are restored before the sources come, so that the layer is kept.
COPY global.json Directory.Build.props Directory.Packages.props BannedSymbols.txt .editorconfig ./
COPY src/Sms.Grains/Sms.Grains.csproj src/Sms.Grains/
COPY src/Sms.Api/Sms.Api.csproj src/Sms.Api/
COPY src/Sms.Silo/Sms.Silo.csproj src/Sms.Silo/
RUN dotnet restore src/Sms.Silo/Sms.Silo.csproj

COPY sql sql
COPY src src
# Each into a folder of its own: both are programs with settings files of the same name.
RUN dotnet publish src/Sms.Silo/Sms.Silo.csproj --no-restore -c Release -o /programs/silo \
 && dotnet publish src/Sms.Api/Sms.Api.csproj --no-restore -c Release -o /programs/api

FROM mcr.microsoft.com/dotnet/aspnet:10.0.12 AS base
WORKDIR /app
# The image brings this user without rights; the generated admin key and the embedded PostgreSQL are not for containers,
# so nothing is written to disk.
USER $APP_UID
# ASP.NET's own setting of the image would only earn a warning: SMS_URLS decides.
ENV SMS_URLS=http://+:8080 ASPNETCORE_HTTP_PORTS=
EXPOSE 8080
STOPSIGNAL SIGTERM

FROM base AS silo
COPY --from=build /programs/silo .
EXPOSE 11111 30000
# The image has no HTTP client: the program asks itself.
HEALTHCHECK --interval=10s --timeout=6s --start-period=60s --start-interval=2s --retries=3 CMD ["dotnet", "Sms.Silo.dll", "health"]
ENTRYPOINT ["dotnet", "Sms.Silo.dll"]

FROM base AS api
COPY --from=build /programs/api .
HEALTHCHECK --interval=10s --timeout=6s --start-period=60s --start-interval=2s --retries=3 CMD ["dotnet", "Sms.Api.dll", "health"]
ENTRYPOINT ["dotnet", "Sms.Api.dll"]
