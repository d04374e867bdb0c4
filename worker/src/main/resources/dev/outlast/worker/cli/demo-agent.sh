#!/bin/sh
# The agent of "outlast demo". It speaks Claude Code's stream-json, but there is no model behind
# it: the first prompt of a session ends in a usage limit, and after the reset the session is
# finished. The first argument is how many seconds the limit lasts; the rest is Claude Code's.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
limit_seconds=$1
shift

session= how=fresh message=
while [ $# -gt 0 ]; do
  case $1 in
    --session-id) session=$2; shift ;;
    --resume) session=$2; how=resume; shift ;;
    --output-format | --model | --permission-mode) shift ;;
    -p | --print | --verbose) ;;
    *) message=$1 ;;
  esac
  shift
done
[ -n "$message" ] || message=$(cat)
now=$(date +%s)

# The oracle of the demo: when the agent was asked what, in which session.
printf '%s\t%s\t%s\t%s\n' "$now" "$session" "$how" "$(printf '%s' "$message" | tr '\n\t' '  ')" \
  >>"$here/ledger"

say() { # a record of the session, on one line
  printf '{"type":"%s",%s,"session_id":"%s"}\n' "$1" "$2" "$session"
}
talk() {
  say assistant "\"message\":{\"model\":\"demo\",\"content\":[{\"type\":\"text\",\"text\":\"$1\"}],\"usage\":{\"input_tokens\":120,\"output_tokens\":40}}"
}
limited() {
  say rate_limit_event "\"rate_limit_info\":{\"status\":\"rejected\",\"resetsAt\":$1,\"rateLimitType\":\"five_hour\",\"overageStatus\":\"rejected\",\"isUsingOverage\":false}"
  say result '"subtype":"success","is_error":true,"api_error_status":429,"api_error":"usage_limit_reached","result":"You'\''ve hit your session limit","num_turns":1,"total_cost_usd":0'
  exit 1
}

say system '"subtype":"init","claude_code_version":"demo","tools":["Write"]'
if [ "$how" = resume ] && [ ! -f "$here/session-$session" ]; then
  echo "No conversation found with session ID: $session" >&2
  exit 1
fi
if [ "$how" = fresh ]; then
  echo "step 1" >"$here/session-$session"
  talk "Step 1 of 2 is written."
  sleep 2
  echo "step 1 of 2" >>report.txt
  reset=$((now + limit_seconds))
  echo "$reset" >"$here/reset"
  limited "$reset"
fi
reset=$(cat "$here/reset")
[ "$now" -ge "$reset" ] || limited "$reset"
talk "Going on after $(cat "$here/session-$session")."
sleep 1
echo "step 2 of 2" >>report.txt
say result '"subtype":"success","is_error":false,"result":"Both steps of the report are written.","num_turns":2,"total_cost_usd":0'
