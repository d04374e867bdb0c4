#!/usr/bin/env perl
# An agent that speaks Claude's stream-json, keeps its sessions in Claude's place, and writes down
# what happens to it: one line for each event into runs/NAME/ledger beside itself, on the disk before
# it goes on. NAME is the name of the folder that it works in.
#
# A line is: monotonic clock (ns), clock (ms), process id, number of the invocation in this run, event,
# session, what there is to say about it (percent-encoded). Events:
#   WORKER  it runs; detail: the worker that has started it, by what that has given it to know it by
#   START   it has begun; detail: fresh or resume
#   CLASH   another process of this agent was in the same session at that moment
#   UNKNOWN it was to resume a session that is not there
#   USED    it was to begin a session that is there already
#   SAID    the message is in the session; detail: the message
#   LIMIT   its allowance is used up; detail: the reset, in seconds since 1970
#   DONE    it has done its task
#   CHILD   it has left a child in a session of its own; detail: the child's process id
#   END     it exits by itself; detail: its exit code
#
# runs/NAME/plan has lines "key value":
#   limits SECONDS...  after how long its allowance returns, for each limit that it meets, in turn
#   work MILLISECONDS  how long it works before a limit or the end
#   stubborn           it ignores SIGINT and SIGTERM
#   leaves-child       it leaves a child in a session of its own
# It stops at a point while there is a file runs/NAME/hold-POINT-INVOCATION, and tells so by a file
# held-POINT-INVOCATION. The points: start, first-line, session, limit, result, exit.
use strict;
use warnings;
use Fcntl qw(:DEFAULT :flock);
use File::Basename qw(dirname basename);
use IO::Handle;
use POSIX ();
use Time::HiRes qw(clock_gettime CLOCK_MONOTONIC sleep time);

my $version = '2.1.329';
if (@ARGV && $ARGV[0] eq '--version') { print "$version (Claude Code)\n"; exit 0 }

my ($mode, $session, $prompt) = ('fresh', 'none', undef);
while (@ARGV) {
  my $option = shift @ARGV;
  if ($option eq '-p') { $prompt = shift @ARGV if @ARGV && $ARGV[0] !~ /^--/ }
  elsif ($option eq '--session-id') { ($mode, $session) = ('fresh', shift @ARGV) }
  elsif ($option eq '--resume') { ($mode, $session) = ('resume', shift @ARGV) }
  elsif ($option eq '--output-format') { shift @ARGV }
}
$prompt = do { local $/; <STDIN> } unless defined $prompt;

my $cwd = POSIX::getcwd();
my $run = dirname($0) . '/runs/' . basename($cwd);
my %plan = map { /^(\S+)\s*(.*)/ ? ($1, $2) : () } split /\n/, slurp("$run/plan");
my @limits = split ' ', $plan{limits} // '';
if (exists $plan{stubborn}) { $SIG{INT} = $SIG{TERM} = 'IGNORE' }

my $config = $ENV{CLAUDE_CONFIG_DIR} // "$ENV{HOME}/.claude";
my $slug = $cwd =~ s/[^A-Za-z0-9]/-/gr;
my $file = "$config/projects/$slug/$session.jsonl";

