#!/bin/sh
# Places calls between the phones of the sandbox, one after the other. The profile demo of compose.yaml runs it beside the sandbox.
# SANDBOX: the address of the sandbox's page. PAUSE: seconds between two steps of a call. ROUNDS: how many rounds; 0 is without end.
set -eu
SANDBOX=${SANDBOX:-http://127.0.0.1:5081}
PAUSE=${PAUSE:-3}
ROUNDS=${ROUNDS:-0}

phone() { # phone ADDRESS ACTION: a phone that cannot do it now is no error. The call may have ended meanwhile.
  curl -sS -o /dev/null -X POST "$SANDBOX/phones/$1/$2" || true
}
behave() { # behave ADDRESS BEHAVIOUR
  curl -sS -f -o /dev/null -X PUT -H 'Content-Type: application/json' -d "{\"behaviour\": \"$2\"}" "$SANDBOX/sandbox/phones/$1/behaviour"
}

until about=$(curl -sS -f "$SANDBOX/sandbox/about" 2>/dev/null); do sleep 1; done
alice=$(printf '%s' "$about" | sed 's/.*"alice" *: *"\([^"]*\)".*/\1/')
behave client:bob answer
behave +15550100101 answer

round=0
while [ "$ROUNDS" = 0 ] || [ "$round" -lt "$ROUNDS" ]; do
  round=$((round + 1))
  # Every third callee does not take the call.
  case $((round % 3)) in
    0) behave client:carol decline; callee=carol ;;
    *) callee=bob ;;
  esac
  session="demo-$(date +%s)-$round"
  phone client:alice "call?to=$callee&session=$session"
  sleep "$PAUSE"
  if [ "$callee" = bob ]; then
    curl -sS -o /dev/null -X POST -H "Authorization: Bearer $alice" -H 'Content-Type: application/json' \
      -d '{"phoneNumber": "+15550100101", "label": "lawyer"}' "$SANDBOX/v1/sessions/$session/participants" || true
    sleep "$PAUSE"
    phone client:alice hang-up
    sleep "$PAUSE"
    phone client:bob hang-up
  fi
  sleep "$PAUSE"
done
