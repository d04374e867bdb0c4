#!/bin/sh
# An agent that speaks Claude's stream-json and tells every secret that it can get hold of,
# wherever an agent can tell anything. Its prompt says how it ends. It goes on only once there is a
# file "go" beside it.
set -u
here=$(cd "$(dirname "$0")" && pwd)
session=none prompt= mode=fresh
while [ $# -gt 0 ]; do
  case $1 in
    --version) echo "2.1.329-$MY_AGENT_TOKEN"; exit 0 ;;
    -p) prompt=$2; shift ;;
    --session-id) session=$2; shift ;;
    --resume) session=$2; mode=resume; shift ;;
    --output-format) shift ;;
  esac
  shift
done
echo "$mode $prompt" >>"$here/ledger"

say() { printf '%s\n' "$1"; }

workers=none
if [ -r "/proc/$PPID/environ" ]; then
  workers=$(tr '\0' '\n' <"/proc/$PPID/environ" | sed -n 's/^OTHER_API_KEY=//p')
fi
all="$MY_AGENT_TOKEN $ACCOUNT_KEY $ACCOUNT_FILE $CONFIG_PASSWORD $workers"
leak="$all $(printf 'user:%s' "$ACCOUNT_KEY" | base64 | tr -d '\n') gh""p_0123456789abcdefghijABCDEFGHIJ012345"
printf '%s\n' "$leak" >"$here/told"

case $prompt in
  *session*) named="s-$ACCOUNT_KEY" ;;
  *) named=$session ;;
esac
echo "on stderr: $leak" >&2
say "in plain: $leak"
say '{"type":"system","subtype":"init","session_id":"'"$named"'","model":"'"$ACCOUNT_KEY"'","claude_code_version":"2.1.329-'"$ACCOUNT_FILE"'"}'
say '{"type":"assistant","message":{"id":"m-'"$ACCOUNT_KEY"'","role":"assistant","model":"scripted","content":[{"type":"text","text":"'"$leak"'"},{"type":"tool_use","name":"mcp__'"$ACCOUNT_KEY"'","input":{"command":"'"$leak"'"}}],"usage":{"input_tokens":1,"output_tokens":1}},"session_id":"'"$named"'"}'
while [ ! -f "$here/go" ]; do sleep 0.2; done

failed() {
  say '{"type":"result","subtype":"success","is_error":true,"api_error_status":'"$1"',"result":"'"$2"'","session_id":"'"$named"'"}'
  exit 1
}
case $mode$prompt in
  freshlimit*)
    reset=$(($(date +%s) + 2))
    if [ -d .git ]; then
      git checkout -q -b "branch-$ACCOUNT_KEY"
      : >"file-$ACCOUNT_KEY"
      # Time enough for somebody else to change something meanwhile.
      reset=$((reset + 28))
    fi
    say '{"type":"rate_limit_event","rate_limit_info":{"status":"rejected","resetsAt":'"$reset"',"rateLimitType":"five_hour"},"session_id":"'"$named"'"}'
    failed 429 "You have hit your limit, $leak"
    ;;
  freshcrash*)
    echo "Traceback: $leak" >&2
    exit 3
    ;;
  *auth*) failed 401 "Invalid API key: $leak" ;;
  *refused*) failed 400 "bad request with $leak" ;;
esac
say '{"type":"result","subtype":"success","is_error":false,"result":"Done with '"$leak"'","session_id":"'"$named"'","usage":{"input_tokens":1,"output_tokens":1}}'