sysopen(my $ledger, "$run/ledger", O_RDWR | O_CREAT | O_APPEND) or die "$run/ledger: $!";
flock($ledger, LOCK_EX) or die "$run/ledger: $!";
my $invocation = 1 + grep { / START / } split /\n/, slurp("$run/ledger");
record('WORKER', $ENV{OUTLAST_TEST_AGENT} // '');
record('START', $mode);
flock($ledger, LOCK_UN);

# Held until this process is gone, however it goes.
sysopen(my $lock, "$run/lock-$session", O_RDWR | O_CREAT) or die "$run/lock-$session: $!";
flock($lock, LOCK_EX | LOCK_NB) or record('CLASH', '');

leave_child() if exists $plan{'leaves-child'};
hold('start');
say_line('{"type":"system","subtype":"status","status":null}');
hold('first-line');

if ($mode eq 'resume' && !-e $file) {
  record('UNKNOWN', '');
  my $error = "No conversation found with session ID: $session";
  print STDERR "$error\n";
  say_line(qq({"type":"result","subtype":"error_during_execution","is_error":true,"num_turns":0,"session_id":"$session","total_cost_usd":0,"errors":["$error"]}));
  end(1);
}
if ($mode eq 'fresh' && -e $file) {
  record('USED', '');
  print STDERR "Error: Session ID $session is already in use.\n";
  end(1);
}
append_to_session('user');
record('SAID', $prompt);
say_line(qq({"type":"system","subtype":"init","session_id":"$session","model":"scripted","tools":["Bash"],"claude_code_version":"$version"}));
hold('session');

my $reset = -e "$run/reset" ? slurp("$run/reset") : 0;
if (time() >= $reset) {
  work(($plan{work} // 0) / 1000);
  append_to_session('assistant');
  say_line(qq({"type":"assistant","message":{"id":"msg_1","type":"message","role":"assistant","model":"scripted","content":[{"type":"text","text":"Some of it is done."}],"usage":{"input_tokens":10,"output_tokens":5}},"session_id":"$session"}));
  my $met = -e "$run/limits-met" ? slurp("$run/limits-met") : 0;
  if ($met < @limits) {
    $reset = int(time()) + $limits[$met];
    put("$run/reset", $reset);
    put("$run/limits-met", $met + 1);
  }
}
if (time() < $reset) {
  record('LIMIT', $reset);
  say_line(qq({"type":"rate_limit_event","rate_limit_info":{"status":"rejected","resetsAt":$reset,"rateLimitType":"five_hour","overageStatus":"rejected","overageDisabledReason":"org_level_disabled","isUsingOverage":false},"session_id":"$session"}));
  say_line(qq({"type":"assistant","message":{"id":"msg_2","type":"message","role":"assistant","model":"<synthetic>","content":[{"type":"text","text":"You've hit your 5-hour limit"}],"usage":{"input_tokens":0,"output_tokens":0}},"error":"rate_limit","api_error":"usage_limit_reached","api_error_status":429,"is_api_error_message":true,"session_id":"$session"}));
  hold('limit');
  say_line(qq({"type":"result","subtype":"success","is_error":true,"api_error_status":429,"api_error":"usage_limit_reached","result":"You've hit your 5-hour limit","num_turns":1,"session_id":"$session","total_cost_usd":0,"usage":{"input_tokens":10,"output_tokens":5}}));
  end(1);
}
hold('result');
record('DONE', '');
say_line(qq({"type":"result","subtype":"success","is_error":false,"result":"Done: ) . basename($cwd) . qq(.","num_turns":1,"session_id":"$session","total_cost_usd":0.01,"usage":{"input_tokens":12,"output_tokens":6}}));
end(0);

sub end {
  my ($code) = @_;
  hold('exit');
  record('END', $code);
  exit $code;
}

sub record {
  my ($event, $detail) = @_;
  my $encoded = $detail =~ s/([^A-Za-z0-9._-])/sprintf('%%%02X', ord $1)/ger;
  my $line = sprintf("%d %d %d %d %s %s %s\n",
    clock_gettime(CLOCK_MONOTONIC) * 1e9, time() * 1000, $$, $invocation, $event, $session, $encoded);
  defined syswrite($ledger, $line) && $ledger->sync or die "$run/ledger: $!";
}

sub append_to_session {
  my ($who) = @_;
  make_folders(dirname($file));
  open(my $out, '>>', $file) or die "$file: $!";
  printf $out qq({"type":"%s","uuid":"%s-%d-%s","sessionId":"%s"}\n), $who, $session, $invocation, $who, $session;
  $out->flush && $out->sync or die "$file: $!";
}

sub make_folders {
  my ($folder) = @_;
  return if -d $folder;
  make_folders(dirname($folder));
  mkdir $folder;
}

sub leave_child {
  my $child = fork() // die "fork: $!";
  if ($child == 0) {
    POSIX::setsid();
    open(STDIN, '<', '/dev/null');
    open(STDOUT, '>', '/dev/null');
    open(STDERR, '>', '/dev/null');
    exec('sleep', '600');
  }
  record('CHILD', $child);
}

sub hold {
  my ($point) = @_;
  return unless -e "$run/hold-$point-$invocation";
  put("$run/held-$point-$invocation", $$);
  sleep 0.02 while -e "$run/hold-$point-$invocation";
}

# A busy machine must not take less work for more.
sub work {
  my ($seconds) = @_;
  my $until = clock_gettime(CLOCK_MONOTONIC) + $seconds;
  sleep 0.05 while clock_gettime(CLOCK_MONOTONIC) < $until;
}

sub say_line {
  my ($line) = @_;
  STDOUT->autoflush(1);
  print "$line\n" or die "standard output: $!";
}

sub slurp {
  my ($path) = @_;
  open(my $in, '<', $path) or die "$path: $!";
  local $/;
  my $text = <$in> // '';
  $text =~ s/\n\z//;
  return $text;
}

sub put {
  my ($path, $text) = @_;
  open(my $out, '>', "$path.new") or die "$path.new: $!";
  print $out "$text\n";
  $out->flush && $out->sync or die "$path.new: $!";
  close $out;
  rename("$path.new", $path) or die "$path: $!";
}
