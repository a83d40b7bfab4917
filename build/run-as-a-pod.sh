#!/usr/bin/env bash
# Publishes the Api, runs it as its pod would (uid 1654, read-only root, no capabilities, no_new_privs), and asks it for its health and for TwiML.
# Needs root for the mounts, and curl and openssl. Redis is not needed: without one, a caller is asked to hold on.
set -euo pipefail
cd "$(dirname "$0")/.."
[ "$(id -u)" = 0 ] || { echo 'run-as-a-pod.sh: needs root' >&2; exit 1; }
port=${PORT:-18080}
folder=$(mktemp -d)
trap 'kill "$pid" 2>/dev/null || true; wait "$pid" 2>/dev/null || true; rm -rf "$folder"' EXIT
pid=
dotnet publish src/Api/Api.csproj -c Release -o "$folder" -v q -clp:NoSummary
chmod -R a+rX "$folder"
token=0123456789abcdef0123456789abcdef
origin=http://127.0.0.1:$port
root=$(dirname "$(readlink -f "$(command -v dotnet)")")
unshare --mount --propagation private bash -c '
  mount -o bind,ro / / 2>/dev/null || mount -o remount,bind,ro /
  cd "$1" && exec setpriv --reuid 1654 --regid 1654 --clear-groups --bounding-set=-all --inh-caps=-all --no-new-privs \
    env -i PATH="$PATH" DOTNET_ROOT="$4" DOTNET_EnableDiagnostics=0 ASPNETCORE_URLS="$2" PublicBaseUrl="$2" ConnectionStrings__Redis=127.0.0.1:1 \
    Twilio__Client__AccountSid=AC00000000000000000000000000000001 Twilio__AuthToken="$3" Twilio__Voice__CallerId=+15550100000 "$4/dotnet" Calls.Api.dll' \
  _ "$folder" "$origin" "$token" "$root" >"$folder.log" 2>&1 &
pid=$!
began=$(date +%s%N)
until curl -sf "$origin/healthz/ready" >/dev/null; do
  kill -0 "$pid" 2>/dev/null || { cat "$folder.log" >&2; exit 1; }
  sleep 0.02
done
echo "ready after $((($(date +%s%N) - began) / 1000000)) ms"
grep -E '^(Uid|CapEff|CapBnd|NoNewPrivs)' "/proc/$pid/status" | tr '\n' ' '; echo
grep -q '^Uid:.1654' "/proc/$pid/status"
grep -q '^CapEff:.0000000000000000' "/proc/$pid/status"
grep -q '^NoNewPrivs:.1' "/proc/$pid/status"
for probe in startup live ready; do curl -sf "$origin/healthz/$probe" >/dev/null; done
sid=CA00000000000000000000000000000001
signature=$(printf '%s' "$origin/twilio/voiceCallSid${sid}Fromclient:aliceTobob" | openssl dgst -sha1 -hmac "$token" -binary | base64)
twiml=$(curl -sf "$origin/twilio/voice" -H "X-Twilio-Signature: $signature" -d "CallSid=$sid" --data-urlencode 'From=client:alice' -d 'To=bob')
case $twiml in *'<Pause'*'<Redirect'*) echo "voice webhook: $twiml" ;; *) echo "unexpected: $twiml" >&2; exit 1 ;; esac
kill -TERM "$pid"
wait "$pid"
pid=
echo "exit 0 after SIGTERM"
rm -f "$folder.log"
