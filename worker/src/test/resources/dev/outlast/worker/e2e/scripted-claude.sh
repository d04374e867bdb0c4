#!/bin/sh
# An agent that speaks Claude's stream-json. Its allowance runs out in its first invocation and
# returns after as many seconds as the file "limit-seconds" beside it says. Every invocation adds
# a line to the file "ledger": the time, how it was started, the session, and what it was told.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
mode=none session=none prompt=
while [ $# -gt 0 ]; do
  case $1 in
    --version) echo '2.1.329 (Claude Code)'; exit 0 ;;
    -p) prompt=$2; shift ;;
    --session-id) mode=fresh session=$2; shift ;;
    --resume) mode=resume session=$2; shift ;;
    --output-format) shift ;;
  esac
  shift
done

say() { printf '%s\n' "$1"; }

now=$(date +%s)
printf '%s %s %s %s\n' "$now" "$mode" "$session" "$(printf %s "$prompt" | tr '\n' ' ')" >>"$here/ledger"

if [ "$mode" = resume ] && [ ! -f "$here/session-$session" ]; then
  echo "No conversation found with session ID: $session" >&2
  say '{"type":"result","subtype":"error_during_execution","is_error":true,"num_turns":0,"session_id":"'"$session"'","total_cost_usd":0,"errors":["No conversation found with session ID: '"$session"'"]}'
  exit 1
fi
printf '%s\n' "$prompt" | tr '\n' ' ' >>"$here/session-$session"
echo >>"$here/session-$session"

say '{"type":"system","subtype":"init","session_id":"'"$session"'","model":"scripted","tools":["Bash"],"claude_code_version":"2.1.329"}'

if [ ! -f "$here/reset" ]; then
  say '{"type":"assistant","message":{"id":"msg_1","type":"message","role":"assistant","model":"scripted","content":[{"type":"text","text":"The first half is done."}],"usage":{"input_tokens":10,"output_tokens":5}},"session_id":"'"$session"'"}'
  echo $((now + $(cat "$here/limit-seconds"))) >"$here/reset"
fi
reset=$(cat "$here/reset")
if [ "$now" -lt "$reset" ]; then
  say '{"type":"rate_limit_event","rate_limit_info":{"status":"rejected","resetsAt":'"$reset"',"rateLimitType":"five_hour","overageStatus":"rejected","overageDisabledReason":"org_level_disabled","isUsingOverage":false},"session_id":"'"$session"'"}'
  say '{"type":"assistant","message":{"id":"msg_2","type":"message","role":"assistant","model":"<synthetic>","content":[{"type":"text","text":"You'"'"'ve hit your 5-hour limit"}],"usage":{"input_tokens":0,"output_tokens":0}},"error":"rate_limit","api_error":"usage_limit_reached","api_error_status":429,"is_api_error_message":true,"session_id":"'"$session"'"}'
  say '{"type":"result","subtype":"success","is_error":true,"api_error_status":429,"api_error":"usage_limit_reached","result":"You'"'"'ve hit your 5-hour limit","num_turns":1,"session_id":"'"$session"'","total_cost_usd":0,"usage":{"input_tokens":10,"output_tokens":5}}'
  exit 1
fi
messages=$(wc -l <"$here/session-$session" | tr -d ' ')
say '{"type":"assistant","message":{"id":"msg_3","type":"message","role":"assistant","model":"scripted","content":[{"type":"text","text":"Done."}],"usage":{"input_tokens":12,"output_tokens":6}},"session_id":"'"$session"'"}'
say '{"type":"result","subtype":"success","is_error":false,"result":"Done after '"$messages"' messages.","num_turns":1,"session_id":"'"$session"'","total_cost_usd":0.01,"usage":{"input_tokens":12,"output_tokens":6}}'
