# Outlast's dead man's switch. A worker writes to its standard input, one line each:
#   + NAME PID START MARK CGROUP   an agent runs (CGROUP may be "-")
#   - NAME                         it has ended
#   ?                              are you there? Answered with a dot.
# When the worker has gone, the input ends, and what the agents have left running is ended too.
# A line that the worker could not finish is none. POSIX sh, for Linux and macOS. Where there is no
# /proc, its argument is how ps is told to show environments; START is then as ps has it in UTC, with
# "_" between its words, and else in ticks of the clock.
trap '' HUP INT QUIT TERM PIPE
set -f
environments=$1
agents=
while read -r what name agent; do
  case $what in
    '+')
      set -- $agent
      agents="$agents $name|$1|$2|$3|$4"
      ;;
    '-')
      others=
      for agent in $agents; do
        case $agent in "$name|"*) ;; *) others="$others $agent" ;; esac
      done
      agents=$others
      ;;
    '?') echo . ;;
  esac
done

# Prints the fields of /proc/PID/stat from the third on: state, parent, group and so on.
stat() {
  read -r line 2>/dev/null <"/proc/$1/stat" && echo "${line##*) }"
}

# Prints the group of a process.
group() {
  if [ -z "$environments" ]; then
    set -- $(stat "$1")
    echo "$3"
  else
    ps -o pgid= -p "$1"
  fi
}

# Says whether process PID is still the one that started at START.
leads() { # PID START
  if [ -z "$environments" ]; then
    set -- "$2" $(stat "$1")
    started=${21-}
  else
    set -- "$2" $(ps -o stat=,lstart= -p "$1")
    started=${3-}_${4-}_${5-}_${6-}_${7-}
  fi
  case ${2-} in Z*) return 1 ;; esac
  [ "$1" = "$started" ]
}

# Prints the processes that have VARIABLE in their environment.
carriers() { # VARIABLE
  if [ -z "$environments" ]; then
    set +f
    grep -lsF -- "$1" /proc/[0-9]*/environ | while IFS=/ read -r _ _ pid _; do
      echo "$pid"
    done
  else
    ps "$environments" -o pid=,command= | while read -r pid command; do
      case $command in *"$1"*) echo "$pid" ;; esac
    done
  fi
}

# Prints the processes of a control group and of those that were made below it. Those that have no
# process id here are 0.
members() { # CGROUP
  if [ -d "$1" ]; then
    find "$1" -name cgroup.procs -exec cat {} + 2>/dev/null | grep -v '^0$'
  fi
}

# Sends SIGNAL to what is left of an agent; fails if nothing is left. Its group counts only if the
# leader runs, or a process that is known by the mark or the control group is in it: a process id
# may have been given to somebody else.
end() { # SIGNAL NAME PID START MARK CGROUP
  grouped=
  left=1
  if leads "$3" "$4"; then
    grouped=yes
  fi
  if grep -qs '^populated 1' "$6/cgroup.events"; then
    left=0
  fi
  for process in $(members "$6") $(carriers "OUTLAST_INVOCATION=$5"); do
    left=0
    if [ "$(group "$process")" -eq "$3" ] 2>/dev/null; then
      grouped=yes
    else
      kill -s "$1" "$process" 2>/dev/null
    fi
  done
  if [ -n "$grouped" ]; then
    left=0
    kill -s "$1" -- "-$3" 2>/dev/null
  fi
  if [ "$1" = KILL ] && [ -e "$6/cgroup.kill" ]; then
    echo 1 2>/dev/null >"$6/cgroup.kill"
  fi
  return $left
}

# Sends SIGNAL to what is left of all agents; fails if nothing is left.
end_all() { # SIGNAL
  some=1
  for agent in $agents; do
    IFS='|'
    set -- "$1" $agent
    unset IFS
    end "$@" && some=0
  done
  return $some
}

# Five seconds to end by themselves, five more at most.
for signal in TERM 0 0 0 0 KILL KILL KILL KILL KILL; do
  end_all "$signal" || break
  sleep 1
done
for agent in $agents; do
  cgroup=${agent##*|}
  if [ -d "$cgroup" ]; then
    find "$cgroup" -depth -type d -exec rmdir {} \; 2>/dev/null
  fi
done
